// What the page says of a draft: one quiet line of where it is kept, and notices with what can be done about them.

// One beside the heading, and one beside the buttons.
const stateLines = document.querySelectorAll("[data-draft-state-line]");
const notices = document.querySelector("[data-draft-notices]");
const announcer = document.querySelector("[data-draft-announcer]");
const othersTemplate = document.querySelector("template[data-draft-others]");

const SUMMARY_LENGTH = 60;
// What is news for somebody who cannot see the line. That something was saved once more is none.
const ANNOUNCED = new Set(["offline", "signed-out", "refused", "lost", "stranger"]);

let shownState = "";

/** Gives a time as people say it here: the hour, and the day unless it is today's. */
export function spellTime(moment) {
  const date = new Date(moment);
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { day: "numeric", month: "short" };
  const options = { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(document.documentElement.lang, options).format(date);
}

/** Says in a few words which text it is. */
export function summarize(fields) {
  const [name, version, notes] = ["name", "version", "notes"].map((field) => fields[field]?.[0]?.trim() ?? "");
  const text = [name, name.includes(version) ? "" : version].filter(Boolean).join(" ") || notes || "–";
  const characters = Array.from(text.replace(/\s+/g, " "));
  return characters.length > SUMMARY_LENGTH ? `${characters.slice(0, SUMMARY_LENGTH - 1).join("")}…` : characters.join("");
}

function fillSlots(part, values) {
  for (const slot of part.querySelectorAll("[data-slot]")) {
    const value = values[slot.dataset.slot];
    if (value === undefined) continue;
    if (slot.dataset.slot === "time") {
      slot.dateTime = new Date(value).toISOString();
      slot.textContent = spellTime(value);
    } else if (slot.dataset.slot === "link") slot.href = value;
    else if (slot.dataset.slot === "lost") slot.hidden = !value;
    else slot.textContent = value;
  }
}

function bind(part, actions) {
  for (const button of part.querySelectorAll("[data-do]")) {
    const action = actions[button.dataset.do];
    button.hidden = !action;
    if (action) button.addEventListener("click", action);
  }
}

function announce(text) {
  announcer.textContent = text.replace(/\s+/g, " ").trim();
}

/** Says where the text is kept now. */
export function showState(name, values = {}, actions = {}) {
  for (const line of stateLines) {
    const part = document.querySelector(`template[data-draft-state="${name}"]`).content.cloneNode(true);
    fillSlots(part, values);
    bind(part, actions);
    line.replaceChildren(part);
    line.dataset.state = name;
  }
  const text = stateLines[0].firstElementChild.textContent;
  // A change for the worse, and the end of it.
  if (name !== shownState && (ANNOUNCED.has(name) || ANNOUNCED.has(shownState))) announce(text);
  shownState = name;
}

export function hideState() {
  for (const line of stateLines) line.replaceChildren();
  shownState = "";
}

/** Shows a notice, in place of one of the same kind. It goes when one of its buttons is pressed. */
export function showNotice(kind, values, actions) {
  const isNews = !findNotice(kind);
  const notice = document.createElement("div");
  notice.className = "message draft-notice";
  notice.dataset.kind = kind;
  notice.append(document.querySelector(`template[data-draft-notice="${kind}"]`).content.cloneNode(true));
  fillSlots(notice, values);
  const closing = Object.entries(actions).map(([name, action]) => [name, () => (hideNotice(kind), action())]);
  bind(notice, Object.fromEntries(closing));
  const shown = findNotice(kind);
  if (shown) replaceKeepingFocus(shown, notice);
  else notices.append(notice);
  if (isNews) announce(notice.querySelector("p").innerText);
}

function replaceKeepingFocus(shown, notice) {
  const focused = shown.contains(document.activeElement) ? document.activeElement.dataset.do : null;
  shown.replaceWith(notice);
  if (focused) notice.querySelector(`[data-do="${focused}"]`)?.focus();
}

/** Takes notices away. The focus that was in one goes to the form, not to nowhere. */
export function hideNotice(...kinds) {
  for (const kind of kinds) {
    const notice = findNotice(kind);
    const hadFocus = notice?.contains(document.activeElement);
    notice?.remove();
    if (hadFocus) document.getElementById("content").focus({ preventScroll: true });
  }
}

export function findNotice(kind) {
  return notices.querySelector(`[data-kind="${kind}"]`);
}

/** Lists the other texts that are kept, each with what can be done with it. */
export function showOthers(texts, use, forget) {
  const shown = document.querySelector("details.draft-others");
  if (texts.length === 0) {
    shown?.remove();
    return;
  }
  const part = shown ?? othersTemplate.content.firstElementChild.cloneNode(true);
  const rows = texts.map((text) => {
    const row = othersTemplate.content.querySelector("li").cloneNode(true);
    fillSlots(row, { time: text.savedAt, text: summarize(text.fields) });
    bind(row, { use: () => use(text), discard: () => forget(text) });
    return row;
  });
  part.querySelector("ul").replaceChildren(...rows);
  if (!shown) othersTemplate.after(part);
}
