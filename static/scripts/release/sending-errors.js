// Shows what is wrong with a form as the server's page says it, in the page that is there: with its text, the place of
// the caret and what can be undone.

const ERROR_ID = /^error-(.+)-\d+$/;

const form = document.getElementById("release-form");

/** Takes the page that the server has answered with; gives whether it was the form, with what is wrong. */
export function showErrors(page) {
  const summary = page.getElementById("error-summary");
  if (!summary || !page.getElementById("release-form")) return false;
  clearErrors();
  form.before(document.importNode(summary, true));
  for (const error of listErrors(page)) placeError(document.importNode(error, true));
  for (const field of page.querySelectorAll('#release-form [aria-invalid="true"][id]')) tieErrors(field);
  // What is known of a field says nothing where an error says it.
  for (const state of page.querySelectorAll('#release-form [id^="state-"]')) {
    document.getElementById(state.id)?.replaceChildren(...document.importNode(state, true).childNodes);
  }
  document.title = page.title;
  document.getElementById("error-summary").focus();
  return true;
}

function listErrors(part) {
  return [...part.querySelectorAll("#release-form .field-error")].filter((error) => ERROR_ID.test(error.id));
}

function clearErrors() {
  document.getElementById("error-summary")?.remove();
  for (const error of listErrors(document)) error.remove();
  for (const field of form.querySelectorAll("[aria-describedby]")) {
    field.removeAttribute("aria-invalid");
    describe(field, listDescriptions(field).filter((id) => !ERROR_ID.test(id)));
  }
}

/** Puts an error where the server's page has it: behind its field, and before the hint. */
function placeError(error) {
  const field = document.getElementById(`field-${ERROR_ID.exec(error.id)[1]}`);
  const part = field?.matches("fieldset") ? field : field?.closest(".field");
  if (!part) return;
  const next = [...part.children].find((child) => child.matches(".hint") && !child.matches("label, legend"));
  part.insertBefore(error, next ?? null);
  for (let outer = part.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
}

function tieErrors(field) {
  const shown = document.getElementById(field.id);
  if (!shown) return;
  shown.setAttribute("aria-invalid", "true");
  describe(shown, [...listDescriptions(field).filter((id) => ERROR_ID.test(id)), ...listDescriptions(shown)]);
}

function listDescriptions(field) {
  return (field.getAttribute("aria-describedby") ?? "").split(/\s+/).filter(Boolean);
}

function describe(field, ids) {
  if (ids.length) field.setAttribute("aria-describedby", [...new Set(ids)].join(" "));
  else field.removeAttribute("aria-describedby");
}
