// A small GPT that reads the patches of a drawing and writes its name: two blocks of width 32. reader.py trained it.

import { dot, softmax } from "../kit/numbers.js";
import { project } from "../kit/rows.js";
import { NAMES } from "./digits.js";
import { WEIGHTS } from "./weights.js";

export const SIDE = 8; // pixels along each side of an image
export const PATCH = 2; // pixels along each side of a patch
const COLUMNS = SIDE / PATCH;
export const PATCHES = COLUMNS ** 2;
const HEADS = 4;
const LETTERS = Array.from(new Set(`\n${NAMES.join("")}`)).sort(); // the ids are the places in this list

/** @type {Record<string, Float64Array>} */
const weights = Object.fromEntries(
  Object.entries(WEIGHTS).map(([name, [scale, text]]) => [
    name,
    Float64Array.from(atob(text), (each) => ((each.charCodeAt(0) << 24) >> 24) * scale), // signed bytes
  ]),
);
const WIDTH = weights.norm.length;

/**
 * The beginnings of all names, each once: its last letter, its place in the text, and the beginnings of which it is the
 * continuation. So the model reads an image once for all ten names.
 * @type {{letter: number, place: number, before: number[]}[]}
 */
const BEGINNINGS = [];
/** For each name, which beginning predicts which letter. @type {[number, number][][]} */
const PREDICTIONS = NAMES.map((name) => {
  /** @type {number[]} */
  const path = [];
  const letters = Array.from(`\n${name}\n`, (letter) => LETTERS.indexOf(letter));
  return letters.slice(0, -1).map((letter, place) => {
    const parent = path.at(-1) ?? -1;
    let found = BEGINNINGS.findIndex((each) => each.letter === letter && (each.before.at(-1) ?? -1) === parent);
    if (found < 0) found = BEGINNINGS.push({ letter, place, before: [...path] }) - 1;
    path.push(found);
    return [found, letters[place + 1]];
  });
});

const PATCH_KEYS = Array.from({ length: PATCHES }, (_, i) => i);
/** The tokens to which each token may attend: the mask of a prefix. @type {number[][]} */
const KEYS = [
  ...PATCH_KEYS.map(() => PATCH_KEYS),
  ...BEGINNINGS.map(({ before }, i) => [...PATCH_KEYS, ...[...before, i].map((each) => PATCHES + each)]),
];

/**
 * Return the patches of an image in reading order, each with its pixels row by row.
 * @param {number[]} pixels
 */
export function patchesOf(pixels) {
  return PATCH_KEYS.map((patch) =>
    Array.from({ length: PATCH ** 2 }, (_, i) => {
      const row = Math.floor(patch / COLUMNS) * PATCH + Math.floor(i / PATCH);
      return pixels[row * SIDE + (patch % COLUMNS) * PATCH + (i % PATCH)];
    }),
  );
}

/** Return each row of x, divided by its root mean square and multiplied by a gain. */
function normed(/** @type {Float64Array} */ x, /** @type {Float64Array} */ gain) {
  const found = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += WIDTH) {
    const row = x.subarray(at, at + WIDTH);
    const size = Math.sqrt(dot(row, row) / WIDTH + 1e-5);
    row.forEach((value, c) => (found[at + c] = (value / size) * gain[c]));
  }
  return found;
}

/** Return the values that each token attends to, weighted, for all heads. */
function attended(/** @type {Float64Array} */ x, /** @type {string} */ block) {
  const [q, k, v] = ["query", "key", "value"].map((role) => project(x, weights[`${block}.${role}`], WIDTH));
  const found = new Float64Array(x.length);
  const size = WIDTH / HEADS;
  KEYS.forEach((keys, i) => {
    for (let at = 0; at < WIDTH; at += size) {
      const similarity = (/** @type {number} */ j) => {
        let sum = 0;
        for (let c = at; c < at + size; c++) sum += q[i * WIDTH + c] * k[j * WIDTH + c];
        return sum / Math.sqrt(size);
      };
      const shares = softmax(keys.map(similarity));
      keys.forEach((j, n) => {
        for (let c = at; c < at + size; c++) found[i * WIDTH + c] += shares[n] * v[j * WIDTH + c];
      });
    }
  });
  return found;
}

/** Add an array to another. */
const addTo = (/** @type {Float64Array} */ x, /** @type {Float64Array} */ more) =>
  more.forEach((value, i) => (x[i] += value));

/**
 * Return the probability of each name, the product of those of its letters and of the line break after them.
 * @param {number[][]} patches  in the order in which the model gets them: counts of ink, from 0 to 16
 * @returns {number[]}
 */
export function read(patches) {
  const ink = Float64Array.from(patches.flat(), (count) => count / 16);
  const x = new Float64Array(KEYS.length * WIDTH);
  x.set(project(ink, weights.patch, PATCH ** 2));
  BEGINNINGS.forEach(({ letter }, i) =>
    x.set(weights.token.subarray(letter * WIDTH, (letter + 1) * WIDTH), (PATCHES + i) * WIDTH),
  );
  const place = (/** @type {number} */ i) => (i < PATCHES ? i : PATCHES + BEGINNINGS[i - PATCHES].place);
  KEYS.forEach((_, i) => {
    for (let c = 0; c < WIDTH; c++) {
      x[i * WIDTH + c] += weights.position[place(i) * WIDTH + c] + (i < PATCHES ? weights.patch_bias[c] : 0);
    }
  });
  for (const block of ["0", "1"]) {
    const mixed = attended(normed(x, weights[`${block}.norm_attention`]), block);
    addTo(x, project(mixed, weights[`${block}.output`], WIDTH));
    const hidden = project(normed(x, weights[`${block}.norm_feed_forward`]), weights[`${block}.up`], WIDTH);
    const active = hidden.map((value) => Math.max(0, value));
    addTo(x, project(active, weights[`${block}.down`], weights[`${block}.down`].length / WIDTH));
  }
  const logits = project(normed(x.subarray(PATCHES * WIDTH), weights.norm), weights.head, WIDTH);
  const size = logits.length / BEGINNINGS.length; // the letters, and one for what is no letter
  const next = BEGINNINGS.map((_, i) => softmax(logits.subarray(i * size, (i + 1) * size)));
  return PREDICTIONS.map((letters) => letters.reduce((product, [i, letter]) => product * next[i][letter], 1));
}
