// Signs in again over the form, without leaving it: the text stays, and what was to be sent goes on.

import { AskError, findSender, owner, renewToken } from "./session.js";

const dialog = document.getElementById("sign-in-dialog");

let asked = null;

/** Lets the owner of this page sign in again. Fulfilled with whether they have. */
export function signIn(reason = "signed-out") {
  if (!dialog) return Promise.resolve(false);
  asked ??= askToSignIn(reason).finally(() => (asked = null));
  return asked;
}

async function askToSignIn(reason) {
  const form = dialog.querySelector("form");
  for (const part of dialog.querySelectorAll("[data-reason]")) {
    part.hidden = (part.dataset.reason === "stranger") !== (reason === "stranger");
  }
  dialog.showModal();
  askFor("password", form);
  const leaving = new AbortController();
  const { signal } = leaving;
  try {
    return await new Promise((resolve) => {
      form.addEventListener("submit", (event) => (event.preventDefault(), submit(form).then(resolveIf(resolve))), { signal });
      dialog.querySelector('[data-do="close"]').addEventListener("click", () => dialog.close(), { signal });
      dialog.addEventListener("close", () => resolve(false), { signal });
      // Somebody who signs in in another tab comes back here.
      window.addEventListener("focus", () => isBack().then(resolveIf(resolve)), { signal });
    });
  } finally {
    leaving.abort();
    askFor("password", form);
    dialog.close();
  }
}

function resolveIf(resolve) {
  return (isSignedIn) => isSignedIn && resolve(true);
}

/** Sends what was typed. Where there is a second factor, the first answer asks for its code. */
async function submit(form) {
  const button = form.querySelector('[type="submit"]');
  button.setAttribute("aria-busy", "true");
  try {
    const { code, message } = await send(form);
    if (code === "second_factor_required") return askFor("code", form);
    if (code) {
      if (code === "second_step_over") askFor("password", form);
      return tell(message, form);
    }
    await renewToken();
    return true;
  } catch (error) {
    return tell(findWord(error), form);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Sends it by the door that everybody signs in by; gives the refusal, if it is one. */
async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  const url = form.dataset.step === "code" ? form.dataset.secondStepUrl : form.action;
  body.set("csrf_token", (await findSender()).csrfToken);
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "error" });
    return await answer.json();
  } catch {
    throw new AskError("offline");
  }
}

function askFor(step, form) {
  form.dataset.step = step;
  for (const part of form.querySelectorAll("[data-step-part]")) part.hidden = part.dataset.stepPart !== step;
  for (const name of ["password", "code"]) form.elements[name].value = "";
  tell("", form);
  return false;
}

function findWord(error) {
  if (!(error instanceof AskError)) throw error;
  const word = error.kind === "stranger" ? "stranger" : "offline";
  return dialog.querySelector(`template[data-word="${word}"]`).content.textContent;
}

function tell(message, form) {
  dialog.querySelector("[data-error]").textContent = message;
  form.elements[form.dataset.step].focus();
  form.elements[form.dataset.step].select();
  return false;
}

async function isBack() {
  const sender = await findSender().catch(() => null);
  if (sender?.owner !== owner) return false;
  await renewToken();
  return true;
}
