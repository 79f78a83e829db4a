// A text file that is dropped on the notes, pasted or chosen goes in where the caret is.

import { insertBlock } from "./edits.js";
import { showState } from "./editor-state.js";
import { applyEdit, editor, field, limit, readState, say } from "./notes-field.js";

// A character takes at most four bytes in UTF-8 (RFC 3629).
const MAX_BYTES = 4 * limit;

function hasFiles(transfer) {
  return Array.from(transfer?.types ?? []).includes("Files");
}

/** Gives the text of a file, or throws an Error that says to people why there is none. */
async function readText(file) {
  const { name } = file;
  if (/^image\//.test(file.type) || /\.(png|jpe?g|gif|webp|svg|heic|avif|bmp)$/i.test(name)) throw new Error(say("image", { name }));
  if (!/^text\//.test(file.type) && !/\.(md|markdown|txt|text)$/i.test(name)) throw new Error(say("kind", { name }));
  if (file.size > MAX_BYTES) throw new Error(say("size", { name, limit: MAX_BYTES }));
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error(say("unreadable", { name }));
  });
  try {
    // It drops a byte order mark.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text.replace(/\r\n?/g, "\n");
  } catch {
    // Told below, like a file of zeros.
  }
  throw new Error(say("encoding", { name }));
}

async function insertFile(files) {
  if (files.length !== 1) {
    showState(say("several"));
    return;
  }
  const [file] = files;
  try {
    const text = await readText(file);
    const before = field.value;
    applyEdit(insertBlock(readState(), text));
    showState(say("inserted", { name: file.name }), before);
  } catch (error) {
    showState(error.message);
  }
}

/** Takes files in by every way from now on. One that misses the field by a finger does not take the page away. */
export function bindFiles() {
  const chooser = editor.querySelector("[data-file]");
  chooser.addEventListener("change", () => {
    if (chooser.files.length) insertFile(Array.from(chooser.files));
    chooser.value = "";
  });
  field.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    // What an office program copies is text and, beside it, a picture of the text.
    if (!files.length || event.clipboardData.getData("text/plain")) return;
    event.preventDefault();
    insertFile(Array.from(files));
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    window.addEventListener(kind, (event) => {
      if (!hasFiles(event.dataTransfer)) return;
      const isHere = event.target instanceof Node && editor.contains(event.target);
      event.preventDefault();
      event.dataTransfer.dropEffect = isHere ? "copy" : "none";
      editor.classList.toggle("is-dropping", isHere && ["dragenter", "dragover"].includes(kind));
      if (kind === "drop" && isHere) insertFile(Array.from(event.dataTransfer.files));
    });
  }
}
