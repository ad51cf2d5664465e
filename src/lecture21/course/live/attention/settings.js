// Controls of the attention figure. Each part of the figure gets the playground: what all parts share.

import { button, choice, select } from "../kit/controls.js";
import { create } from "../kit/frame.js";
import { identity, seededRandom } from "../kit/numbers.js";
import { MASKS } from "./compute.js";

/**
 * @typedef {ReturnType<typeof import("./compute.js").resultsOf> & {before: number[][] | null}} Results
 *   before: the weights before the last gesture
 *
 * @typedef {object} Playground
 * @property {import("../kit/frame.js").Frame} frame
 * @property {import("../kit/state.js").State} state  of the frame
 * @property {1 | 2 | 3} level
 * @property {string[]} tokens  names of the words
 * @property {string[]} features  names of the components of a vector
 * @property {string[]} slots  names of the components of a query and of a key
 * @property {string[]} valueSlots  names of the components of a value
 * @property {((results: Results) => void)[]} updates  of every part, called after each change
 * @property {() => Omit<Results, "before">} results  what the present state gives
 */

/** The fields of the state that hold the matrices. */
export const MATRICES = { query: "w_query", key: "w_key", value: "w_value", output: "w_output" };

/** @param {Playground} playground @param {Element} parent */
export function maskControl({ state, updates }, parent) {
  const options = /** @type {[string, string][]} */ (Object.entries(MASKS));
  const value = state.values.mask;
  const control = select(parent, { label: "Mask", options, value, onInput: (mask) => state.set({ mask }) });
  updates.push(() => control.set(state.values.mask));
}

/** @param {Playground} playground @param {Element} parent */
export function queryControl({ state, tokens, updates }, parent) {
  const options = /** @type {[number, string][]} */ (tokens.map((token, i) => [i, token]));
  const value = state.values.query;
  const control = choice(parent, { label: "Query", options, value, onInput: (query) => state.set({ query }) });
  updates.push(() => control.set(state.values.query));
}

/** Choose which two coordinates the plane has. @param {Playground} playground @param {Element} parent */
export function axisControls({ state, features, updates }, parent) {
  const options = /** @type {[string, string][]} */ (features.map((feature, i) => [String(i), feature]));
  for (const [name, label] of Object.entries({ across: "Across", up: "Up" })) {
    const onInput = (/** @type {string} */ next) => state.set({ [name]: Number(next) });
    const control = select(parent, { label, options, value: String(state.values[name]), onInput });
    updates.push(() => control.set(String(state.values[name])));
  }
}

/** @param {Playground} playground @param {Element} parent */
export function headControl({ state, updates }, parent) {
  const options = /** @type {[number, string][]} */ ([1, 2, 4].map((count) => [count, String(count)]));
  const onInput = (/** @type {number} */ heads) => state.set({ heads, head: 0 });
  const control = choice(parent, { label: "Heads", options, value: state.values.heads, onInput });
  updates.push(() => control.set(state.values.heads));
}

/** @param {Playground} playground @param {Element} parent */
export function scaleControl({ state, updates }, parent) {
  const options = /** @type {[string, string][]} */ (Object.entries({ root: "1/√d", none: "none", width: "1/d" }));
  const value = state.values.scale;
  const control = choice(parent, { label: "Scale", options, value, onInput: (scale) => state.set({ scale }) });
  updates.push(() => control.set(state.values.scale));
}

/** Set all matrices at once. @param {Playground} playground @param {Element} parent */
export function presetControl({ state, features, updates }, parent) {
  const names = Object.values(MATRICES);
  const all = (/** @type {(name: string) => number[][]} */ matrix) =>
    Object.fromEntries(names.map((name) => [name, matrix(name)]));
  const given = all((name) => structuredClone(state.first[name]));
  const unit = all(() => identity(features.length));
  let draws = 0;
  const random = () => {
    const uniform = seededRandom(++draws);
    return all(() => features.map(() => features.map(() => Math.round(uniform() * 8 - 4) / 2)));
  };
  const area = create("div", { class: "presets", role: "group", "aria-label": "Matrices" });
  parent.append(create("div", { class: "control" }, create("span", {}, "Matrices"), area));
  for (const [label, matrices] of /** @type {[string, Record<string, number[][]>][]} */ ([
    ["chapter’s", given],
    ["identity", unit],
  ])) {
    const node = button(area, { label, onClick: () => state.set(matrices) });
    const same = () => names.every((name) => JSON.stringify(state.values[name]) === JSON.stringify(matrices[name]));
    updates.push(() => node.setAttribute("aria-pressed", String(same())));
  }
  button(area, { label: "random", onClick: () => state.set(random()) });
}
