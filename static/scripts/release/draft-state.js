// What this window knows of its draft: its text, the marks of the texts that it has seen, and the key that it is sent
// under. A mark names one state of a text; the window gives it, so that an answer that never arrives leaves no doubt.

import { readFields } from "./draft-fields.js";
import { owner } from "./session.js";

const MARKS = 15;

const form = document.getElementById("release-form");
const keyField = form.elements.idempotencyKey;

export const subject = form.dataset.subject ?? "";

/** Gives a name that nobody else has given. */
export function buildMark() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const state = {
  window: buildMark(),
  mark: buildMark(),
  // When the release that the form changes was changed last, as far as this text goes.
  base: form.dataset.base ?? "",
  // Counts changes; what is kept where goes by it.
  version: 0,
  // As they were when it was counted last, so that an event which changes nothing counts for nothing.
  fields: readFields(form),
  savedHere: 0,
  savedThere: 0,
  // Whether there is a text in the form, typed or brought back, and whether somebody has typed since it came.
  hasText: false,
  isTouched: false,
  // While the form is sent the server keeps no drafts of it.
  isSending: false,
  sentVersion: 0,
  isSent: false,
  ownMarks: [],
  seenMarks: [],
  // Those whose text goes on in this window.
  windowsBefore: [],
  others: [],
};

/** Takes note of a change. A mark that the server may have heard of names that text for good. */
export function noteChange() {
  state.version += 1;
  state.fields = readFields(form);
  state.hasText = true;
  if (state.ownMarks.includes(state.mark)) state.mark = buildMark();
}

export function listKnown() {
  return [...state.seenMarks.slice(-MARKS), ...state.ownMarks.slice(-MARKS)];
}

export function isKnown(mark) {
  return mark === state.mark || listKnown().includes(mark);
}

export function noteSeen(...marks) {
  state.seenMarks = [...state.seenMarks.filter((mark) => !marks.includes(mark)), ...marks].slice(-MARKS);
}

/** Gives what stands in the form now, as it is kept. */
export function takeText() {
  return {
    owner,
    subject,
    window: state.window,
    mark: state.mark,
    known: listKnown(),
    key: getKey(),
    base: state.base,
    savedAt: new Date().toISOString(),
    fields: readFields(form),
    // Whether this very text is on its way.
    isSent: state.isSending && state.version === state.sentVersion,
  };
}

export function getKey() {
  return keyField.value;
}

/** The form and its place in the history have the key: who goes back finds it. The form that changes has none. */
export function setKey(key) {
  if (!key || !getKey()) return;
  keyField.value = key;
  history.replaceState({ ...history.state, formKey: key }, "");
}

/** What is typed after something came of the key is another thing, with a key of its own. */
export function renewKey() {
  setKey(buildMark());
}

/** Something came of the key. */
export function noteKeyUsed() {
  history.replaceState({ ...history.state, usedKey: getKey() }, "");
}

export function isKeyUsed() {
  return getKey() !== "" && history.state?.usedKey === getKey();
}
