// Times as the reader's own clock has them. Without script they stand in UTC, and say so.

// As the server writes them: the day before the month, and 24 hours.
const locale = { en: "en-GB" }[document.documentElement.lang] ?? document.documentElement.lang;
const parts = {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
};
const shown = new Intl.DateTimeFormat(locale, parts);
const precise = new Intl.DateTimeFormat(locale, { ...parts, second: "2-digit" });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });

/** Spells a moment for whoever reads it: in their zone, to the second, with the zone's name. */
export function spellExactly(moment) {
  return exact.format(moment);
}

/**
 * Turns the times within a part of the page. What tells an age, such as "2 hours ago", keeps it; where times are to be
 * short, what is of today has no date.
 */
export function localise(part) {
  for (const element of part.querySelectorAll("time[datetime]:not([data-localised])")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.dataset.localised = "";
    const isToday = element.closest("[data-short-times]") && moment.toDateString() === new Date().toDateString();
    const format = "seconds" in element.dataset ? precise : shown;
    if (!element.title) element.textContent = (isToday ? clock : format).format(moment);
    element.title = exact.format(moment);
  }
}
