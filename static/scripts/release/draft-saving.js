// Saves the text of this window: here within a second of a pause, on the server within five.

import * as said from "./draft-notices.js";
import { noteChange, state, subject, takeText } from "./draft-state.js";
import { putText } from "./draft-store.js";
import { Saver } from "./saver.js";
import { AskError, ask, owner } from "./session.js";
import { signIn } from "./sign-in.js";

const HERE = [300, 900];
const THERE = [1500, 4000];
const RETRY_MILLISECONDS = [2_000, 4_000, 8_000, 15_000, 30_000];

const form = document.getElementById("release-form");
const channel = "BroadcastChannel" in window ? new BroadcastChannel("slipway-drafts") : null;

export const here = new Saver(saveHere, ...HERE);
export const there = new Saver(saveThere, ...THERE);

let trouble = "";
let failures = 0;
let retry = 0;
let hear = () => {};

/** Takes what is done with each answer of the server to a text. */
export function onAnswer(handler) {
  hear = handler;
}

/** Tells the other windows of this browser. */
export function tell(kind, details = {}) {
  channel?.postMessage({ kind, owner, subject, window: state.window, mark: state.mark, ...details });
}

/** Takes what is done when another window tells of the same form. */
export function onTold(handler) {
  channel?.addEventListener("message", ({ data }) => {
    if (data.owner === owner && data.subject === subject && data.window !== state.window) handler(data);
  });
}

/** Has the text that stands in the form now saved, here and on the server. */
export function saveSoon() {
  noteChange();
  here.ask();
  if (!state.isSending) there.ask();
}

/** Whether something is typed that would be lost with this page. */
export function isAtRisk() {
  return state.version > Math.max(state.savedHere, state.savedThere) && !state.isSent;
}

async function saveHere() {
  const { version } = state;
  try {
    await putText(takeText(), state.windowsBefore);
  } catch {
    // A browser that keeps nothing, such as in a private window: then the server's copy is all there is.
    return;
  }
  state.windowsBefore = [];
  state.savedHere = version;
  tell("changed");
  if (state.isSent) return;
  if (trouble) showTrouble();
  else if (state.savedThere < version) said.showState("device");
}

async function saveThere() {
  if (state.isSending || state.isSent) return;
  clearTimeout(retry);
  const { version } = state;
  state.ownMarks.push(state.mark);
  // The mark is on this device before it is on the server: who comes back after a crash knows its own text.
  await here.flush();
  const { window, mark, known, key, base, fields } = takeText();
  try {
    const answer = await ask(form.dataset.draftUrl, "PUT", { window, mark, known, key, base, fields });
    noteSaved(answer, version, mark);
    hear(answer, { key, fields });
  } catch (error) {
    noteTrouble(error);
  }
}

function noteSaved(answer, version, mark) {
  trouble = "";
  failures = 0;
  if (!answer.draft) return;
  state.savedThere = Math.max(state.savedThere, version);
  state.ownMarks = state.ownMarks.slice(state.ownMarks.indexOf(mark));
  if (!state.isSent) said.showState("server", { time: answer.draft.savedAt });
}

/** Takes why the server did not answer as hoped; says so, and tries again where that may help. */
export function noteTrouble(error) {
  if (!(error instanceof AskError)) throw error;
  trouble = error.kind;
  if (state.hasText) showTrouble();
  if (trouble !== "offline") return;
  clearTimeout(retry);
  retry = setTimeout(() => there.flush(), RETRY_MILLISECONDS[Math.min(failures++, RETRY_MILLISECONDS.length - 1)]);
}

function showTrouble() {
  const isKept = state.savedHere === state.version;
  said.showState(isKept || here.isBusy ? trouble : "lost", {}, { "sign-in": goOn });
}

async function goOn() {
  if (await signIn()) there.flush();
}

/** Tries at once what has failed, such as when the network is back. */
export function catchUp() {
  if (trouble && state.savedThere < state.version) there.flush();
}
