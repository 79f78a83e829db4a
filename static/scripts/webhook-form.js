// The form of a webhook with script: another row for a header, without asking the server for it.

const rows = document.querySelector("[data-header-rows]");

function addRow() {
  const row = rows.lastElementChild.cloneNode(true);
  const number = rows.children.length + 1;
  for (const field of row.querySelectorAll("input")) {
    field.value = "";
    // What is wrong with the row above is not wrong with an empty one.
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+$/, number));
  }
  rows.append(row);
  return row;
}

document.querySelector("[data-add-header]").addEventListener("click", (event) => {
  event.preventDefault();
  addRow().querySelector("input").focus();
});

// Browsers bring back what was typed into a row when somebody goes back, but not the rows that were added here. So the
// names are kept with the page. The values are not: they are often secret.
function listNames() {
  return Array.from(rows.querySelectorAll('[name="headerName"]'));
}

function keepNames() {
  const headerNames = listNames().map((field) => field.value);
  history.replaceState({ ...history.state, headerNames }, "");
}

rows.addEventListener("input", keepNames);
const [visit] = performance.getEntriesByType("navigation");
const kept = visit?.type === "back_forward" ? (history.state?.headerNames ?? []) : [];
for (const [place, name] of kept.entries()) {
  while (name && place >= rows.children.length) addRow();
  const field = listNames()[place];
  if (name && field && !field.value) field.value = name;
}
