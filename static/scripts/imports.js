// The form of an import: a file can be dropped on its place, which says the name and the size of what was chosen.

const place = document.querySelector("[data-drop]");
const field = place.querySelector("input[type=file]");
const title = place.querySelector("[data-file-name]");
const words = title.textContent;

function describeSize(bytes) {
  const format = (number, unit) =>
    new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit",
      unit,
      maximumFractionDigits: number < 10 ? 1 : 0,
    }).format(number);
  return bytes < 1_000_000 ? format(bytes / 1000, "kilobyte") : format(bytes / 1_000_000, "megabyte");
}

function showChoice() {
  const [file] = field.files;
  title.textContent = file
    ? title.dataset.chosen.replace("{name}", file.name).replace("{size}", describeSize(file.size))
    : words;
}

for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  place.addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    place.classList.toggle("is-dropping", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) {
      field.files = event.dataTransfer.files;
      showChoice();
    }
  });
}

field.addEventListener("change", showChoice);
// Whoever comes back by the browser's button may find the file still chosen.
window.addEventListener("pageshow", showChoice);
