// The tables of the attention figure, from vectors to outputs.

import { interpolate } from "../kit/colors.js";
import { byInput, create } from "../kit/frame.js";
import { matrix } from "../kit/matrix.js";
import { box, headMaps, step } from "./parts.js";
import { MATRICES } from "./settings.js";

/** The absolute value of every number that is typed is at most this. */
export const LIMIT = 9;

/** @typedef {import("./settings.js").Playground} Playground */

/** @param {Playground} playground @param {Element} parent @param {number} number  of the step; 0 for none */
export function vectorTable(playground, parent, number) {
  const { tokens, features, state } = playground;
  const formula = byInput("type, or press the up and down arrow keys", "tap a number to change it");
  const { node } = step(parent, { number, title: "Vectors x", formula });
  const options = { label: "Vectors", rows: tokens, columns: features, onEdit: edit(state, "x") };
  add(playground, node, options, () => signed(playground, state.values.x, { row: state.values.query }));
}

/** @param {Playground} playground @param {Element} parent @param {number} number  of the step */
export function scoreTable(playground, parent, number) {
  const part = step(parent, { number, title: "Scores" });
  add(playground, part.node, pairs(playground, "Scores"), ({ shown, division, headLeaks }) => {
    part.rename("Scores", playground.level === 1 ? "x_i · x_j for every pair of words" : `q_i · k_j${division}`);
    const masked = (/** @type {number} */ i, /** @type {number} */ j) => shown.masked[i][j] === -Infinity;
    const leak = (/** @type {number} */ i, /** @type {number} */ j) => headLeaks[i][j] && !masked(i, j);
    return signed(playground, shown.masked, { row: playground.state.values.query, masked, leak });
  });
}

/** @param {Playground} playground @param {Element} parent @param {number} number  of the step */
export function weightTable(playground, parent, number) {
  const { frame, state, level } = playground;
  const part = step(parent, { number, title: "Weights", formula: "softmax of each row" });
  const options = { ...pairs(playground, "Weights"), sums: level > 2 };
  add(playground, part.node, options, ({ shown, headLeaks, allowed, before }) => {
    part.rename("Weights", before ? "softmax of each row; faint bar: before" : "softmax of each row");
    return {
      values: shown.weights,
      color: frame.colors.magnitude,
      row: state.values.query,
      masked: (i, j) => !allowed[i][j],
      leak: (i, j) => headLeaks[i][j] && shown.weights[i][j] > 0,
      before,
    };
  });
}

/** The outputs of the layer. @param {Playground} playground @param {Element} parent @param {number} number  of the step */
export function outputTable(playground, parent, number) {
  const { level, state, features, valueSlots } = playground;
  const part = step(parent, { number, title: "Outputs", role: "output", row: "output" });
  const options = rows(playground, "Outputs", level === 1 ? features : valueSlots);
  add(playground, part.node, options, ({ output, heads }) => {
    const formula = level === 1 ? "weights × vectors" : "weights × values";
    part.rename("Outputs", heads.length > 1 ? `${formula}, all heads` : formula);
    return signed(playground, output, { row: state.values.query });
  });
}

/**
 * The three matrices, and the queries, keys and values that they make.
 * @param {Playground} playground @param {Element} parent @param {number} number  of the step; 0 for none
 */
export function projectionTables(playground, parent, number) {
  const { state, tokens, features, slots, valueSlots } = playground;
  const area = box(parent, "block three");
  /** @type {{role: "query" | "key" | "value", title: string, letter: "q" | "k" | "v", components: string[]}[]} */
  const roles = [
    { role: "query", title: "Queries", letter: "q", components: slots },
    { role: "key", title: "Keys", letter: "k", components: slots },
    { role: "value", title: "Values", letter: "v", components: valueSlots },
  ];
  for (const { role, title, letter, components } of roles) {
    const formula = `${letter} = W^${letter} x, with W^${letter}:`;
    const { node } = step(area, { number: role === "query" ? number : 0, title, formula, role, row: role });
    const field = MATRICES[role];
    const options = { label: `W^${letter}`, rows: components, columns: features, onEdit: edit(state, field) };
    matrixTable(playground, node, options, field);
    node.append(create("p", { class: "formula" }, `↓ ${title.toLowerCase()} of the words:`));
    add(playground, node, rows(playground, title, components, ""), ({ heads, start, width }) => {
      const all = tokens.map((_, i) => heads.flatMap((head) => head[letter][i]));
      const row = role === "query" ? state.values.query : -1;
      return signed(playground, all, { row, faded: (j) => j < start || j >= start + width });
    });
  }
}

