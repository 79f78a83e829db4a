// The deliveries of a release while they are under way: looks again, and changes the rows that have changed.

import { localise } from "../times.js";

const FAST_MILLISECONDS = 1000;
const LATER_MILLISECONDS = 3000;
const SLOW_MILLISECONDS = 10_000;
const FAST_LOOKS = 30;

/** Follows what is under way until it has ended. A retry may be hours away: for that it looks less often. */
export async function followDeliveries(section) {
  for (let looks = 0; ; ) {
    const list = section.querySelector("[data-live]");
    if (!list) return;
    const isFast = list.dataset.pace === "fast";
    const soon = looks < FAST_LOOKS ? FAST_MILLISECONDS : LATER_MILLISECONDS;
    await new Promise((resolve) => setTimeout(resolve, isFast ? soon : SLOW_MILLISECONDS));
    if (document.hidden) continue;
    looks += 1;
    // Slipway is started again meanwhile, or the network is away for a moment.
    const answer = await fetch(list.dataset.live).catch(() => null);
    if (!answer || answer.status >= 500) continue;
    // Whoever is signed out meanwhile gets another page, and a release that has gone has none.
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("events");
    if (!next) return;
    localise(next);
    mergeEvents(section.querySelector("#events"), next, section.querySelector("#deliveries-news"));
  }
}

function mergeEvents(list, next, news) {
  for (const name of ["data-live", "data-pace"]) {
    if (next.hasAttribute(name)) list.setAttribute(name, next.getAttribute(name));
    else list.removeAttribute(name);
  }
  const kept = new Set([...next.children].map((event) => event.id));
  for (const event of [...list.children]) if (!kept.has(event.id)) event.remove();
  [...next.children].forEach((event, place) => {
    const present = event.id ? document.getElementById(event.id) : null;
    if (!present) list.insertBefore(event, list.children[place] ?? null);
    else mergeEvent(present, event, news);
  });
}

function mergeEvent(present, next, news) {
  const [before, after] = [present, next].map((event) => event.querySelector("[data-outcome]"));
  if (readText(before) !== readText(after)) {
    before.replaceWith(after);
    // Only what becomes of an event is told aloud, and not each try.
    news.textContent = `${after.dataset.outcome}: ${readText(after)}`;
  }
  const receivers = present.querySelector(".receivers");
  for (const row of [...next.querySelectorAll(".receiver")]) {
    const old = document.getElementById(row.id);
    if (!old) receivers.append(row);
    else if (hasChanged(old, row)) replaceRow(old, row);
  }
}

function hasChanged(row, next) {
  return readText(row) !== readText(next) || !row.querySelector("form") !== !next.querySelector("form");
}

function replaceRow(row, next) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  row.replaceWith(next);
  if (focused) (next.querySelector(focused.localName) ?? next.querySelector("a")).focus();
}

function readText(element) {
  return element.textContent.replace(/\s+/g, " ").trim();
}
