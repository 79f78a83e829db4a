// Text and preview scroll together, roughly: as far down in the one as in the other.

import { editor, field } from "./notes-field.js";

const frame = editor.querySelector("[data-preview-frame]");
// Which of the two somebody scrolls; the other one follows.
let leader = field;

function follow(from, to) {
  const way = from.scrollHeight - from.clientHeight;
  if (way > 0) to.scrollTop = (from.scrollTop / way) * (to.scrollHeight - to.clientHeight);
}

/** Brings the preview to where the text is, after one of them has changed. */
export function keepTogether() {
  if (leader === field) follow(field, frame);
}

for (const part of [field, frame]) {
  for (const kind of ["pointerenter", "wheel", "touchstart", "focusin", "keydown"]) {
    part.addEventListener(kind, () => (leader = part), { passive: true });
  }
  part.addEventListener("scroll", () => leader === part && follow(part, part === field ? frame : field), { passive: true });
}
