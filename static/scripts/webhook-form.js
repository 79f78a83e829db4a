// The form of a webhook with script: another row for a header, without asking the server for it.

const rows = document.querySelector("[data-header-rows]");

document.querySelector("[data-add-header]").addEventListener("click", (event) => {
  event.preventDefault();
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
  row.querySelector("input").focus();
});
