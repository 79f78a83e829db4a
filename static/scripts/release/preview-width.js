// At which width the preview is shown: that of the customer page on a desktop or on a phone. Where there is less room,
// it is made smaller as a whole, so that every line breaks where it does for customers.

import { editor, say } from "./notes-field.js";

const KEPT_AS = "slipway:preview-width";
// Below this nobody can read it: the rest is scrolled to.
const SMALLEST = 0.6;
const NARROW = "(max-width: 44rem)";

const frame = editor.querySelector("[data-preview-frame]");
const room = frame.firstElementChild;
const sheet = room.firstElementChild;
const line = editor.querySelector("[data-preview-width]");
const switches = editor.querySelector("[data-widths]");

function readKept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    // Browsers may keep nothing for a page; then it is asked for anew.
    return null;
  }
}

function choose(width) {
  frame.dataset.width = width;
  for (const button of switches.children) button.setAttribute("aria-pressed", String(button.dataset.width === width));
  fitPreview();
}

/** Gives the preview as much room as it takes at the scale that fits; called after its content has changed, too. */
export function fitPreview() {
  const style = getComputedStyle(frame);
  const free = frame.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  if (free <= 0) return;
  const scale = Math.max(SMALLEST, Math.min(1, free / sheet.offsetWidth));
  sheet.style.transform = scale < 1 ? `scale(${scale})` : "";
  room.style.width = `${sheet.offsetWidth * scale}px`;
  room.style.height = `${sheet.offsetHeight * scale}px`;
  const pixels = Math.round(sheet.firstElementChild.offsetWidth);
  const words = [say(frame.dataset.width, { pixels })];
  if (scale < 1) words.push(say("scaled", { percent: Math.round(scale * 100) }));
  const text = words.join(" ");
  if (line.textContent !== text) line.textContent = text;
}

/** Shows the switch, and the preview at the width that was chosen last on this device. */
export function bindWidths() {
  const kept = readKept();
  switches.hidden = false;
  switches.addEventListener("click", (event) => {
    const { width } = event.target.dataset;
    if (!width) return;
    choose(width);
    try {
      localStorage.setItem(KEPT_AS, width);
    } catch {
      // Then it lasts as long as the page.
    }
  });
  choose(["desktop", "phone"].includes(kept) ? kept : matchMedia(NARROW).matches ? "phone" : "desktop");
  // In the next frame: what is changed while sizes are looked at would be looked at again.
  new ResizeObserver(() => requestAnimationFrame(fitPreview)).observe(frame);
}
