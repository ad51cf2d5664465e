// Attention on a few words: as in lecture21.attention, with every intermediate result, and with masks that are wrong.

import { dot, matmul, normal, seededRandom, softmax, transpose } from "../kit/numbers.js";

/**
 * What one head computes: T x T and T x D arrays.
 * @typedef {{q: number[][], k: number[][], v: number[][], scores: number[][], masked: number[][], weights: number[][],
 *   output: number[][]}} Head
 */

/**
 * C x C each: q_i = W x_i. Without an output projection, the joined heads are the output.
 * @typedef {Record<"query" | "key" | "value", number[][]> & {output?: number[][]}} Matrices
 */

/** The masks, in the order of the list. "late" is causal, but is applied after the softmax. */
export const MASKS = {
  causal: "causal",
  none: "no mask",
  high: "diagonal too high",
  low: "diagonal too low",
  late: "after the softmax",
  transposed: "transposed",
  window: "window of 2",
  prefix: "prefix of 2",
};

/** What the scores are multiplied by, given the width of a head. @type {Record<string, (width: number) => number>} */
export const SCALES = {
  root: (width) => 1 / Math.sqrt(width),
  none: () => 1,
  width: (width) => 1 / width,
};

/**
 * Return whether query i may attend to key j. Rows are queries.
 * @param {string} mask  one of MASKS
 * @param {number} length
 * @returns {boolean[][]}
 */
export function allowedPairs(mask, length) {
  /** @type {Record<string, (i: number, j: number) => boolean>} */
  const rules = {
    none: () => true,
    causal: (i, j) => j <= i,
    late: (i, j) => j <= i,
    high: (i, j) => j <= i + 1,
    low: (i, j) => j <= i - 1,
    transposed: (i, j) => j >= i,
    window: (i, j) => j <= i && j > i - 2,
    prefix: (i, j) => j <= i || (i < 2 && j < 2),
  };
  return Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => rules[mask](i, j)));
}

/**
 * Attend. Without matrices, each vector is its own query, key and value, and so is its output.
 * @param {object} settings
 * @param {number[][]} settings.x  T x C
 * @param {Matrices | null} settings.matrices  with one row for each component of the result
 * @param {string} settings.scale  one of SCALES
 * @param {number} settings.heads  divides C
 * @param {string} settings.mask  one of MASKS
 * @returns {{allowed: boolean[][], heads: Head[], output: number[][]}}
 */
export function attend({ x, matrices, scale, heads: count, mask }) {
  const width = x[0].length / count;
  const allowed = allowedPairs(mask, x.length);
  const project = (/** @type {"query" | "key" | "value"} */ name) =>
    matrices ? matmul(x, transpose(matrices[name])) : x;
  const [queries, keys, values] = [project("query"), project("key"), project("value")];
  const heads = Array.from({ length: count }, (_, h) => {
    const [q, k, v] = [queries, keys, values].map((all) => all.map((row) => row.slice(h * width, (h + 1) * width)));
    const factor = SCALES[scale](width);
    const scores = q.map((query) => k.map((key) => dot(query, key) * factor));
    const masked = scores.map((row, i) =>
      row.map((score, j) => (mask === "late" || allowed[i][j] ? score : -Infinity)),
    );
    let weights = masked.map(softmax);
    if (mask === "late") weights = weights.map((row, i) => row.map((weight, j) => (allowed[i][j] ? weight : 0)));
    return { q, k, v, scores, masked, weights, output: matmul(weights, v) };
  });
  const joined = x.map((_, i) => heads.flatMap(({ output }) => output[i]));
  return { allowed, heads, output: matrices?.output ? matmul(joined, transpose(matrices.output)) : joined };
}

/**
 * Return whether output i depends on word j: word j is changed, in random sentences, and the outputs are compared.
 * @param {Parameters<typeof attend>[0]} settings  of which `x` gives the shape only
 * @param {number | null} head  whose output it is; null: the layer's
 * @returns {boolean[][]}
 */
export function dependence(settings, head = null) {
  const { x, matrices } = settings;
  const largest = Math.max(1, ...(matrices ? Object.values(matrices).flat(2).map(Math.abs) : []));
  const random = seededRandom(4);
  const vectors = () => x.map((row) => row.map(() => normal(random) / largest)); // so that no softmax saturates
  const outputs = (/** @type {number[][]} */ sentence) => {
    const result = attend({ ...settings, x: sentence });
    return head === null ? result.output : result.heads[head].output;
  };
  const found = x.map(() => x.map(() => false));
  for (let trial = 0; trial < 3; trial++) {
    const [base, other] = [vectors(), vectors()];
    const before = outputs(base);
    for (let j = 0; j < x.length; j++) {
      const after = outputs(base.map((row, i) => (i === j ? other[i] : row)));
      before.forEach((row, i) => (found[i][j] ||= row.some((value, c) => Math.abs(value - after[i][c]) > 1e-10)));
    }
  }
  return found;
}

/**
 * Compute what a state gives, for all parts: `shown` is the chosen head, whose components begin at `start`.
 * @param {number} level
 * @param {import("../kit/state.js").Values} values
 */
export function resultsOf(level, values) {
  const { x, scale = "none", heads = 1, head = 0, mask = "none" } = values;
  const { w_query: query, w_key: key, w_value: value, w_output: output } = values;
  const settings = { x, matrices: level > 1 ? { query, key, value, output } : null, scale, heads, mask };
  const found = attend(settings);
  const chosen = Math.min(head, heads - 1);
  const width = x[0].length / heads;
  const none = /** @type {boolean[][]} */ (x.map(() => x.map(() => false)));
  const later = (/** @type {boolean[][]} */ depends) => depends.map((row, i) => row.map((each, j) => each && j > i));
  const depends = level > 2 ? dependence(settings) : none;
  const root = { 1: "1", 2: "√2", 4: "2" }[/** @type {1 | 2 | 4} */ (width)];
  return {
    ...found,
    head: chosen,
    shown: found.heads[chosen],
    width,
    start: chosen * width,
    depends,
    leaks: later(depends),
    headLeaks: later(level > 2 ? dependence(settings, chosen) : none),
    division: { root: ` / ${root}`, none: "", width: ` / ${width}` }[/** @type {"root" | "none" | "width"} */ (scale)],
  };
}
