// On every page. What is wrong with a form that came back takes the focus, so that nobody has to look for it.

document.getElementById("error-summary")?.focus();

/** Lets buttons copy what stands in another element. Browsers let nobody copy from a page that came unencrypted. */
function bindCopies(part) {
  for (const button of navigator.clipboard ? part.querySelectorAll("[data-copy]") : []) {
    const word = button.firstElementChild;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      word.textContent = "Copied";
      setTimeout(() => (word.textContent = "Copy"), 2000);
    });
  }
}

const LOOK_MILLISECONDS = 1000;
const LOOKS = 30;

/**
 * What is under way when a page is opened, such as a test, ends within seconds: looks for that, and shows that part.
 * What is followed may take hours: it is shown at each look, which are fewer after a while.
 */
async function showEnd(id, isFollowed) {
  for (let look = 0; look < LOOKS || isFollowed; look += 1) {
    const patience = look < LOOKS ? 1 : 5;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS * patience));
    if (isFollowed && document.hidden) continue;
    const part = document.getElementById(id);
    // Whoever has opened something in it, or is about to press a button, is not disturbed.
    if (part.querySelector("details[open], :focus")) continue;
    // Slipway is started again meanwhile, or the network is away for a moment.
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) continue;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const isUnderWay = page.querySelector("[data-under-way]") !== null;
    if (isUnderWay && !isFollowed) continue;
    const next = page.getElementById(id);
    // Whoever is signed out meanwhile gets another page.
    if (!next) return;
    part.replaceWith(next);
    bindCopies(next);
    if (!isUnderWay) return;
  }
}

bindCopies(document);
const underWay = document.querySelector("[data-under-way]");
// Whoever is offline for a moment reloads the page, as without script.
if (underWay) showEnd(underWay.dataset.underWay, "isFollowed" in underWay.dataset).catch(() => {});
