// Blocks of a GPT with random weights, as lecture21.layers has them at torch's initialization, and what their parts do
// to the vectors of a few tokens.

import { normal, seededRandom, softmax } from "../kit/numbers.js";
import { addTo, dotRow, project } from "../kit/rows.js";

export const WIDTH = 64;
const [HEADS, HIDDEN, EPSILON] = [4, 256, 1e-5];

/**
 * @typedef {"on" | "off" | "attention" | "feed_forward"} Residual  attention, feed_forward: off around that layer only
 *
 * @typedef {object} Variant
 * @property {Residual} residual
 * @property {"pre" | "post" | "none"} norm
 *
 * @typedef {Record<string, Float64Array>} Block  weights by name
 */

/**
 * Return the weights of some blocks, uniform in plus or minus 1 / sqrt(inputs).
 * @param {number} count
 * @param {number} seed
 * @returns {Block[]}
 */
export function newBlocks(count, seed) {
  const random = seededRandom(seed);
  const uniform = (/** @type {number} */ size, /** @type {number} */ inputs) =>
    Float64Array.from({ length: size }, () => (2 * random() - 1) / Math.sqrt(inputs));
  return Array.from({ length: count }, () => ({
    query: uniform(WIDTH * WIDTH, WIDTH),
    key: uniform(WIDTH * WIDTH, WIDTH),
    value: uniform(WIDTH * WIDTH, WIDTH),
    output: uniform(WIDTH * WIDTH, WIDTH),
    output_bias: uniform(WIDTH, WIDTH),
    up: uniform(HIDDEN * WIDTH, WIDTH),
    up_bias: uniform(HIDDEN, WIDTH),
    down: uniform(WIDTH * HIDDEN, HIDDEN),
    down_bias: uniform(WIDTH, HIDDEN),
  }));
}

/**
 * Return the vectors of tokens before the first block: that of the word plus that of the position, each from N(0, 1).
 * @param {number[]} ids  the same word has the same vector
 * @param {number} seed
 */
export function newVectors(ids, seed) {
  const random = seededRandom(seed + 1000);
  const draw = (/** @type {number} */ rows) => Float64Array.from({ length: rows * WIDTH }, () => normal(random));
  const [words, positions] = [draw(Math.max(...ids) + 1), draw(ids.length)];
  return positions.map((value, i) => value + words[ids[Math.floor(i / WIDTH)] * WIDTH + (i % WIDTH)]);
}

/**
 * Return the vectors of all tokens, row by row, before the first block and after each.
 * @param {Block[]} blocks
 * @param {Float64Array} vectors  T x C
 * @param {Variant} variant
 * @returns {Float64Array[]}
 */
export function film(blocks, vectors, { residual, norm }) {
  const layers = [
    { name: "attention", layer: attention },
    { name: "feed_forward", layer: feedForward },
  ];
  const states = [vectors];
  for (const block of blocks) {
    let x = states[states.length - 1];
    for (const { name, layer } of layers) {
      const found = layer(block, norm === "pre" ? normalized(x) : x);
      const keeps = residual === "on" || (residual !== "off" && residual !== name);
      const before = x;
      const sum = keeps ? found.map((value, i) => value + before[i]) : found;
      x = norm === "post" ? normalized(sum) : sum;
    }
    states.push(x);
  }
  return states;
}

/** Causal self-attention of T tokens with several heads. */
function attention(/** @type {Block} */ block, /** @type {Float64Array} */ x) {
  const [q, k, v] = [block.query, block.key, block.value].map((weight) => project(x, weight, WIDTH));
  const [length, size] = [x.length / WIDTH, WIDTH / HEADS];
  const mixed = new Float64Array(x.length);
  for (let t = 0; t < length; t++) {
    for (let h = 0; h < HEADS; h++) {
      const part = (/** @type {Float64Array} */ a, /** @type {number} */ i) =>
        a.subarray(i * WIDTH + h * size, i * WIDTH + (h + 1) * size);
      const scores = Float64Array.from(
        { length: t + 1 },
        (_, s) => dotRow(part(q, t), part(k, s), 0, size) / Math.sqrt(size),
      );
      const into = part(mixed, t);
      softmax(scores).forEach((weight, s) => addTo(into, 0, part(v, s), weight));
    }
  }
  return withBias(project(mixed, block.output, WIDTH), block.output_bias);
}

function feedForward(/** @type {Block} */ block, /** @type {Float64Array} */ x) {
  const hidden = withBias(project(x, block.up, WIDTH), block.up_bias).map((value) => Math.max(value, 0));
  return withBias(project(hidden, block.down, HIDDEN), block.down_bias);
}

function withBias(/** @type {Float64Array} */ rows, /** @type {Float64Array} */ bias) {
  return rows.map((value, i) => value + bias[i % bias.length]);
}

/** Each row with mean 0 and variance 1, as LayerNorm leaves it at first. */
function normalized(/** @type {Float64Array} */ x) {
  const found = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += WIDTH) {
    const row = x.subarray(at, at + WIDTH);
    const mean = row.reduce((sum, value) => sum + value, 0) / WIDTH;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / WIDTH;
    row.forEach((value, i) => (found[at + i] = (value - mean) / Math.sqrt(variance + EPSILON)));
  }
  return found;
}

/**
 * Return the cosine between the vectors of each pair of tokens.
 * @param {Float64Array} x  T x C
 * @returns {number[][]}
 */
export function cosines(x) {
  const rows = rowsOf(x);
  const norms = rows.map((row) => Math.sqrt(dotRow(row, row, 0, WIDTH)));
  return rows.map((a, i) => rows.map((b, j) => dotRow(a, b, 0, WIDTH) / (norms[i] * norms[j])));
}

/**
 * Return the share of the squared norm that differs between tokens: 0 if all have the same vector.
 * @param {Float64Array} x  T x C
 */
export function differs(x) {
  const rows = rowsOf(x);
  const mean = new Float64Array(WIDTH);
  for (const row of rows) addTo(mean, 0, row, 1 / rows.length);
  const apart = x.reduce((sum, value, i) => sum + (value - mean[i % WIDTH]) ** 2, 0);
  return apart / x.reduce((sum, value) => sum + value ** 2, 0);
}

function rowsOf(/** @type {Float64Array} */ x) {
  return Array.from({ length: x.length / WIDTH }, (_, t) => x.subarray(t * WIDTH, (t + 1) * WIDTH));
}
