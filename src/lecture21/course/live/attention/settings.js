// Controls of the attention figure. Each part of the figure gets the playground: what all parts share.

import { controlsOf } from "../kit/bound.js";
import { button } from "../kit/controls.js";
import { create } from "../kit/frame.js";
import { MASKS } from "./compute.js";
import { identity, seededRandom } from "../kit/numbers.js";

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

/** @param {Playground} playground */
export function maskControl({ frame }) {
  controlsOf(frame).select("mask", { label: "Mask", options: Object.entries(MASKS) });
}

/** @param {Playground} playground */
export function queryControl({ frame, tokens }) {
  controlsOf(frame).choice("query", { label: "Query", options: tokens.map((token, i) => [i, token]) });
}

/** The number of heads and the scale. @param {Playground} playground @param {Element} parent */
export function headControls(playground, parent) {
  const { frame, state } = playground;
  const onInput = (/** @type {number} */ heads) => state.set({ heads, head: 0 });
  controlsOf(frame).choice("heads", { parent, label: "Heads", onInput });
  scaleControl(playground, parent);
}

/** By what scores are divided. @param {Playground} playground @param {Element} parent */
export function scaleControl({ frame }, parent) {
  const options = Object.entries({ root: "1/√d", none: "none", width: "1/d" });
  controlsOf(frame).choice("scale", { parent, label: "Scale", options });
}

/** Choose which two coordinates the plane has. @param {Playground} playground */
export function axisControls({ frame, features }) {
  const options = /** @type {[string, string][]} */ (features.map((feature, i) => [String(i), feature]));
  for (const [name, label] of Object.entries({ across: "Across", up: "Up" }))
    controlsOf(frame).select(name, { label, options, show: String, take: Number });
}

/** Set all matrices at once. @param {Playground} playground @param {Element} parent */
export function presetControl({ state, features, updates }, parent) {
  const names = Object.values(MATRICES).filter((name) => name in state.first);
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
