// Create and publish: asks once, in a dialog, who will see it and which webhooks will be told.
//
// What is asked comes from the server, which says it only of a form that could be sent as it is. Whatever stands in the
// way, the form is sent instead, and comes back with what is wrong, or with the question in the page.

import { isHalf, tellHalf } from "./old-date.js";

/** Takes the form. The one that changes a draft does not publish. */
export function askBeforePublishing(form) {
  const button = form.querySelector("[data-publish]");
  const dialog = document.getElementById("confirm-dialog");
  if (!button || !dialog) return;
  let isAsking = false;

  button.addEventListener("click", async (event) => {
    event.preventDefault();
    // The focus is here while what was said yes to is sent: Enter pressed once more asks nothing anew.
    if (isAsking || button.ariaBusy === "true") return;
    if (isHalf(form)) {
      tellHalf(form);
      return;
    }
    isAsking = true;
    button.setAttribute("aria-busy", "true");
    const html = await findQuestion(form, button.dataset.publish);
    button.removeAttribute("aria-busy");
    isAsking = false;
    if (html) show(html);
    else form.requestSubmit(button);
  });

  function show(html) {
    // It is the server's own HTML, with everything that somebody typed escaped.
    dialog.innerHTML = html;
    dialog.showModal();
  }

  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-back]")) dialog.close();
    const confirmed = event.target.closest("[data-confirm]");
    if (!confirmed) return;
    // What comes of it is told in the page, which must not lie behind the dialog.
    event.preventDefault();
    dialog.close();
    dropRestOfDoubleClick();
    form.requestSubmit(confirmed);
  });
  dialog.addEventListener("close", () => button.focus());
  // What somebody comes back to is the form.
  window.addEventListener("pageshow", () => dialog.close());
}

/** The second click on a button that closes its dialog falls on what lay beneath: a check box, or Cancel. */
function dropRestOfDoubleClick() {
  const watch = new AbortController();
  for (const type of ["mousedown", "click"]) {
    window.addEventListener(
      type,
      (event) => {
        if (event.detail < 2) watch.abort();
        else {
          event.preventDefault();
          event.stopPropagation();
        }
      },
      { capture: true, signal: watch.signal },
    );
  }
}

/** Asks the server what is to be confirmed; nothing if it cannot say so. */
async function findQuestion(form, url) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      redirect: "error",
    });
    return answer.ok ? (await answer.json()).html : null;
  } catch {
    return null;
  }
}
