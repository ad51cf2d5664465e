// The state of a figure: read from the page, the notebook or a link, checked, and kept there.
// Each value has a start and a check. A value that fails its check is replaced by the start, wherever it comes from.

/**
 * @typedef {object} Model  anywidget's, or the page's
 * @property {(name: string) => any} get  what Python gives: the figure that asks knows its type
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, action: () => void) => void} on
 * @property {(event: string, action: () => void) => void} off
 */

/** @typedef {(value: unknown) => boolean} Check */

/**
 * Accept numbers in a range.
 * @param {number} low
 * @param {number} high
 * @returns {Check}
 */
export function numberIn(low, high) {
  return (value) => typeof value === "number" && Number.isFinite(value) && value >= low && value <= high;
}

/**
 * Accept integers in a range.
 * @param {number} low
 * @param {number} high
 * @returns {Check}
 */
export function integerIn(low, high) {
  const inRange = numberIn(low, high);
  return (value) => inRange(value) && Number.isInteger(value);
}

/**
 * Accept one of these values.
 * @param {unknown[]} values
 * @returns {Check}
 */
export function oneOf(values) {
  return (value) => values.includes(value);
}

/**
 * Accept text of a limited length.
 * @param {number} longest
 * @param {number} [shortest]
 * @returns {Check}
 */
export function textUpTo(longest, shortest = 0) {
  return (value) => typeof value === "string" && value.length >= shortest && value.length <= longest;
}

/**
 * Accept a nested array of numbers in a range with these sizes, outermost first.
 * @param {number[]} shape
 * @param {number} low
 * @param {number} high
 * @returns {Check}
 */
export function arrayOf(shape, low, high) {
  const isNumber = numberIn(low, high);
  /** @type {(value: unknown, depth: number) => boolean} */
  const fits = (value, depth) =>
    depth === shape.length
      ? isNumber(value)
      : Array.isArray(value) && value.length === shape[depth] && value.every((each) => fits(each, depth + 1));
  return (value) => fits(value, 0);
}

/**
 * @typedef {object} Limits  of a parameter, as Python declares them; those that do not apply are missing
 * @property {unknown} start
 * @property {any[]} choices  of the type that this figure's parameter has
 * @property {number} min
 * @property {number} max
 * @property {boolean} [integer]
 * @property {number} [shortest]
 * @property {number} [longest]
 */

/** @typedef {Record<string, {start: unknown, check: Check}>} Fields  of the state of a figure */

/**
 * @typedef {any} Value  of the type that its check accepts; a figure says which this is
 * @typedef {Record<string, Value>} Values
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

/** @typedef {ReturnType<typeof createState>} State */

/**
 * Read the state of a figure from its model, and write changes back.
 * @param {Model} model
 * @param {Fields} fields
 * @param {() => void} onChange  called after every change
 */
export function createState(model, fields, onChange) {
  /** @type {Values} */
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
    set(/** @type {Values} */ changes) {
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
