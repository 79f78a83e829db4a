// A list that is filtered: what is chosen or typed counts at once, without a new page, and the address says it.

const form = document.querySelector("form[data-live-list]");
const status = document.getElementById("list-status");
const TYPING_MILLISECONDS = 250;

let typing;
let asking;

/** Gives the address of what the form asks for. Empty fields say nothing, so they are not in it. */
function buildAddress() {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value.trim()) address.searchParams.append(name, value);
  return address;
}

/** What was wrong with a field when the page came is not wrong with what is in it now. */
function forgetErrors() {
  for (const message of form.querySelectorAll(".field-error")) message.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function show(page, address, isTyped) {
  const results = page.getElementById(form.dataset.liveList);
  // Whoever is signed out meanwhile, or has no release any more, gets another page.
  if (!results) return location.assign(address);
  document.getElementById(form.dataset.liveList).replaceWith(results);
  document.title = page.title;
  forgetErrors();
  // One way back for a word that is typed, and not one for each of its letters.
  if (isTyped && history.state?.isTyped) history.replaceState({ ...history.state }, "", address);
  else history.pushState({ isTyped }, "", address);
  status.textContent = results.querySelector("[data-list-count]")?.textContent ?? "";
}

/** Shows what the form asks for now. Of several answers only the last one counts. */
async function apply(isTyped = false) {
  clearTimeout(typing);
  asking?.abort();
  const address = buildAddress();
  if (address.href === location.href) return;
  const mine = (asking = new AbortController());
  const results = document.getElementById(form.dataset.liveList);
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal: mine.signal });
    if (!answer.ok || answer.redirected) location.assign(address);
    else show(new DOMParser().parseFromString(await answer.text(), "text/html"), address, isTyped);
  } catch {
    // The network is away for a moment: the browser says so better than this page could.
    if (!mine.signal.aborted) location.assign(address);
  } finally {
    if (mine === asking) results.removeAttribute("aria-busy");
  }
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener("change", (event) => {
    if (event.target.type !== "search") apply();
  });
  form.addEventListener("input", (event) => {
    if (event.isComposing) return;
    clearTimeout(typing);
    if (event.target.type === "search") typing = setTimeout(apply, TYPING_MILLISECONDS, true);
    // A name that was chosen from those that are offered is whole.
    else if (event.inputType === "insertReplacementText") apply();
  });
  // Fields and rows belong together: both come with the page.
  window.addEventListener("popstate", () => location.reload());
}
