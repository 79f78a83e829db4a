// Sends the form of a release once, however often its button is pressed.

const form = document.getElementById("release-form");

form.addEventListener("submit", (event) => {
  // The server makes one release of two identical requests; this spares it the second one.
  if (form.dataset.isSent) {
    event.preventDefault();
    return;
  }
  form.dataset.isSent = "yes";
  form.querySelector("[data-submit]").setAttribute("aria-busy", "true");
});

// Back to this page out of the browser's cache: the form may be sent again.
window.addEventListener("pageshow", () => {
  delete form.dataset.isSent;
  form.querySelector("[data-submit]").removeAttribute("aria-busy");
});
