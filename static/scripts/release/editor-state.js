// The line below the notes that says what has become of them, and takes it back.

import { editor, field, replaceAll, say } from "./notes-field.js";

const line = editor.querySelector("[data-editor-state]");
const button = editor.querySelector("[data-undo]");
let before = null;

/** Says something; with the text as it was before, offers to have it back. */
export function showState(text, former = null) {
  line.textContent = text;
  before = former;
  button.hidden = !former;
}

button.addEventListener("click", () => {
  replaceAll(before);
  showState(say("undone"));
});
// Whoever types on has seen it.
field.addEventListener("input", () => {
  if (line.textContent) showState("");
});
