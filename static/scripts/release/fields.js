// The fields of a release with script: what is known of them as one types, and suggestions at one click.

import { askBeforePublishing } from "./publishing.js";
import { bindOldDate } from "./old-date.js";

const PAUSE_MILLISECONDS = 200;
// What the server looks at; the notes are long, and no hint is about them.
const ASKED = new Set([
  "productId", "version", "channel", "platforms", "platformsOther", "private", "isOld", "oldDate", "oldZone",
]);

const form = document.getElementById("release-form");
const { version } = form.elements;
const notice = document.getElementById("notice-version");

let timer = 0;
let running = null;

/** Shows what is known of the fields as they are now. Without an answer the last one stays: a hint promises nothing. */
async function showHints() {
  clearTimeout(timer);
  running?.abort();
  const asked = new AbortController();
  running = asked;
  const query = new URLSearchParams([...new FormData(form)].filter(([name]) => ASKED.has(name)));
  query.set("releaseId", form.dataset.releaseId);
  try {
    const answer = await fetch(`${form.dataset.hintsUrl}?${query}`, { signal: asked.signal, redirect: "error" });
    const places = answer.ok ? await answer.json() : {};
    if (running === asked) Object.entries(places).forEach(([id, html]) => fill(id, html));
  } catch {
    // Another question has taken the place of this one, or the network is away for a moment.
  }
}

/** Puts the server's own HTML into its place, if it is new there: what stays the same is not announced again. */
function fill(id, html) {
  const place = document.getElementById(id);
  if (!place) return;
  const next = document.createElement("template");
  next.innerHTML = html;
  if (next.innerHTML === place.innerHTML) return;
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(next.content);
  if (hadFocus) place.closest(".field").querySelector("input:not([type=checkbox])").focus();
}

/** What was wrong with a field when the form was sent says nothing about what stands there now. */
function dropErrors(field) {
  const name = field.name === "platformsOther" ? "platforms" : field.name;
  document.querySelectorAll(`[id^="error-${name}-"]`).forEach((error) => error.remove());
  field.removeAttribute("aria-invalid");
}

function showSoon(pause) {
  clearTimeout(timer);
  timer = setTimeout(showHints, pause);
}

/** A version is numbers alone: the v of a tag goes, with a word about it. */
function stripPrefix() {
  const stripped = version.value.replace(/^\s*v\.?\s*(?=[0-9])/i, "");
  if (stripped === version.value) return;
  const caret = version.selectionStart - (version.value.length - stripped.length);
  version.value = stripped.trimEnd();
  if (document.activeElement === version) version.setSelectionRange(Math.max(0, caret), Math.max(0, caret));
  notice.textContent = notice.dataset.stripped;
  tell(version);
}

/** Tells whoever listens to a field that a script has changed it. */
function tell(field) {
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Puts a suggestion into its field, in the place of what was typed. */
function take(suggestion) {
  const said = new URLSearchParams(suggestion);
  if (said.get("field") === "platforms") {
    takePlatform(said.get("typed"), said.get("value"));
    return;
  }
  const field = form.elements[said.get("field")];
  field.value = said.get("value");
  field.focus();
  tell(field);
}

function takePlatform(typed, platform) {
  const other = form.elements.platformsOther;
  const names = other.value.split(",").map((name) => name.trim()).filter((name) => name && name !== typed);
  const box = form.querySelector(`[name="platforms"][value="${CSS.escape(platform)}"]`);
  if (box) box.checked = true;
  else names.push(platform);
  other.value = names.join(", ");
  other.focus();
  tell(other);
}

form.addEventListener("input", (event) => {
  const field = event.target;
  if (!ASKED.has(field.name)) return;
  if (field === version && !event.isComposing) stripPrefix();
  dropErrors(field);
  showSoon(field.matches("select, [type=checkbox]") ? 0 : PAUSE_MILLISECONDS);
});

// A notice stays while one goes on typing, and is over when somebody comes back to the field.
version.addEventListener("focus", () => (notice.textContent = ""));

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=take]");
  if (!button) return;
  event.preventDefault();
  take(button.value);
});

// Whoever refills the form as a whole says so, and browsers do it when somebody comes back.
form.addEventListener("slipway:restored", showHints);
window.addEventListener("pageshow", (event) => {
  const [visit] = performance.getEntriesByType("navigation");
  if (event.persisted || ["back_forward", "reload"].includes(visit?.type)) showHints();
});

bindOldDate(form, tell);
askBeforePublishing(form);
