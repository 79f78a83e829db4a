// The notes of a release with script: a live preview by the server's one renderer, and a counter that agrees with the
// server. Without this file the form does all but the liveliness.

const PAUSE_MILLISECONDS = 120;

const form = document.getElementById("release-form");
const notes = document.getElementById("field-notes");
const preview = document.getElementById("preview");
const previewState = form.querySelector("[data-preview-state]");
const notesError = form.querySelector("[data-notes-error]");
const counter = form.querySelector("[data-counter]");
const limit = Number(form.dataset.notesLimit);

let timer = 0;
let running = null;

/** Counts as the server does: code points, after CRLF and lone CR have become LF. */
function countCharacters(text) {
  return Array.from(text.replace(/\r\n?/g, "\n")).length;
}

function showCount() {
  const length = countCharacters(notes.value);
  counter.textContent = `${length.toLocaleString("en")} of ${limit.toLocaleString("en")} characters`;
  counter.classList.toggle("is-over", length > limit);
}

/** Asks for the preview of what stands there now. An answer to an older text is dropped, so none comes out of order. */
async function showPreview() {
  running?.abort();
  const asked = new AbortController();
  running = asked;
  try {
    const answer = await fetch(form.dataset.previewUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
      body: JSON.stringify({ notes: notes.value }),
      signal: asked.signal,
    });
    const body = await answer.json();
    if (running !== asked) return;
    if (answer.ok) showAnswer(body);
    else showStale(body.message);
  } catch (error) {
    if (error.name !== "AbortError" && running === asked) showStale("The preview cannot be had now; your text is safe here.");
  }
}

function showAnswer({ html, errors }) {
  const message = errors.map((error) => error.message).join(" ");
  showNotesError(message);
  if (message) {
    showStale("The preview comes back once the notes are within the limits.");
    return;
  }
  // It is the renderer's own HTML, sanitised twice, byte for byte what the release page shows.
  preview.innerHTML = html || '<p class="muted">Nothing to show yet.</p>';
  preview.classList.remove("is-stale");
  previewState.textContent = "";
}

/** Says at the field what is wrong with the notes now, in the place of what the server said when the form was sent. */
function showNotesError(message) {
  form.querySelectorAll('[id^="error-notes-"]:not([data-notes-error])').forEach((old) => old.remove());
  notesError.textContent = message;
  notesError.hidden = !message;
  notes.setAttribute("aria-invalid", message ? "true" : "false");
  notes.setAttribute("aria-describedby", message ? "error-notes-live hint-notes" : "hint-notes");
}

function showStale(message) {
  preview.classList.add("is-stale");
  previewState.textContent = message;
}

notes.addEventListener("input", () => {
  showCount();
  clearTimeout(timer);
  timer = setTimeout(showPreview, PAUSE_MILLISECONDS);
});

// The browser may bring back what was typed only by now.
window.addEventListener("pageshow", () => {
  showCount();
  if (notes.value) showPreview();
});

showCount();
