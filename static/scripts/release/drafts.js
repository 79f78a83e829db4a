// Keeps what is typed, and brings it back: after a reload, a crash, the end of a session, on another device.
//
// There is one draft for each form and owner, wherever it is open. The newest text wins; what another window has typed is
// told, and can still be had. What was sent is no draft any more, once the server has confirmed what came of it.

import * as choices from "./draft-choices.js";
import { isKept, isSame, readDefaults, readFields } from "./draft-fields.js";
import * as said from "./draft-notices.js";
import { catchUp, here, isAtRisk, noteTrouble, onAnswer, onTold, saveSoon, tell, there } from "./draft-saving.js";
import * as draft from "./draft-state.js";
import { state, subject } from "./draft-state.js";
import { listTexts, putText, removeOld, removeTexts } from "./draft-store.js";
import { ask, owner } from "./session.js";

const LOOK_MILLISECONDS = 5_000;
const SETTLE_MILLISECONDS = 2_000;

const form = document.getElementById("release-form");
const defaults = readDefaults(form);
// A form that came back from the server holds what was sent, which is newer than what is kept of it. And who asked for a
// form for something, or for an empty one, is asked before it is filled.
const cameBack = "cameBack" in form.dataset;
const isAskedFor = location.search !== "";

let lookedAt = 0;

/** Keeps what is typed, here, before the form is sent. */
export async function beginSending() {
  there.cancel();
  state.isSending = true;
  state.sentVersion = state.version;
  if (state.hasText) await here.flush();
  // A draft that is on its way comes before what it becomes, unless the way is long.
  await Promise.race([there.settle(), new Promise((resolve) => setTimeout(resolve, SETTLE_MILLISECONDS))]);
}

/** Whether the form still holds what was sent. */
export function isAsSent() {
  return state.version === state.sentVersion;
}

/** The form was not sent, or nothing came of it. */
export function endSending() {
  if (!state.isSending) return;
  state.isSending = false;
  if (!state.hasText || state.isSent) return;
  here.flush();
  if (state.savedThere < state.version) there.ask();
}

/** Something came of what was sent, and something else is in the form by now: that goes on as a draft of its own. */
export function tellMade(made) {
  choices.tellMade(made);
  goOnAnew();
}

/** The server has confirmed what came of the form: nothing of it is a draft any more. */
export async function noteMade(made) {
  const fields = readFields(form);
  const [key, window] = [draft.getKey(), state.window];
  state.isSent = true;
  here.cancel();
  there.cancel();
  await here.settle();
  draft.noteKeyUsed();
  tell("made", { key, made });
  const isSent = (text) => text.window === window || (text.key === key && (draft.isKnown(text.mark) || isSame(text.fields, fields)));
  const texts = await listTexts(owner, subject).catch(() => []);
  await removeTexts(texts.filter(isSent)).catch(() => {});
}

function noteInput(event) {
  if (event.target.form !== form || !isKept(event.target)) return;
  // Leaving a field is an event, too.
  if (isSame(readFields(form), state.fields)) return;
  if (draft.isKeyUsed()) {
    // Back at a form that was sent: what is typed now is another one.
    draft.renewKey();
    said.hideNotice("made");
  }
  state.isSent = false;
  state.isTouched = true;
  said.hideNotice("discarded", "replaced");
  saveSoon();
}

/** What the server says to a text that it was sent. */
function hear(answer, sent) {
  const isThisKey = sent.key === draft.getKey();
  if (answer.made && isThisKey) {
    choices.tellMade(answer.made);
    if (state.isTouched) goOnAnew();
  }
  if (answer.unseen) {
    choices.tellChanged(answer.unseen);
    // Two texts that differ are two things to send.
    if (answer.unseen.key === sent.key && isThisKey && sent.key) goOnAnew();
  }
  choices.addOthers(answer.others);
  choices.tellStored(answer.changedAt);
}

function goOnAnew() {
  draft.renewKey();
  saveSoon();
}

