// One attention head on a few words: as in lecture21.attention, with every intermediate result.

import { dot, matmul, softmax, transpose } from "../kit/numbers.js";

/**
 * What a head computes: T x T and T x D arrays.
 * @typedef {{q: number[][], k: number[][], v: number[][], scores: number[][], weights: number[][],
 *   output: number[][]}} Head
 */

/** The fields of the state that hold the matrices. */
export const MATRICES = { query: "w_query", key: "w_key", value: "w_value" };

/** What the scores are multiplied by, given the width of the head. @type {Record<string, (width: number) => number>} */
const SCALES = {
  root: (width) => 1 / Math.sqrt(width),
  none: () => 1,
  width: (width) => 1 / width,
};

/** Compute what a state gives. @param {import("../kit/state.js").Values} values @returns {Head} */
export function attend({ x, scale, ...values }) {
  const [q, k, v] = Object.values(MATRICES).map((name) => matmul(x, transpose(values[name])));
  const factor = SCALES[scale](x[0].length);
  const scores = q.map((query) => k.map((key) => dot(query, key) * factor));
  const weights = scores.map(softmax);
  return { q, k, v, scores, weights, output: matmul(weights, v) };
}
