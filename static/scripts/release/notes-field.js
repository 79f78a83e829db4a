// The field of notes and what stands around it, for the scripts that share them; how to change its text so that Ctrl+Z
// takes it back; and the words for people, which come with the page.

export const editor = document.querySelector("[data-notes-editor]");
export const form = editor.closest("form");
export const field = editor.querySelector("textarea");
export const limit = Number(editor.dataset.limit);
export const words = JSON.parse(editor.dataset.words);

const numbers = new Intl.NumberFormat(document.documentElement.lang);

/** Gives a sentence of the page with its values filled in, numbers as the language writes them. */
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, key) =>
    typeof values[key] === "number" ? numbers.format(values[key]) : String(values[key]),
  );
}

/** Gives what the functions in edits.js take: the text, and the selected part of it. */
export function readState() {
  return { text: field.value, start: field.selectionStart, end: field.selectionEnd };
}

/**
 * Takes an edit: what stands in which place instead, and what is selected then. It goes into the browser's own history
 * of the field, as if it were typed, and fires the event "input".
 */
export function applyEdit({ from, to, insert, start, end }) {
  field.focus({ preventScroll: true });
  const scrolled = field.scrollTop;
  [from, to, insert] = trimEdit(field.value, from, to, insert);
  if (from !== to || insert) {
    field.setSelectionRange(from, to);
    // Deprecated, and the one way that every browser has to change a field and keep its history.
    const isDone = insert ? document.execCommand("insertText", false, insert) : document.execCommand("delete");
    if (!isDone) {
      field.setRangeText(insert, from, to, "end");
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
  }
  field.setSelectionRange(start, end);
  field.scrollTop = scrolled;
  showCaret();
}

/** Puts a text in the place of all that stands there. */
export function replaceAll(text) {
  applyEdit({ from: 0, to: field.value.length, insert: text, start: text.length, end: text.length });
}

/** Leaves out what an edit would replace by itself: what the browser has to do, and to remember, stays small. */
function trimEdit(text, from, to, insert) {
  const old = text.slice(from, to);
  const shorter = Math.min(old.length, insert.length);
  let head = 0;
  while (head < shorter && old[head] === insert[head]) head += 1;
  // Half of a pair of surrogates is no character.
  if (head && /[\uD800-\uDBFF]/.test(old[head - 1])) head -= 1;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail] === insert[insert.length - 1 - tail]) tail += 1;
  if (tail && /[\uDC00-\uDFFF]/.test(old[old.length - tail])) tail -= 1;
  return [from + head, to - tail, insert.slice(head, insert.length - tail)];
}

/** Scrolls the field to the caret, which browsers do for typing alone. */
function showCaret() {
  const line = field.value.slice(0, field.selectionEnd).split("\n").length;
  const height = parseFloat(getComputedStyle(field).lineHeight);
  const top = (line - 1) * height;
  if (top < field.scrollTop) field.scrollTop = top;
  // A long line wraps: then the caret is below of where it is thought to be, and the browser's own place is good enough.
  else if (top + 2 * height > field.scrollTop + field.clientHeight) field.scrollTop = top + 2 * height - field.clientHeight;
}
