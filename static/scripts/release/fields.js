// The fields of a release with script: what can be known of them before the form is sent.

const form = document.getElementById("release-form");

// Who types a date means it: the check box follows. Who unticks it means no date. The form that changes a release has
// neither.
const { oldDate, isOld } = form.elements;
oldDate?.addEventListener("input", () => {
  oldDate.setCustomValidity("");
  isOld.checked = oldDate.value !== "" || oldDate.validity.badInput;
});
isOld?.addEventListener("change", () => {
  if (!isOld.checked) oldDate.value = "";
});

// A browser sends half a date as none, and the release would be as of now.
form.addEventListener("submit", (event) => {
  if (!oldDate?.validity.badInput) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  oldDate.closest("details").open = true;
  oldDate.setCustomValidity("Created at needs both a date and a time.");
  oldDate.reportValidity();
});
