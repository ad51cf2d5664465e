// One attention head at the last word of a sentence: forward and backward. Words are few, so keys and values are
// computed once for each word of the vocabulary and not for each word of a sentence.

import { softmax } from "../kit/numbers.js";
import { add, addTo, back, dotRow, outer, project, row } from "../kit/rows.js";

const WAVE = 10000; // of the sinusoids (Vaswani et al. 2017)

/**
 * @typedef {import("./models.js").Model} Model
 * @typedef {object} Tables  rows of width C: one for each word and, with positions, one for each position
 * @property {Record<string, Float64Array>} words  query, key and value of each word
 * @property {Record<string, Float64Array> | null} places  what each position adds to them
 * @property {Float64Array | null} sinusoids
 * @property {number} scale  of the scores
 */

/**
 * Return the sinusoidal vectors of positions, as lecture21.layers.positions computes them.
 * @param {number} length
 * @param {number} width
 */
export function sinusoidsOf(length, width) {
  const found = new Float64Array(length * width);
  for (let t = 0; t < length; t++) {
    for (let i = 0; i < width; i += 2) {
      const angle = t * WAVE ** (-i / width);
      found[t * width + i] = Math.sin(angle);
      found[t * width + i + 1] = Math.cos(angle);
    }
  }
  return found;
}

const PARTS = ["query", "key", "value"];

/**
 * Compute queries, keys and values. Without matrices they are the vectors, and scores are not scaled, as in
 * `basic_self_attention`.
 * @param {Model} model
 * @param {number} length  greatest number of words
 * @returns {Tables}
 */
export function prepareHead({ parameters, width, positions }, length) {
  const sinusoids = positions ? sinusoidsOf(length, width) : null;
  const of = (/** @type {Float64Array} */ rows) =>
    Object.fromEntries(PARTS.map((name) => [name, name in parameters ? project(rows, parameters[name], width) : rows]));
  return {
    words: of(parameters.vectors),
    places: sinusoids && of(sinusoids),
    sinusoids,
    scale: "query" in parameters ? 1 / Math.sqrt(width) : 1,
  };
}

/**
 * @param {Tables} tables
 * @param {number[]} words  ids
 * @param {number} asks  which of them has the query
 * @param {number} width
 */
export function head({ words: table, places, scale }, words, asks, width) {
  const query = row(table.query, words[asks], width);
  if (places) add(query, places.query, asks, width);
  const scores = new Float64Array(words.length);
  for (let t = 0; t < words.length; t++) {
    const score = dotRow(query, table.key, words[t], width) + (places ? dotRow(query, places.key, t, width) : 0);
    scores[t] = score * scale;
  }
  const weights = Float64Array.from(softmax(scores));
  const out = new Float64Array(width);
  for (let t = 0; t < words.length; t++) {
    add(out, table.value, words[t], width, weights[t]);
    if (places) add(out, places.value, t, width, weights[t]);
  }
  return { query, weights, out };
}

/** Gradients of the tables, all 0. */
export function emptyGradients(/** @type {Tables} */ { words, places }) {
  const like = (/** @type {Record<string, Float64Array>} */ parts) =>
    Object.fromEntries(PARTS.map((name) => [name, new Float64Array(parts[name].length)]));
  return { words: like(words), places: places && like(places) };
}

/**
 * Add the gradients of one sentence to those of the tables.
 * @param {Tables} tables
 * @param {ReturnType<typeof emptyGradients>} gradients
 * @param {ReturnType<typeof head>} found
 * @param {number[]} words
 * @param {number} asks
 * @param {Float64Array} dOut  of what the head returned
 */
export function headBackward({ words: table, places, scale }, gradients, { query, weights }, words, asks, dOut) {
  const width = query.length;
  const dWeights = weights.map(
    (_, t) => dotRow(dOut, table.value, words[t], width) + (places ? dotRow(dOut, places.value, t, width) : 0),
  );
  const mean = weights.reduce((sum, weight, t) => sum + weight * dWeights[t], 0);
  const dQuery = new Float64Array(width);
  const changes = gradients.places;
  for (let t = 0; t < words.length; t++) {
    const dScore = weights[t] * (dWeights[t] - mean) * scale;
    add(dQuery, table.key, words[t], width, dScore);
    addTo(gradients.words.key, words[t], query, dScore);
    addTo(gradients.words.value, words[t], dOut, weights[t]);
    if (!places) continue;
    add(dQuery, places.key, t, width, dScore);
    if (!changes) continue;
    addTo(changes.key, t, query, dScore);
    addTo(changes.value, t, dOut, weights[t]);
  }
  addTo(gradients.words.query, words[asks], dQuery, 1);
  if (changes) addTo(changes.query, asks, dQuery, 1);
}

/**
 * Turn the gradients of the tables into those of the parameters.
 * @param {Model} model
 * @param {Tables} tables
 * @param {ReturnType<typeof emptyGradients>} gradients
 * @returns {Record<string, Float64Array>}
 */
export function headParameters({ parameters, width, trained }, { sinusoids }, gradients) {
  /** @type {Record<string, Float64Array>} */
  const found = {};
  const vectors = new Float64Array(parameters.vectors.length);
  for (const name of PARTS) {
    const weight = parameters[name];
    if (!weight) {
      vectors.forEach((_, i) => (vectors[i] += gradients.words[name][i]));
      continue;
    }
    found[name] = new Float64Array(weight.length);
    outer(found[name], gradients.words[name], parameters.vectors, width);
    if (sinusoids && gradients.places) outer(found[name], gradients.places[name], sinusoids, width);
    if (trained.includes("vectors")) back(vectors, gradients.words[name], weight, width);
  }
  if (trained.includes("vectors")) found.vectors = vectors;
  return found;
}
