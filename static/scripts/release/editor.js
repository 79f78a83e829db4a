// The editor of the notes: buttons and keys that change its text, the counter, files, and what notes can begin with.
// Without this file the field is a plain one.

import { bindBeginnings } from "./beginnings.js";
import { bindCounter } from "./counter.js";
import { continueList, findEdit, indent, pasteLink } from "./edits.js";
import { bindFiles } from "./files.js";
import { applyEdit, editor, field, readState } from "./notes-field.js";

const toolbar = editor.querySelector("[data-toolbar]");
const buttons = Array.from(toolbar.querySelectorAll("button"));
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
// After Escape, Tab leaves the field whatever is selected.
let isLeaving = false;

function press(button) {
  if (button.dataset.edit === "file") toolbar.querySelector("[data-file]").click();
  else applyEdit(findEdit(button.dataset.edit, readState()));
}

/** One stop for Tab; the arrows move within the toolbar. */
function moveFocus(event) {
  const place = buttons.indexOf(event.target);
  const places = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: buttons.length - 1 };
  if (place < 0 || !(event.key in places) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const next = buttons.at(places[event.key] % buttons.length);
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
}

function bindToolbar() {
  for (const button of buttons) {
    const { key } = button.dataset;
    if (key) {
      button.title += isMac ? ` (⌘${key.toUpperCase()})` : ` (Ctrl+${key.toUpperCase()})`;
      button.setAttribute("aria-keyshortcuts", `${isMac ? "Meta" : "Control"}+${key.toUpperCase()}`);
    }
    // A click leaves the caret where it is.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => press(button));
  }
  toolbar.addEventListener("keydown", moveFocus);
  toolbar.hidden = false;
}

function findKeyEdit(event) {
  const isCommand = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (isCommand && !event.altKey && !event.shiftKey) {
    const button = buttons.find(({ dataset }) => dataset.key === event.key.toLowerCase());
    return button ? findEdit(button.dataset.edit, readState()) : null;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "Tab" && !isLeaving) return indent(readState(), event.shiftKey);
  if (event.key === "Enter" && !event.shiftKey) return continueList(readState());
  return null;
}

field.addEventListener("keydown", (event) => {
  // What an input method composes is its own; 229 is what some browsers say in place of `isComposing`.
  if (event.isComposing || event.keyCode === 229) return;
  const found = findKeyEdit(event);
  isLeaving = event.key === "Escape" || (isLeaving && ["Tab", "Shift"].includes(event.key));
  if (!found) return;
  event.preventDefault();
  applyEdit(found);
});
field.addEventListener("focus", () => (isLeaving = false));
field.addEventListener("paste", (event) => {
  const found = pasteLink(readState(), event.clipboardData.getData("text/plain"));
  if (!found) return;
  event.preventDefault();
  applyEdit(found);
});

bindToolbar();
bindCounter();
bindFiles();
bindBeginnings();
