// Sends the form of a release: once, however often its button is pressed, and with an end that is known. If no answer
// comes, the server is asked what has come of the form's key; sent again under the same key it makes nothing twice.

import { beginSending, endSending, isAsSent, noteMade, tellMade } from "./drafts.js";
import { noteTrouble } from "./draft-saving.js";
import { getKey } from "./draft-state.js";
import { showErrors } from "./sending-errors.js";
import { AskError, ask, owner, renewToken } from "./session.js";
import { signIn } from "./sign-in.js";

const PATIENCE_MILLISECONDS = 15_000;
const SLOW_MILLISECONDS = 2_000;
const ASK_MILLISECONDS = [0, 1_000, 2_000, 3_000, 5_000];
const ASKS = 60;

const form = document.getElementById("release-form");
const panel = form.querySelector("[data-sending]");

let busyButton = null;
let isPlain = false;
// Who asks is the last one who has sent.
let round = 0;

/** Whether a button sends the form; others ask for something else, or are in the hands of other scripts. */
function isMeant(submitter) {
  if (submitter?.hasAttribute("formaction")) return false;
  return submitter?.name !== "action" || submitter.value === "publish";
}

form.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !isMeant(event.submitter)) return;
  if (busyButton) {
    event.preventDefault();
    return;
  }
  setBusy(event.submitter ?? form.querySelector("[data-submit]"));
  // Who is not signed in signs in by two fields of the form, and it goes the way that it goes without script.
  if (!owner || isPlain) return;
  event.preventDefault();
  send(event.submitter);
});

// Back to this page out of the browser's cache: the form may be sent again.
window.addEventListener("pageshow", () => {
  isPlain = false;
  setBusy(null);
  endSending();
});

function setBusy(submitter) {
  busyButton?.removeAttribute("aria-busy");
  busyButton = submitter && findSeen(submitter);
  busyButton?.setAttribute("aria-busy", "true");
}

/** Enter presses a button that nobody sees, and one in a dialog has closed that. */
function findSeen(submitter) {
  if (submitter.closest("dialog")) return form.querySelector("[data-publish]");
  return submitter.matches(".visually-hidden") ? form.querySelector("[data-submit]") : submitter;
}

/** Gives what the form sends. The button may have gone since it was pressed. */
function buildBody(submitter) {
  const body = new URLSearchParams(new FormData(form));
  if (submitter?.name) body.append(submitter.name, submitter.value);
  return body;
}

async function send(submitter) {
  round += 1;
  const slow = setTimeout(() => show("slow"), SLOW_MILLISECONDS);
  await beginSending();
  try {
    await attempt(submitter);
  } finally {
    clearTimeout(slow);
    setBusy(null);
  }
}

async function attempt(submitter) {
  try {
    // Asks whose session this is: a form is sent in nobody else's name, and what cannot be asked was not sent.
    await renewToken();
  } catch (error) {
    await explain(error, submitter);
    return;
  }
  let answer, text;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    const headers = { Accept: "application/json" };
    answer = await fetch(form.getAttribute("action"), { method: "POST", body: buildBody(submitter), headers, signal, redirect: "manual" });
    text = await answer.text();
  } catch {
    findOut(submitter, round);
    return;
  }
  await read(answer, text, submitter);
}

async function read(answer, text, submitter) {
  if (answer.headers.get("Content-Type")?.startsWith("application/json")) {
    await arrive({ url: JSON.parse(text).location, version: form.elements.version.value });
    return;
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  const isSignedOut = page.querySelector('#release-form [name="signInPassword"]') !== null;
  if (answer.status >= 500) findOut(submitter, round);
  else if (isSignedOut) await explain(new AskError("signed-out"), submitter);
  else {
    endSending();
    if (showErrors(page)) hide();
    else if (page.getElementById("release-form")) sendPlainly(submitter);
    else show("refused", { again: () => again(submitter), text: findText(page) });
  }
}

/** What is no verdict, such as a question, is a page of its own: as it is without script. */
function sendPlainly(submitter) {
  isPlain = true;
  setBusy(null);
  form.requestSubmit(submitter?.isConnected ? submitter : null);
}

function findText(page) {
  return page.querySelector("main")?.textContent.replace(/\s+/g, " ").trim() ?? "";
}

/** Says why nothing was sent. Who is signed out signs in, and the same goes on. */
async function explain(error, submitter) {
  noteTrouble(error);
  if (error.kind === "signed-out" || error.kind === "stranger") {
    if (await signIn(error.kind)) return attempt(submitter);
    show("unsent", { again: () => again(submitter) });
  } else show("unreachable", { again: () => again(submitter) });
  endSending();
}

/** Asks what has come of the form until that is known. */
async function findOut(submitter, asking) {
  const retry = { again: () => again(submitter) };
  if (!getKey()) {
    endSending();
    show("unknown-change", retry);
    return;
  }
  show("unknown", retry);
  for (let number = 0; number < ASKS && asking === round; number += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_MILLISECONDS[Math.min(number, ASK_MILLISECONDS.length - 1)]));
    const made = await askOutcome();
    if (asking !== round) return;
    if (made && (made.published || !publishes(submitter))) {
      await finish(made);
      return;
    }
    if (made !== undefined) {
      endSending();
      show(made ? "not-published" : "not-made", retry);
    }
  }
}

function publishes(submitter) {
  return submitter?.name === "confirmed" || submitter?.value === "publish";
}

/** Gives what has come of the key: null for nothing so far, undefined if that cannot be said now. */
async function askOutcome() {
  try {
    return (await ask(`${form.dataset.outcomeUrl}?key=${encodeURIComponent(getKey())}`)).made;
  } catch (error) {
    if (error instanceof AskError) return undefined;
    throw error;
  }
}

async function finish(made) {
  if (isAsSent()) await arrive(made);
  else {
    // Something else stands in the form by now: that stays.
    hide();
    endSending();
    tellMade(made);
  }
}

async function arrive(made) {
  await noteMade(made);
  hide();
  location.assign(made.url);
}

function again(submitter) {
  if (busyButton) return;
  setBusy(submitter ?? form.querySelector("[data-submit]"));
  hide();
  send(submitter);
}

function show(name, { again: retry, text = "" } = {}) {
  if (panel.dataset.shown === name) return;
  const part = form.querySelector(`template[data-sending-word="${name}"]`).content.cloneNode(true);
  const slot = part.querySelector("[data-slot]");
  if (slot) slot.textContent = text;
  part.querySelector("button")?.addEventListener("click", retry);
  panel.replaceChildren(part);
  panel.dataset.shown = name;
}

function hide() {
  panel.replaceChildren();
  delete panel.dataset.shown;
}
