// What notes can begin with: those of the release before, and the templates of the product that is chosen.

import { insertBlock } from "./edits.js";
import { showState } from "./editor-state.js";
import { applyEdit, editor, field, form, readState, replaceAll, say } from "./notes-field.js";

const row = editor.querySelector("[data-beginnings]");
const choice = row?.querySelector("[data-template]");
const insert = row?.querySelector('[data-begin="template"]');
const link = row?.querySelector("[data-templates-link]");
let templates = [];
let asked = 0;

/** Asks as a script, so that whoever is signed out meanwhile gets a refusal and not the sign-in page. */
async function ask(url) {
  const answer = await fetch(url, { headers: { "Content-Type": "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

function readValue(name) {
  return form.elements[name]?.value ?? "";
}

async function fillPrevious() {
  const query = new URLSearchParams({
    productId: readValue("productId"),
    channel: readValue("channel"),
    version: readValue("version"),
    releaseId: row.dataset.releaseId,
  });
  const { previous } = await ask(`${row.dataset.previousUrl}?${query}`);
  if (!previous) return showState(say("none"));
  if (!previous.notes) return showState(say("empty", previous));
  const before = field.value;
  replaceAll(previous.notes);
  return showState(say("begun", previous), before);
}

async function insertTemplate() {
  const { value } = choice;
  if (!templates.some(({ id }) => id === value)) await loadTemplates();
  const template = templates.find(({ id }) => id === value);
  if (!template) throw new Error("gone");
  const before = field.value;
  applyEdit(insertBlock(readState(), template.notes));
  showState(say("template", template), before);
}

/** Offers the templates of the product that is chosen now. */
async function loadTemplates() {
  asked += 1;
  const number = asked;
  const productId = readValue("productId");
  if (link) {
    link.hidden = !productId;
    link.href = row.dataset.templatesUrl.replace("PRODUCT", productId);
  }
  const found = productId ? await ask(row.dataset.choicesUrl.replace("PRODUCT", productId)) : [];
  // Another product was chosen meanwhile.
  if (number !== asked) return;
  const { value } = choice;
  templates = found;
  choice.replaceChildren(...found.map(({ id, name }) => new Option(name, id, false, id === value)));
  choice.hidden = insert.hidden = !found.length;
  if (link) link.textContent = say(found.length ? "edit_templates" : "make_template");
}

function offerTemplates() {
  return loadTemplates().catch(() => {
    // The choice of another product's templates would be wrong, and none is no harm: they are only an offer.
    choice.hidden = insert.hidden = true;
  });
}

/** Lets the buttons do at once what they would do by sending the form. */
export function bindBeginnings() {
  if (!row) return;
  // What is chosen there is no part of a release.
  choice.removeAttribute("name");
  for (const [name, begin] of Object.entries({ previous: fillPrevious, template: insertTemplate })) {
    row.querySelector(`[data-begin="${name}"]`).addEventListener("click", (event) => {
      event.preventDefault();
      begin().catch(() => showState(say("unanswered")));
    });
  }
  let shownFor = readValue("productId");
  const follow = () => {
    if (readValue("productId") === shownFor) return;
    shownFor = readValue("productId");
    offerTemplates();
  };
  form.addEventListener("change", follow);
  form.addEventListener("slipway:restored", follow);
  window.addEventListener("pageshow", follow);
}
