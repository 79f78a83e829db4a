// Uploads: one file after the other, each with how far it is. Without this the form sends them all at once.

const FILES = new Intl.NumberFormat(document.documentElement.lang || undefined, { style: "percent" });
let underWay = 0;

/** Sends a form's files one by one. What cannot be added stays in the list, with the reason; the others are added. */
async function sendAll(form) {
  const input = form.querySelector("[type=file]");
  const list = form.querySelector(".upload-list");
  const items = Array.from(input.files, (file) => buildItem(form, file));
  list.replaceChildren(...items.map((item) => item.element));
  list.hidden = false;
  setBusy(form, true);
  underWay += 1;
  let isWhole = true;
  for (const item of items) isWhole = (await sendOne(form, item)) && isWhole;
  underWay -= 1;
  setBusy(form, false);
  // The page tells of what was added, and has the files in its list.
  if (isWhole) {
    location.assign(form.dataset.page);
    return;
  }
  input.value = "";
  await showAdded();
}

/** Where some were not added, the page stays, with the reasons; its list gets those that were. */
async function showAdded() {
  const list = document.getElementById("files");
  const answer = list && (await fetch(location.href).catch(() => null));
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("files");
  if (next) list.replaceWith(next);
}

function setBusy(form, isBusy) {
  for (const button of form.querySelectorAll("[type=submit]")) button.ariaBusy = isBusy ? "true" : null;
  form.querySelector("[type=file]").disabled = isBusy;
}

function buildItem(form, file) {
  const element = document.createElement("li");
  const name = document.createElement("span");
  name.className = "break";
  name.textContent = file.name;
  const stop = document.createElement("button");
  stop.type = "button";
  stop.className = "button is-quiet is-small";
  stop.textContent = form.dataset.stop;
  stop.setAttribute("aria-label", `${form.dataset.stop}: ${file.name}`);
  const progress = document.createElement("progress");
  progress.max = Math.max(file.size, 1);
  progress.value = 0;
  progress.setAttribute("aria-label", file.name);
  const state = document.createElement("span");
  state.className = "upload-state";
  state.textContent = form.dataset.waiting;
  element.append(name, stop, progress, state);
  const item = { file, element, stop, progress, state, isStopped: false };
  stop.addEventListener("click", () => {
    item.isStopped = true;
    item.request?.abort();
  });
  return item;
}

/** Gives whether the file was added. */
async function sendOne(form, item) {
  const problem = item.isStopped ? form.dataset.stopped : await transfer(form, item);
  item.stop.remove();
  item.state.textContent = problem ?? form.dataset.done;
  item.element.classList.toggle("is-failed", problem !== null);
  if (problem === null) item.progress.value = item.progress.max;
  else item.progress.remove();
  return problem === null;
}

/** Sends a file; gives null, or what is wrong. `fetch` cannot tell how much has been sent. */
function transfer(form, item) {
  const { file, progress, state } = item;
  const request = new XMLHttpRequest();
  item.request = request;
  const isSecured = form.querySelector("[name=secured]").checked;
  request.open("POST", `${form.dataset.upload}${encodeURIComponent(file.name)}?secured=${isSecured}`);
  request.setRequestHeader("X-CSRFToken", form.querySelector("[name=csrf_token]").value);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    progress.value = event.loaded;
    const words = form.dataset.sending.replace("{share}", FILES.format(event.loaded / progress.max));
    state.textContent = words.replace("{size}", describeSize(file.size));
  });
  request.upload.addEventListener("load", () => (state.textContent = form.dataset.storing));
  return new Promise((resolve) => {
    request.addEventListener("load", () => resolve(request.status === 200 ? null : readProblem(form, request)));
    request.addEventListener("error", () => resolve(form.dataset.failed));
    request.addEventListener("abort", () => resolve(form.dataset.stopped));
    request.send(file);
  });
}

function readProblem(form, request) {
  try {
    return JSON.parse(request.responseText).message ?? form.dataset.failed;
  } catch {
    // What is not ours, such as an answer of a proxy.
    return form.dataset.failed;
  }
}

function describeSize(size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), units.length - 1);
  const format = { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang || undefined, format).format(size / 1000 ** step);
}

/** Files that are dropped anywhere on the form are those that it sends. */
function takeDrops(form) {
  const input = form.querySelector("[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    form.addEventListener(name, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      form.classList.add("is-target");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    form.addEventListener(name, () => form.classList.remove("is-target"));
  }
  form.addEventListener("drop", (event) => {
    if (input.disabled || !event.dataTransfer.files.length) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
  });
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  takeDrops(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // The page has its own ways with forms that leave it.
    event.stopPropagation();
    if (!form.querySelector("[type=file]").disabled) sendAll(form);
  });
}

window.addEventListener("beforeunload", (event) => {
  if (underWay) event.preventDefault();
});
