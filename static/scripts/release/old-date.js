// The date of an old release: what it means to type one, and in which zone.

/** Gives how far local time was from UTC at a moment, as the form has it: "+02:00". */
function spellOffset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

/** Takes the form, and what tells others of a field that was changed here. The form of a draft has no date. */
export function bindOldDate(form, tell) {
  const { oldDate, oldZone, isOld } = form.elements;
  if (!oldDate) return;

  // Until somebody chooses a zone it is the reader's own, as it was at that date: in summer another one than in winter.
  let followsReader = !oldDate.value && !isOld.checked && oldZone.value === "+00:00";

  function followReader() {
    const moment = oldDate.value ? new Date(oldDate.value) : new Date();
    const offset = Number.isNaN(moment.getTime()) ? "" : spellOffset(moment);
    if (followsReader && [...oldZone.options].some((option) => option.value === offset)) oldZone.value = offset;
  }

  // Who types a date means it: the check box follows. Who unticks it means no date.
  oldDate.addEventListener("input", () => {
    oldDate.setCustomValidity("");
    isOld.checked = oldDate.value !== "" || oldDate.validity.badInput;
    followReader();
  });
  isOld.addEventListener("change", () => {
    oldDate.setCustomValidity("");
    if (isOld.checked) return;
    oldDate.value = "";
    tell(oldDate);
  });
  oldZone.addEventListener("change", () => (followsReader = false));
  form.addEventListener("slipway:restored", () => (followsReader = false));

  // A browser sends half a date as none, and the release would be as of now.
  form.addEventListener("submit", (event) => {
    if (!isHalf(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    tellHalf(form);
  });

  followReader();
}

/** Whether only part of a date was typed, or none where the date is to be kept. */
export function isHalf(form) {
  const { oldDate, isOld } = form.elements;
  return oldDate !== undefined && (oldDate.validity.badInput || (isOld.checked && oldDate.value === ""));
}

/** Says so at the field. */
export function tellHalf(form) {
  const { oldDate } = form.elements;
  oldDate.closest("details").open = true;
  oldDate.setCustomValidity(oldDate.dataset.half);
  oldDate.reportValidity();
}
