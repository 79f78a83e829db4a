// Reads what stands in a form, and fills it again: every field by its name, as the form would send it.

// What is no text of the draft: tokens, keys, passwords, which button was pressed, and what only helps to fill a field.
const LEFT_OUT = new Set([
  "csrf_token", "idempotencyKey", "action", "signInEmail", "signInPassword", "signInCode", "noteTemplate",
]);

/** Whether what stands in an element is part of the draft. */
export function isKept(element) {
  return element.name && !LEFT_OUT.has(element.name) && !["password", "file", "submit", "button"].includes(element.type);
}

/** Gives the values of all fields by name. */
export function readFields(form) {
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && !LEFT_OUT.has(name)) (fields[name] ??= []).push(value);
  }
  for (const element of form.elements) {
    if (element.type === "password") delete fields[element.name];
  }
  return fields;
}

/** Gives what the server has put into the form, whatever the browser or somebody has made of it since. */
export function readDefaults(form) {
  const fields = {};
  for (const element of form.elements) {
    if (isKept(element)) for (const value of listDefaults(element)) (fields[element.name] ??= []).push(value);
  }
  return fields;
}

function listDefaults(element) {
  if (element.type === "checkbox" || element.type === "radio") return element.defaultChecked ? [element.value] : [];
  if (!(element instanceof HTMLSelectElement)) return [element.defaultValue];
  const chosen = [...element.options].filter((option) => option.defaultSelected);
  return [(chosen.at(-1) ?? element.options[0])?.value ?? ""];
}

/** Whether two readings say the same. An empty field says as much as one that is not there, and a zone without a date. */
export function isSame(one, other) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => {
    const [left, right] = [one, other].map((fields) => listMeant(fields, name));
    return left.length === right.length && left.every((value, place) => value === right[place]);
  });
}

function listMeant(fields, name) {
  if (name === "oldZone" && !fields.oldDate?.[0]) return [];
  return (fields[name] ?? []).filter((value) => value !== "");
}

/**
 * Fills the form. What has no place in it any more finds the nearest one: a platform that is no check box stands among
 * the others, and a choice that is gone is none, so that nothing is sent that nobody chose. Gives the names of these.
 */
export function fillFields(form, fields) {
  const lost = new Set();
  const left = structuredClone(fields);
  for (const element of form.elements) {
    if (isKept(element) && !fillElement(element, left)) lost.add(element.name);
  }
  addOthers(form, left);
  for (const part of form.querySelectorAll("details")) {
    if (isFilled(part)) part.open = true;
  }
  form.dispatchEvent(new CustomEvent("slipway:restored"));
  return [...lost];
}

function fillElement(element, left) {
  const values = left[element.name] ?? [];
  if (element.type === "checkbox" || element.type === "radio") {
    const place = values.indexOf(element.value);
    element.checked = place >= 0;
    if (place >= 0) values.splice(place, 1);
    return true;
  }
  const value = values.shift() ?? "";
  element.value = value;
  if (!(element instanceof HTMLSelectElement) || element.value === value) return true;
  chooseNearest(element);
  return value === "";
}

/** Without an empty choice, the one that the page began with stands. */
function chooseNearest(select) {
  const nearest = [...select.options].find((option) => option.value === "" || option.defaultSelected);
  if (nearest) nearest.selected = true;
}

function addOthers(form, left) {
  const others = form.elements.platformsOther;
  if (!others || !left.platforms?.length) return;
  others.value = [...left.platforms, ...others.value.split(",").map((name) => name.trim())].filter(Boolean).join(", ");
}

function isFilled(part) {
  return [...part.querySelectorAll("input, textarea")].some((element) =>
    ["checkbox", "radio"].includes(element.type) ? element.checked : isKept(element) && element.value !== "",
  );
}
