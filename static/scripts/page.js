// On every page. What is wrong with a form that came back takes the focus, so that nobody has to look for it.

import { localise } from "./times.js";

document.getElementById("error-summary")?.focus();
localise(document);

/** Lets buttons copy what stands in another element. Browsers let nobody copy from a page that came unencrypted. */
function bindCopies(part) {
  for (const button of navigator.clipboard ? part.querySelectorAll("[data-copy]") : []) {
    const word = button.firstElementChild;
    const said = word.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      word.textContent = button.dataset.copied;
      setTimeout(() => (word.textContent = said), 2000);
    });
  }
}

/**
 * Going back to a form may fetch it anew, with another key, while the browser brings back what was typed. The key that
 * it was sent with comes back, too: sent again as it was, it makes nothing twice.
 */
function keepKey(field) {
  const { formKey } = history.state ?? {};
  if (formKey) field.value = formKey;
  else history.replaceState({ ...history.state, formKey: field.value }, "");
}

/** Whoever comes back to a button and presses it again means it: only a second click on the same page does not. */
function renewKeys() {
  for (const field of document.querySelectorAll('[name="clickKey"]')) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    field.value = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

const LOOK_MILLISECONDS = 1000;
const LOOKS = 30;

/** Whether somebody has opened something in it, or is about to press a button. Who has copied something has done so. */
function isInUse(part) {
  return part.querySelector("details[open], :focus:not([data-copy])") !== null;
}

function readText(part) {
  return part.textContent.replace(/\s+/g, " ");
}

function replacePart(part, next) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(next);
  bindCopies(next);
  if (focused === part) next.focus();
  else if (focused) next.querySelector(`[data-copy="${focused.dataset.copy}"]`)?.focus();
}

/**
 * What is under way when a page is opened, such as a test, ends within seconds: looks for that, and shows what is new.
 * What is followed may take hours: it is shown at each look, which are fewer after a while.
 */
async function showEnd(id, isFollowed) {
  for (let look = 0; look < LOOKS || isFollowed; ) {
    const patience = look < LOOKS ? 1 : 5;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS * patience));
    if (isFollowed && document.hidden) continue;
    const part = document.getElementById(id);
    if (isInUse(part)) continue;
    look += 1;
    // Slipway is started again meanwhile, or the network is away for a moment.
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) continue;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const isUnderWay = page.querySelector("[data-under-way]") !== null;
    const next = page.getElementById(id);
    // Whoever is signed out meanwhile gets another page.
    if (!next) return;
    localise(next);
    if (isUnderWay && readText(next) === readText(part)) continue;
    // The answer has taken a moment.
    if (isInUse(part)) continue;
    replacePart(part, next);
    if (!isUnderWay) return;
  }
}

bindCopies(document);
const keyField = document.querySelector('[name="idempotencyKey"]');
if (keyField?.value) keepKey(keyField);
window.addEventListener("pageshow", (event) => {
  const [visit] = performance.getEntriesByType("navigation");
  if (event.persisted || visit?.type === "back_forward") renewKeys();
});
const underWay = document.querySelector("[data-under-way]");
// Whoever is offline for a moment reloads the page, as without script.
if (underWay) showEnd(underWay.dataset.underWay, "isFollowed" in underWay.dataset).catch(() => {});
