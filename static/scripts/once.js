// Forms whose answer shows something once. A second click would lose it: it does nothing until the answer is there.

// Whoever has stopped the request, or waits for this long, may send the form again: it makes nothing twice.
const PATIENCE_MILLISECONDS = 10_000;

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    for (const button of form.querySelectorAll("[type=submit]")) button.ariaBusy = "true";
    setTimeout(release, PATIENCE_MILLISECONDS);
  });
}

function release() {
  for (const busy of document.querySelectorAll("form[data-once], form[data-once] [type=submit]")) busy.ariaBusy = null;
}
// Whoever comes back by the browser's button finds the page as they have left it.
window.addEventListener("pageshow", release);

// What is shown once must not be sent again by a reload: that leads to the list, instead.
const shown = document.querySelector("[data-leave-for]");
if (shown) history.replaceState(null, "", shown.dataset.leaveFor);
