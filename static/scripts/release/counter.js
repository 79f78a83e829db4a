// The counter of the notes, which agrees with the server to the character.

import { editor, field, form, limit, say } from "./notes-field.js";

/** Counts as the server does: code points, after CRLF and lone CR have become LF. */
export function countCharacters(text) {
  let count = 0;
  for (const _ of text.replace(/\r\n?/g, "\n")) count += 1;
  return count;
}

/** Shows the count from now on, and tells it when the limit is crossed: not at every key. */
export function bindCounter() {
  const counter = editor.querySelector("[data-counter]");
  const excess = editor.querySelector("[data-excess]");
  const state = editor.querySelector("[data-counter-state]");
  let isOver = false;

  function show() {
    const count = countCharacters(field.value);
    counter.textContent = say("count", { count, limit });
    excess.textContent = say("excess", { count: count - limit });
    excess.hidden = count <= limit;
    if (count > limit !== isOver) state.textContent = say(isOver ? "fits" : "over");
    isOver = count > limit;
  }

  field.addEventListener("input", show);
  form.addEventListener("slipway:restored", show);
  form.addEventListener("reset", () => setTimeout(show));
  // The browser may bring back what was typed only by then.
  window.addEventListener("pageshow", show);
  show();
}
