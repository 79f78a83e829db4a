// The page that asks whether a step is meant, in a dialog on the page of the release.

import { localise, spellExactly } from "../times.js";

/** Opens the page that a link leads to as a dialog. Where that fails, the link leads there. */
export async function openStep(event) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const link = event.currentTarget;
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  const step = await loadStep(link.href);
  link.ariaBusy = null;
  if (!step) {
    location.assign(link.href);
    return;
  }
  showDialog(step);
}

async function loadStep(address) {
  const answer = await fetch(address).catch(() => null);
  // Whoever is signed out meanwhile is led to the door.
  if (!answer?.ok || answer.redirected) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.getElementById("step");
}

function showDialog(step) {
  const dialog = document.createElement("dialog");
  dialog.className = "step-dialog";
  dialog.setAttribute("aria-labelledby", "step-heading");
  dialog.setAttribute("closedby", "any");
  // Below the heading of the page that it lies on.
  const heading = step.querySelector("h1");
  const lower = document.createElement("h2");
  lower.id = heading.id;
  lower.className = heading.className;
  lower.textContent = heading.textContent;
  heading.replaceWith(lower);
  step.removeAttribute("aria-labelledby");
  const close = step.querySelector("[data-close]");
  close.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  // Where there is nothing to fill in, Enter must not do what has not been read yet.
  (step.querySelector("input:not([type=hidden]), select, textarea") ?? close).autofocus = true;
  dialog.append(step);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  prepareStep(step);
  dialog.showModal();
}

/** Makes the fields of a step livelier, wherever it is shown. */
export function prepareStep(step) {
  localise(step);
  const plan = step.querySelector("[data-plan]");
  if (plan) preparePlan(plan, step.querySelector("#error-summary") !== null);
}

function preparePlan(plan, isBack) {
  const [date, zone] = plan.querySelectorAll("[name=publishDate], [name=publishZone]");
  const words = plan.querySelector("[data-plan-words]");
  let isChosen = isBack;
  if (!isBack) beginInOwnZone(date, zone);
  date.addEventListener("change", () => {
    if (!isChosen) zone.value = findOffset(date.value ? new Date(date.value) : new Date());
    tell();
  });
  zone.addEventListener("change", () => {
    isChosen = true;
    tell();
  });
  tell();

  function tell() {
    const moment = new Date(`${date.value}${zone.value}`);
    words.textContent = Number.isNaN(moment.getTime()) ? "" : words.dataset.words.replace("{time}", spellExactly(moment));
  }
}

/** The page has the time in UTC, because the server does not know the reader's zone. */
function beginInOwnZone(date, zone) {
  const moment = date.value ? new Date(`${date.value}Z`) : new Date();
  zone.value = findOffset(moment);
  if (!date.value) return;
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  date.value = local.toISOString().slice(0, "2030-08-24T14:15".length);
}

/** Gives how far the reader's zone is from UTC at a moment, as the choice has it: "+02:00". */
function findOffset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}