/** The weights of all heads, of which one is chosen. @param {Playground} playground @param {Element} parent */
export function mapsOfHeads({ frame, state, tokens, updates }, parent) {
  const block = box(parent, "block");
  block.append(create("p", { class: "step-title" }, "The weights of each head; choose one"));
  const part = headMaps(block, tokens, (head) => state.set({ head }));
  updates.push(({ heads, head }) => {
    const weights = heads.map((each) => each.weights);
    block.hidden = heads.length === 1;
    part.update(head, weights, frame.colors.magnitude);
  });
}

/** @param {Playground} playground @param {Element} parent @param {number} number  of the step */
export function dependenceTable(playground, parent, number) {
  const { frame, state } = playground;
  const title = "Which output depends on which word";
  const { node } = step(parent, { number, title, formula: "found by changing one word at a time", row: "output" });
  const roles = /** @type {[string, string]} */ (["output", "note"]);
  const titles = { rowTitle: "output", columnTitle: "word", roles };
  add(playground, node, { ...pairs(playground, title), ...titles }, ({ depends, leaks }) => ({
    values: depends.map((row) => row.map(Number)),
    color: (value) => interpolate([frame.colors.paper, frame.colors.stream], 0.4 * value),
    text: (value) => (value ? "yes" : "–"),
    row: state.values.query,
    leak: (i, j) => leaks[i][j],
  }));
}

/** Explain the mark of a leak, where there is one. @param {Playground} playground @param {Element} parent */
export function leakNote({ updates }, parent) {
  const sample = create("span", { class: "leak", "aria-hidden": "true" });
  const note = create(
    "p",
    { class: "formula note" },
    sample,
    "Information about a later word passes through this cell.",
  );
  box(parent, "block step").append(note);
  updates.push(({ leaks }) => (note.hidden = !leaks.flat().some(Boolean)));
}

/** @typedef {Omit<Parameters<typeof matrix>[2], "limit">} Options  of a table */
/** @typedef {Parameters<ReturnType<typeof matrix>["update"]>[0]} Shown  by a table */

/**
 * @param {Playground} playground
 * @param {Element} parent
 * @param {Options} options
 * @param {(results: import("./settings.js").Results) => Shown} shown
 */
function add({ frame, updates }, parent, options, shown) {
  const part = matrix(frame, parent, { limit: LIMIT, ...options });
  updates.push((results) => part.update(shown(results)));
  return part.node;
}

/**
 * The table of a matrix of the state.
 * @param {Playground} playground @param {Element} parent @param {Options} options @param {string} name
 */
export function matrixTable(playground, parent, options, name) {
  return add(playground, parent, options, () => signed(playground, playground.state.values[name]));
}

/**
 * Return the options of a table whose rows are queries and whose columns are keys.
 * @param {Playground} playground
 * @param {string} label
 */
function pairs({ tokens, state }, label) {
  const onRow = (/** @type {number} */ query) => state.set({ query });
  return { label, rows: tokens, columns: tokens, rowTitle: "query", columnTitle: "key", onRow };
}

/**
 * Return the options of a table with a row for each word. By default it keeps the room of a title of its columns.
 * @param {Playground} playground
 * @param {string} label
 * @param {string[]} columns
 */
function rows({ tokens, state }, label, columns, columnTitle = " ") {
  return { label, rows: tokens, columns, columnTitle, onRow: (/** @type {number} */ query) => state.set({ query }) };
}

/** Return what takes a number of a matrix. */
export function edit(/** @type {Playground["state"]} */ state, /** @type {string} */ name) {
  return (/** @type {number} */ i, /** @type {number} */ j, /** @type {number} */ value) => {
    const changed = state.values[name].map((/** @type {number[]} */ row) => [...row]);
    changed[i][j] = value;
    state.set({ [name]: changed });
  };
}

/**
 * Return how signed numbers are shown: blue below 0, red above, more so toward the largest of them.
 * @param {Playground} playground
 * @param {number[][]} values
 * @param {Partial<Shown>} others
 * @returns {Shown}
 */
function signed({ frame }, values, others = {}) {
  const largest = Math.max(2, ...values.flat().filter(Number.isFinite).map(Math.abs));
  return { values, color: (value) => frame.colors.signed(value / largest / 1.4), ...others };
}
