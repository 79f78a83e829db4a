// The live preview of the notes, by the server's one renderer, never older than one that was shown before.

import { keepTogether } from "./preview-scroll.js";
import { bindWidths, fitPreview } from "./preview-width.js";
import { editor, field, form, limit, say } from "./notes-field.js";

// From the last key to the preview, at the most; what an answer takes is taken off the pause before the question.
const BUDGET_MILLISECONDS = 110;
const LONGEST_PAUSE_MILLISECONDS = 60;
// Who types without a pause sees the preview follow all the same.
const PATIENCE_MILLISECONDS = 300;
const SLOW_MILLISECONDS = 600;
// A server that is slow does not get quicker by more questions; one that is lost does not hold up the next.
const MOST_UNDER_WAY = 2;
const RETRY_SECONDS = [2, 4, 8, 15, 30];

const preview = editor.querySelector("#preview");
const frame = editor.querySelector("[data-preview-frame]");
const state = editor.querySelector("[data-preview-state]");
const notesError = editor.querySelector("[data-notes-error]");

const underWay = [];
let asked = 0;
let shown = 0;
// The text that the preview shows or waits for; none at first, for the browser may bring back another one.
let wanted = null;
let usualMilliseconds = 40;
let timer = 0;
let waitingSince = 0;
let isHeldBack = false;
let failures = 0;

/** Puts HTML into the preview: the renderer's own, sanitised twice, byte for byte what every reader gets. */
export function showHtml(html) {
  if (html) {
    preview.innerHTML = html;
  } else {
    const nothing = document.createElement("p");
    nothing.className = "muted";
    nothing.textContent = say("nothing");
    preview.replaceChildren(nothing);
  }
}

/** Says something about the preview, once: what is said already is not said again to who listens. */
function showState(text) {
  frame.classList.toggle("is-stale", Boolean(text));
  if (state.textContent !== text) state.textContent = text;
}

/** Says at the field what is wrong with the notes now, in the place of what the server said when the form was sent. */
function showNotesError(message) {
  if (notesError.textContent === message && !notesError.hidden === Boolean(message)) return;
  for (const old of editor.querySelectorAll('[id^="error-notes-"]:not([data-notes-error])')) old.remove();
  notesError.textContent = message;
  notesError.hidden = !message;
  field.setAttribute("aria-invalid", message ? "true" : "false");
  field.setAttribute("aria-describedby", message ? "error-notes-live hint-notes" : "hint-notes");
}

/** Asks the server. Of several questions under way, answers are shown in their order; what comes late is dropped. */
async function ask(text) {
  asked += 1;
  const question = { number: asked, abort: new AbortController(), askedAt: performance.now() };
  underWay.push(question);
  while (underWay.length > MOST_UNDER_WAY) underWay.shift().abort.abort();
  const slow = setTimeout(() => frame.classList.add("is-stale"), SLOW_MILLISECONDS);
  try {
    const answer = await fetch(editor.dataset.previewUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
      body: JSON.stringify({ notes: text }),
      signal: question.abort.signal,
    });
    const body = await answer.json();
    usualMilliseconds += (performance.now() - question.askedAt - usualMilliseconds) / 4;
    if (question.number > shown) showAnswer(question.number, answer.ok ? body : null);
  } catch (error) {
    if (error.name !== "AbortError" && question.number > shown) showAnswer(question.number, null);
  } finally {
    clearTimeout(slow);
    const place = underWay.indexOf(question);
    // Those before it have been overtaken.
    for (const late of underWay.splice(0, place + 1)) if (late !== question) late.abort.abort();
    if (isHeldBack) showPreview();
  }
}

function showAnswer(number, body) {
  shown = number;
  if (!body) {
    showState(say("unreachable"));
    retry();
    return;
  }
  failures = 0;
  const message = body.errors.map((error) => error.message).join(" ");
  showNotesError(message);
  if (message) {
    showState(say("limits"));
    return;
  }
  showHtml(body.html);
  fitPreview();
  keepTogether();
  showState("");
}

/** Comes back to what could not be had, at longer and longer intervals. */
function retry() {
  const seconds = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)];
  failures += 1;
  const text = wanted;
  setTimeout(() => {
    if (wanted === text && failures) ask(text);
  }, seconds * 1000);
}

function showPreview() {
  clearTimeout(timer);
  waitingSince = 0;
  isHeldBack = false;
  const text = field.value;
  if (text === wanted && !failures) return;
  const patience = underWay.length < MOST_UNDER_WAY ? 0 : underWay.at(-1).askedAt + PATIENCE_MILLISECONDS - performance.now();
  if (patience > 0) {
    isHeldBack = true;
    timer = setTimeout(showPreview, patience);
    return;
  }
  wanted = text;
  // Megabytes are not sent only to be refused; the counter says how much is too much.
  if (text.length > 16 * limit) showState(say("limits"));
  else ask(text);
}

/** Waits for a pause as long as the answer leaves time for: the quicker the server, the fewer questions. */
function plan() {
  clearTimeout(timer);
  const now = performance.now();
  waitingSince ||= now;
  const pause = Math.max(0, Math.min(LONGEST_PAUSE_MILLISECONDS, BUDGET_MILLISECONDS - 2 * usualMilliseconds));
  timer = setTimeout(showPreview, Math.min(pause, Math.max(0, waitingSince + PATIENCE_MILLISECONDS - now)));
}

// Who reads a link goes on typing here afterwards.
preview.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link) return;
  event.preventDefault();
  window.open(link.href, "_blank", "noopener,noreferrer");
});

field.addEventListener("input", plan);
for (const kind of ["slipway:restored", "slipway:signed-in"]) form.addEventListener(kind, showPreview);
window.addEventListener("online", () => failures && ask(wanted));
// The page came with the preview of the text that came with it; the browser may bring back another one by now.
window.addEventListener("pageshow", () => {
  if (wanted === null && field.value === field.defaultValue) wanted = field.value;
  showPreview();
});

bindWidths();
