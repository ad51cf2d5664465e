// The state of a figure: read from the page, the notebook or a link, checked, and kept there.
// Each value has a start and a check. A value that fails its check is replaced by the start, wherever it comes from.

/**
 * Accept numbers in a range.
 * @param {number} low
 * @param {number} high
 */
export function numberIn(low, high) {
  return (value) => typeof value === "number" && Number.isFinite(value) && value >= low && value <= high;
}

/**
 * Accept integers in a range.
 * @param {number} low
 * @param {number} high
 */
export function integerIn(low, high) {
  const inRange = numberIn(low, high);
  return (value) => inRange(value) && Number.isInteger(value);
}

/**
 * Accept one of these values.
 * @param {unknown[]} values
 */
export function oneOf(values) {
  return (value) => values.includes(value);
}

/**
 * Accept text of a limited length.
 * @param {number} longest
 * @param {number} [shortest]
 */
export function textUpTo(longest, shortest = 0) {
  return (value) => typeof value === "string" && value.length >= shortest && value.length <= longest;
}

/**
 * Accept a nested array of numbers in a range with these sizes, outermost first.
 * @param {number[]} shape
 * @param {number} low
 * @param {number} high
 */
export function arrayOf(shape, low, high) {
  const isNumber = numberIn(low, high);
  const fits = (value, depth) =>
    depth === shape.length
      ? isNumber(value)
      : Array.isArray(value) && value.length === shape[depth] && value.every((each) => fits(each, depth + 1));
  return (value) => fits(value, 0);
}

/**
 * @typedef {{start: any, choices?: any[], min?: any, max?: any, integer?: boolean, shortest?: any, longest?: any}} Limits
 *   of a parameter, as Python declares them
 * @typedef {Record<string, {start: unknown, check: (value: any) => boolean}>} Fields  of the state of a figure
 */

/**
 * Return the start and the check of each parameter.
 * @param {Record<string, Limits>} limits
 * @returns {Fields}
 */
export function fieldsFrom(limits) {
  const check = (/** @type {Limits} */ { choices, min, max, integer, shortest, longest }) => {
    if (choices) return oneOf(choices);
    if (longest !== undefined) return textUpTo(longest, shortest);
    return integer ? integerIn(min, max) : numberIn(min, max);
  };
  return Object.fromEntries(
    Object.entries(limits).map(([name, each]) => [name, { start: each.start, check: check(each) }]),
  );
}

/**
 * Read the state of a figure from its model, and write changes back.
 * @param {{get: Function, set: Function, save_changes: Function}} model  anywidget's model, or the page's
 * @param {Fields} fields
 * @param {() => void} onChange  called after every change
 */
export function createState(model, fields, onChange) {
  const first = {};
  for (const [name, { start, check }] of Object.entries(fields)) {
    const given = model.get(name);
    first[name] = given !== undefined && given !== null && check(given) ? given : start;
  }
  const values = structuredClone(first);
  const linked = model.get("_linked") ?? {}; // on a page: from its address
  for (const [name, { check }] of Object.entries(fields)) {
    if (!Object.hasOwn(linked, name) || !check(linked[name])) continue;
    values[name] = structuredClone(linked[name]);
    model.set(name, structuredClone(linked[name]));
  }
  const state = {
    values,
    first, // what `reset` returns to
    /** Change some values; those that fail their check are ignored. */
    set(changes) {
      for (const [name, value] of Object.entries(changes)) {
        if (!(name in fields) || !fields[name].check(value)) continue;
        values[name] = structuredClone(value);
        model.set(name, structuredClone(value));
      }
      model.save_changes();
      onChange();
    },
    reset() {
      state.set(first);
    },
  };
  return state;
}

/**
 * Write a state as text for the end of a page's address.
 * @param {object} values
 */
export function encodeState(values) {
  const bytes = new TextEncoder().encode(JSON.stringify(values));
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}
