// Recovery codes are shown once: copies them, saves them as a file, or prints them.

const actions = document.getElementById("codes-actions");
const codes = Array.from(document.querySelectorAll("#recovery-codes code"), (code) => code.textContent);
const text = `${actions.dataset.heading}\n\n${codes.join("\n")}\n`;
const COPIED_MILLISECONDS = 2000;

async function copy(button) {
  const word = button.firstElementChild;
  const before = word.textContent;
  await navigator.clipboard.writeText(text);
  word.textContent = actions.dataset.copied;
  setTimeout(() => (word.textContent = before), COPIED_MILLISECONDS);
}

function download() {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = actions.dataset.file;
  link.click();
  URL.revokeObjectURL(url);
}

const DO = { copy, download, print: () => window.print() };

for (const button of actions.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => DO[button.dataset.do](button));
}
// Browsers let nobody copy from a page that came unencrypted.
actions.querySelector('[data-do="copy"]').hidden = !navigator.clipboard;
actions.hidden = false;
