// The form of a product with script: rows of metadata come and go without asking the server for them.

const rows = document.querySelector("[data-entry-rows]");
const fields = "input, textarea, select";

function number() {
  for (const [place, row] of Array.from(rows.children).entries()) {
    for (const part of row.querySelectorAll(`${fields}, button`)) {
      part.setAttribute("aria-label", part.getAttribute("aria-label").replace(/\d+$/, place + 1));
    }
    row.querySelector("button").value = `remove-entry-${place}`;
  }
}

function empty(row) {
  for (const field of row.querySelectorAll(fields)) {
    if (field.matches("select")) field.selectedIndex = 0;
    else field.value = "";
    // What is wrong with another row is not wrong with an empty one.
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function addRow() {
  const row = rows.lastElementChild.cloneNode(true);
  empty(row);
  rows.append(row);
  number();
  return row;
}

function removeRow(row) {
  // The last row stays, because new ones are made of it.
  if (rows.children.length === 1) {
    empty(row);
    row.querySelector("input").focus();
  } else {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    number();
    next.querySelector("input").focus();
  }
  keep();
}

document.querySelector("[data-add-entry]").addEventListener("click", (event) => {
  event.preventDefault();
  addRow().querySelector("input").focus();
});

rows.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove-entry]");
  if (!button) return;
  event.preventDefault();
  removeRow(button.closest(".entry-row"));
});

// Browsers bring back what was typed when somebody goes back, but not into rows that were added here: so the rows are
// kept with the page.
function keep() {
  const entries = Array.from(rows.children, (row) => Array.from(row.querySelectorAll(fields), (field) => field.value));
  history.replaceState({ ...history.state, entries }, "");
}

rows.addEventListener("input", keep);
const [visit] = performance.getEntriesByType("navigation");
const kept = visit?.type === "back_forward" ? (history.state?.entries ?? []) : [];
if (kept.length > 0) {
  while (rows.children.length < kept.length) addRow();
  while (rows.children.length > kept.length) rows.lastElementChild.remove();
  for (const [place, values] of kept.entries()) {
    for (const [index, field] of rows.children[place].querySelectorAll(fields).entries()) field.value = values[index];
  }
  number();
}