async function listenTo(told) {
  if (told.kind === "discarded") {
    if (told.marks.some((mark) => draft.isKnown(mark))) choices.tellGone();
  } else if (told.kind === "made") {
    if (told.key && told.key === draft.getKey() && state.hasText) hear({ made: told.made, others: [] }, told);
  } else if (!draft.isKnown(told.mark)) {
    const texts = await listTexts(owner, subject);
    const text = texts.find((kept) => kept.window === told.window);
    if (text && !state.isSending && !state.isSent) choices.tellChanged(text);
  }
}

/** Brings back what this device has kept, as soon as the page is there. */
async function bringBack() {
  const kept = await listTexts(owner, subject).catch(() => []);
  const isNothing = (text) => isSame(text.fields, defaults);
  await removeTexts(kept.filter(isNothing)).catch(() => {});
  const texts = kept.filter((text) => !isNothing(text));
  const [newest] = texts.filter((text) => !text.isAside);
  const rest = texts.filter((text) => text !== newest);
  if (newest && !(await dropIfMade(newest))) {
    if (cameBack) state.windowsBefore = noteOwn(newest);
    else if (isAskedFor || state.isTouched) choices.offer(newest);
    else choices.restore(newest);
  }
  if (cameBack && !isNothing({ fields: readFields(form) })) saveSoon();
  choices.addOthers(rest);
  for (const text of rest) if (!text.isAside) putText({ ...text, isAside: true }).catch(() => {});
}

function noteOwn(text) {
  draft.noteSeen(...text.known, text.mark);
  return [text.window];
}

/** A text that was on its way when this device went down: asks what came of it before it is shown. */
async function dropIfMade(text) {
  if (!text.isSent || !text.key) return false;
  const address = `${form.dataset.outcomeUrl}?key=${encodeURIComponent(text.key)}`;
  const { made } = await ask(address).catch(() => ({ made: null }));
  if (!made) return false;
  await removeTexts([text]).catch(() => {});
  said.showNotice("made", { version: made.version, link: made.url }, {});
  return true;
}

/** Looks at what the server keeps. */
async function look() {
  if (state.isSending || state.isSent) return;
  lookedAt = performance.now();
  const key = draft.getKey();
  const query = key ? `?key=${encodeURIComponent(key)}` : "";
  try {
    compare(await ask(form.dataset.draftUrl + query), key);
  } catch (error) {
    noteTrouble(error);
  }
}

function compare(answer, key) {
  const found = answer.draft;
  // Somebody may have typed something else meanwhile, and so have another key.
  const isMade = answer.made !== null && key === draft.getKey();
  if (isMade) choices.tellMade(answer.made);
  if (found) compareText(found);
  else if (state.hasText && !isMade) there.ask();
  choices.addOthers(answer.others);
  choices.tellStored(answer.changedAt);
}

function compareText(found) {
  if (isSame(found.fields, readFields(form))) {
    draft.noteSeen(found.mark);
    if (state.hasText) said.showState("server", { time: found.savedAt });
  } else if (draft.isKnown(found.mark)) {
    // What was typed here has not got there yet.
    if (state.hasText) there.ask();
  } else if (!isSame(found.fields, defaults)) choices.tellChanged(found);
}

async function start() {
  onAnswer(hear);
  onTold(listenTo);
  form.addEventListener("input", noteInput);
  form.addEventListener("change", noteInput);
  await bringBack();
  await look();
  removeOld().catch(() => {});
}

if (owner) {
  start();
  window.addEventListener("online", catchUp);
  window.addEventListener("pagehide", () => isAtRisk() && here.flush());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && isAtRisk()) here.flush();
    if (document.hidden) there.hurry();
    else catchUp();
    if (!document.hidden && performance.now() - lookedAt > LOOK_MILLISECONDS) look();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!isAtRisk()) return;
    here.flush();
    event.preventDefault();
  });
}
