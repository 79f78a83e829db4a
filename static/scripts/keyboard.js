// What the keyboard does on every page of the portal. Its words and addresses stand in `keyboard.html`.

const SETTING = "slipway.shortcuts";
const SEQUENCE_MILLISECONDS = 1500;
const FIELDS = "input, select, textarea, [contenteditable], [role=textbox], [role=combobox], [role=listbox], [role=menu]";
const HELD = new Set(["j", "k"]);
// These are no fields: nobody types into them.
const NOT_TYPED = new Set(["button", "checkbox", "file", "image", "radio", "reset", "submit"]);

const template = document.getElementById("keyboard-help-template");
const places = JSON.parse(template.dataset.places);
let startedAt = -Infinity;
let help;

/** Where a browser keeps nothing, shortcuts are on as they are from the beginning. */
function isOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

function switchTo(on) {
  try {
    localStorage.setItem(SETTING, on ? "on" : "off");
  } catch {
    // Then it counts for this page alone.
  }
}

function isTyping(target) {
  const field = target instanceof Element ? target.closest(FIELDS) : null;
  return field !== null && !(field.localName === "input" && NOT_TYPED.has(field.type));
}

function isShown(element) {
  return element.checkVisibility?.({ visibilityProperty: true }) ?? element.offsetParent !== null;
}

function findNew() {
  return [...document.querySelectorAll("[data-key=n]")].find(isShown);
}

function buildHelp() {
  const content = template.content.cloneNode(true);
  const dialog = content.querySelector("dialog");
  const label = dialog.querySelector("[data-new-label]");
  // What a page offers first is what the key does there.
  if (label) label.textContent = findNew()?.textContent.trim() ?? label.textContent;
  const box = dialog.querySelector("[data-keyboard-switch]");
  box.checked = isOn();
  box.addEventListener("change", () => switchTo(box.checked));
  // A click beside the dialog closes it, as Esc does.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(content);
  return dialog;
}

function showHelp() {
  help ??= buildHelp();
  if (!help.open) help.showModal();
}

function goToSearch() {
  const field = [...document.querySelectorAll("main [data-search], main input[type=search]")].find(isShown);
  if (!field) return location.assign(template.dataset.search);
  field.focus();
  field.select();
}

function goToNew() {
  const link = findNew();
  if (link) link.click();
  else if (template.dataset.new) location.assign(template.dataset.new);
}

/** Moves the focus from row to row: each is opened by the link that names it. */
function walk(step) {
  const links = [...document.querySelectorAll("main table.list tbody .row-title[href]")].filter(isShown);
  const rows = [...new Map(links.map((link) => [link.closest("tr"), link]).reverse()).values()].reverse();
  if (!rows.length) return false;
  const current = document.activeElement?.closest("tr");
  const place = rows.findIndex((link) => link.closest("tr") === current);
  const next = rows[place < 0 ? (step > 0 ? 0 : rows.length - 1) : place + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}

function open() {
  const link = document.activeElement?.closest("tr")?.querySelector(".row-title[href]");
  link?.click();
  return Boolean(link);
}

const ACTIONS = {
  "/": goToSearch,
  "?": showHelp,
  n: goToNew,
  j: () => walk(1),
  k: () => walk(-1),
  o: open,
};

/** Gives what a key does here and now, or nothing. The first of two keys does nothing but wait for the second. */
function findAction(key) {
  const isSecond = performance.now() - startedAt < SEQUENCE_MILLISECONDS;
  startedAt = -Infinity;
  if (isSecond) return places[key] ? () => location.assign(places[key]) : undefined;
  if (key === "g") return () => void (startedAt = performance.now());
  return ACTIONS[key];
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  // A key that is held down walks on; it does nothing else twice.
  if (event.repeat && !HELD.has(event.key)) return;
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target) || !isOn()) return;
  if (document.querySelector("dialog[open]")) return;
  // On some keyboards these two need Shift. A capital letter is no shortcut, but one of Caps Lock is meant as a small one.
  const isSign = event.key === "/" || event.key === "?";
  if (event.key.length !== 1 || (event.shiftKey && !isSign)) return;
  const action = findAction(event.key.toLowerCase());
  if (action && action() !== false) event.preventDefault();
});

for (const button of document.querySelectorAll("[data-open-keyboard]")) {
  button.hidden = false;
  button.addEventListener("click", showHelp);
}
