// The tables of the attention figure: vectors, matrices and weights.

import { MATRICES } from "./compute.js";
import { step } from "./parts.js";
import { button } from "../kit/controls.js";
import { byInput, create } from "../kit/frame.js";
import { matrix } from "../kit/matrix.js";
import { identity, seededRandom } from "../kit/numbers.js";

/** The absolute value of every number that is typed is at most this. */
export const LIMIT = 9;

/** @typedef {import("./attention.js").Playground} Playground */

/** @param {Playground} playground @param {Element} parent */
export function vectorTable(playground, parent) {
  const { tokens, features, state } = playground;
  const formula = byInput("type, or press the up and down arrow keys", "tap a number to change it");
  const node = step(parent, { title: "Vectors x", formula });
  const options = { label: "Vectors", rows: tokens, columns: features, onEdit: edit(state, "x") };
  matrixTable(playground, node, options, "x");
}

/** @param {Playground} playground @param {Element} parent */
export function weightTable({ frame, state, tokens, updates }, parent) {
  const node = step(parent, { title: "Weights", formula: "softmax of each row" });
  const onRow = (/** @type {number} */ query) => state.set({ query });
  const titles = { label: "Weights", rowTitle: "query", columnTitle: "key" };
  const part = matrix(frame, node, { ...titles, rows: tokens, columns: tokens, limit: LIMIT, onRow });
  updates.push(({ weights }) =>
    part.update({ values: weights, color: frame.colors.magnitude, row: state.values.query }),
  );
}

/**
 * The table of a matrix of the state: blue below 0, red above, more so toward the largest of its numbers.
 * @param {Playground} playground
 * @param {Element} parent
 * @param {Omit<Parameters<typeof matrix>[2], "limit">} options
 * @param {string} name
 */
export function matrixTable({ frame, state, updates }, parent, options, name) {
  const part = matrix(frame, parent, { limit: LIMIT, ...options });
  updates.push(() => {
    const values = /** @type {number[][]} */ (state.values[name]);
    const largest = Math.max(2, ...values.flat().map(Math.abs));
    part.update({ values, color: (value) => frame.colors.signed(value / largest / 1.4) });
  });
  return part.node;
}

/** Return what takes a number of a matrix. */
export function edit(/** @type {Playground["state"]} */ state, /** @type {string} */ name) {
  return (/** @type {number} */ i, /** @type {number} */ j, /** @type {number} */ value) => {
    const changed = state.values[name].map((/** @type {number[]} */ row) => [...row]);
    changed[i][j] = value;
    state.set({ [name]: changed });
  };
}

/** Set all matrices at once. @param {Playground} playground @param {Element} parent */
export function presets({ state, features, updates }, parent) {
  const names = Object.values(MATRICES);
  const all = (/** @type {(name: string) => number[][]} */ matrix) =>
    Object.fromEntries(names.map((name) => [name, matrix(name)]));
  let draws = 0;
  const random = () => {
    const uniform = seededRandom(++draws);
    return all(() => features.map(() => features.map(() => Math.round(uniform() * 8 - 4) / 2)));
  };
  const area = create("div", { class: "presets", role: "group", "aria-label": "Matrices" });
  parent.append(create("div", { class: "control" }, create("span", {}, "Matrices"), area));
  const known = {
    "chapter’s": all((name) => structuredClone(state.first[name])),
    identity: all(() => identity(features.length)),
  };
  for (const [label, matrices] of Object.entries(known)) {
    const node = button(area, { label, onClick: () => state.set(matrices) });
    const same = () => names.every((name) => JSON.stringify(state.values[name]) === JSON.stringify(matrices[name]));
    updates.push(() => node.setAttribute("aria-pressed", String(same())));
  }
  button(area, { label: "random", onClick: () => state.set(random()) });
}
