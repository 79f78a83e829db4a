// The page of a release and what leads on from it: steps in a dialog, deliveries as they go, times of the reader's zone.

import { followDeliveries } from "./release/deliveries.js";
import { openStep, prepareStep } from "./release/steps.js";
import { localise } from "./times.js";

const RELOAD_AFTER = 1500;
const LATE_AFTER = 60_000;
const LATE_PACE = 5000;
const FAR_AHEAD = 24 * 3600 * 1000;
const BUSY_MILLISECONDS = 10_000;

/** A second click on a button does nothing until the first one's answer is there, or did not come. */
function guardForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    setBusy(form, "true");
    setTimeout(() => setBusy(form, null), BUSY_MILLISECONDS);
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll('form[aria-busy="true"]')) setBusy(form, null);
    for (const dialog of document.querySelectorAll(".step-dialog")) dialog.close();
  });
}

function setBusy(form, value) {
  form.ariaBusy = value;
  for (const button of form.querySelectorAll("[type=submit]")) button.ariaBusy = value;
}

/** Shows the page anew once the moment has come for which its publication is planned. */
function awaitPublication(element) {
  const due = new Date(element.dataset.publishAt).getTime();
  const ahead = due - Date.now();
  if (ahead > FAR_AHEAD || ahead < -LATE_AFTER) return;
  setTimeout(() => {
    // Whoever is asked something right now is not interrupted.
    if (document.querySelector("dialog[open]")) awaitPublication(element);
    else location.reload();
  }, Math.max(ahead + RELOAD_AFTER, LATE_PACE));
}

localise(document.querySelector("main"));
guardForms();
for (const link of document.querySelectorAll("a[data-step]")) link.addEventListener("click", openStep);
const step = document.getElementById("step");
if (step) prepareStep(step);
const planned = document.querySelector("[data-publish-at]");
if (planned) awaitPublication(planned);
const deliveries = document.getElementById("deliveries");
if (deliveries) followDeliveries(deliveries);
