// What can be done with texts that are not the one in the form: bring one back, use another one, discard, undo.

import { fillFields, isSame, readDefaults, readFields } from "./draft-fields.js";
import * as said from "./draft-notices.js";
import { here, noteTrouble, saveSoon, tell, there } from "./draft-saving.js";
import * as draft from "./draft-state.js";
import { state, takeText } from "./draft-state.js";
import { listTexts, putText, removeTexts } from "./draft-store.js";
import { ask, owner } from "./session.js";

const form = document.getElementById("release-form");

let offered = "";

/** Brings back what this device has kept. */
export function restore(text) {
  const lost = fill(text);
  state.windowsBefore = [text.window];
  said.showNotice("restored", { time: text.savedAt, lost: lost.length > 0 }, { discard });
}

function fill(text) {
  const lost = fillFields(form, text.fields);
  state.fields = readFields(form);
  if (text.key) draft.setKey(text.key);
  if (text.base) state.base = text.base;
  draft.noteSeen(...(text.known ?? []), text.mark);
  state.hasText = true;
  state.isTouched = false;
  return lost;
}

/** Puts another text into the form; what stood there can be had again. */
export function use(text) {
  const before = takeText();
  const [hadText, wasTouched] = [state.hasText, state.isTouched];
  state.others = state.others.filter((other) => other.mark !== text.mark);
  const lost = fill(text);
  if (hadText && wasTouched) putAside(before);
  saveSoon();
  listOthers();
  said.hideNotice("restored", "changed", "offer", "discarded", "gone");
  const undo = hadText ? () => use(before) : () => discard();
  said.showNotice("replaced", { time: text.savedAt, lost: lost.length > 0 }, { undo });
}

/** Keeps a text on this device that stood in the form, under a name of its own. */
function putAside(text) {
  const kept = { ...text, window: draft.buildMark(), isAside: true };
  addOthers([kept]);
  putText(kept).catch(() => {});
}

/** Lists texts that can be had, each once, and none that says what the form says. */
export function addOthers(texts) {
  const current = readFields(form);
  for (const text of texts) {
    const isNew = !state.others.some((other) => other.mark === text.mark || isSame(other.fields, text.fields));
    if (isNew && !isSame(text.fields, current)) state.others.push(text);
  }
  state.others.sort((one, other) => other.savedAt.localeCompare(one.savedAt));
  listOthers();
}

function listOthers() {
  said.showOthers(state.others, use, forget);
}

/** Lets go of one of them. */
async function forget(text) {
  state.others = state.others.filter((other) => other !== text);
  listOthers();
  said.showNotice("discarded", {}, { undo: () => putAside(text) });
  await forgetHere((kept) => kept.mark === text.mark);
  await forgetThere([text.mark]);
}

/** Lets go of the text in the form, on this device and on the server. */
export async function discard() {
  const before = takeText();
  const marks = [...draft.listKnown(), state.mark];
  empty();
  said.hideNotice("restored", "replaced", "changed", "stored", "gone");
  said.showNotice("discarded", {}, { undo: () => bringBack(before) });
  await forgetHere((text) => text.window === before.window || marks.includes(text.mark));
  await forgetThere(marks);
}

/** Offers what stands nowhere in the form yet, such as from another device. */
export function offer(text) {
  offered = text.mark;
  const refuse = async () => {
    said.showNotice("discarded", {}, { undo: () => use(text) });
    await forgetHere((kept) => kept.mark === text.mark);
    await forgetThere([text.mark]);
  };
  const values = { time: text.savedAt, text: said.summarize(text.fields) };
  said.showNotice("offer", values, { use: () => use(text), discard: refuse });
}

function bringBack(text) {
  fill(text);
  state.isTouched = true;
  saveSoon();
}

/** The form as the server has made it, with a key that nothing was sent under. */
function empty() {
  here.cancel();
  there.cancel();
  fillFields(form, readDefaults(form));
  state.fields = readFields(form);
  draft.renewKey();
  Object.assign(state, { base: form.dataset.base ?? "", mark: draft.buildMark(), ownMarks: [], seenMarks: [] });
  Object.assign(state, { hasText: false, isTouched: false, savedHere: state.version, savedThere: state.version });
  said.hideState();
}

async function forgetHere(isMeant) {
  const texts = await listTexts(owner, draft.subject).catch(() => []);
  await removeTexts(texts.filter(isMeant)).catch(() => {});
}

async function forgetThere(marks) {
  tell("discarded", { marks });
  // What is on its way there must not come after this.
  await there.settle();
  try {
    await ask(form.dataset.draftUrl, "DELETE", { known: marks });
  } catch (error) {
    noteTrouble(error);
  }
}

/** Tells that another window has a text that this one has not seen. */
export function tellChanged(text) {
  if (isSame(text.fields, readFields(form))) {
    draft.noteSeen(text.mark);
    return;
  }
  if (!state.hasText) {
    offer(text);
    return;
  }
  addOthers([text]);
  // What was offered and left alone while somebody typed is no news.
  if (text.mark === offered && said.findNotice("offer")) return;
  said.hideNotice("offer");
  const keep = () => {
    draft.noteSeen(text.mark);
    saveSoon();
  };
  said.showNotice("changed", { time: text.savedAt }, { use: () => use(text), keep });
}

/** Tells that another window has discarded what stands in this one. */
export function tellGone() {
  if (state.hasText) said.showNotice("gone", {}, { keep: saveSoon });
  else said.hideNotice("offer");
}

/** Tells what came of the key of this text. Who goes on typing means another release. */
export function tellMade(made) {
  if (!state.hasText && isSame(readFields(form), readDefaults(form))) {
    draft.renewKey();
    return;
  }
  draft.noteKeyUsed();
  const anew = async () => {
    const { window, mark } = state;
    const marks = [...draft.listKnown(), mark];
    empty();
    said.hideNotice("restored", "replaced");
    await forgetHere((text) => text.window === window || marks.includes(text.mark));
  };
  said.hideNotice("restored");
  said.showNotice("made", { version: made.version, link: made.url }, { anew });
}

/** Tells that the release which the form changes was changed since the text was begun, and by whom does not matter. */
export function tellStored(changedAt) {
  if (!changedAt || !state.base || changedAt === state.base || !state.hasText) return;
  const keep = () => {
    state.base = changedAt;
    saveSoon();
  };
  // Only a page that was made after that change can show it.
  const isHere = changedAt === form.dataset.base;
  said.showNotice("stored", { time: changedAt }, isHere ? { use: discard, keep } : { keep });
}
