// A head that is designed by hand: rules add to the score, the softmax makes weights, and one feature is written.

import { argmax, dot, softmax } from "../kit/numbers.js";

/** What a rule can add to the score. */
export const STRENGTHS = [-8, -4, -2, -1, 0, 0.5, 1, 2, 4, 8, 16];

/** The place of 0 among them. */
export const NOTHING = STRENGTHS.indexOf(0);

/**
 * A feature that a rule or a value reads: its key in the vectors, its name in a sentence, its name in a table.
 * Features of one kind can be compared: flags, names, places.
 * @typedef {{reads: string, says: string, brief: string, kind: string}} Feature
 *
 * What heads of a family read and write: `text` are the words around the choices of a rule.
 * @typedef {{asks: Feature[], offers: Feature[], values: Feature[], slots: Feature[], rules: number, text: string[],
 *   vectors: (words: Word[]) => Vector[]}} Family
 *
 * @typedef {{name: string, noun: number, person: number, adjective: number, verb: number, plural: number}} Word
 * @typedef {Record<string, number[]>} Vector  the features of a word
 * @typedef {{ask: number, offer: number, strength: number}} Rule  places in the lists of the family
 * @typedef {{rules: Rule[], value: number, slot: number}} Layer
 * @typedef {{scores: number[][], weights: number[][], written: number[][]}} Head
 * @typedef {{text: string, amount: number, wanted: ReturnType<import("./puzzles.js").Puzzle["wanted"]>,
 *   isRight: boolean}} Row  what a word writes, and what it should
 */

/** @param {number} at @param {number} size */
export const oneHot = (at, size) => Array.from({ length: size }, (_, i) => (i === at ? 1 : 0));

/** The different names of a sentence, in their order: the components of a name. @param {Word[]} words */
export const namesOf = (words) => [...new Set(words.map(({ name }) => name))];

/**
 * A design as it is kept: places in lists, layer by layer.
 * @param {Layer[]} layers
 */
export function packed(layers) {
  const rule = (/** @type {Rule} */ { ask, offer, strength }) => [ask, offer, strength];
  return layers.flatMap(({ rules, value, slot }) => [...rules.flatMap(rule), value, slot]);
}

/**
 * The design that was kept; one that does nothing where it is none.
 * @param {Family} family
 * @param {number} count  of layers
 * @param {unknown} kept
 * @returns {Layer[]}
 */
export function unpacked(family, count, kept) {
  const limits = Array.from({ length: count }, () => [
    ...Array.from({ length: family.rules }, () => [family.asks.length, family.offers.length, STRENGTHS.length]).flat(),
    family.values.length,
    Math.max(1, family.slots.length),
  ]).flat();
  const isRight =
    Array.isArray(kept) &&
    kept.length === limits.length &&
    kept.every((each, i) => Number.isInteger(each) && each >= 0 && each < limits[i]);
  const list = isRight ? kept : null;
  const size = limits.length / count;
  return Array.from({ length: count }, (_, layer) => {
    const at = (/** @type {number} */ i) => list?.[layer * size + i];
    const rules = Array.from({ length: family.rules }, (_, n) => {
      const rule = { ask: at(3 * n) ?? 0, offer: at(3 * n + 1) ?? 0, strength: at(3 * n + 2) ?? NOTHING };
      const fits = family.asks[rule.ask].kind === family.offers[rule.offer].kind;
      return fits ? rule : { ask: 0, offer: 0, strength: NOTHING };
    });
    return { rules, value: at(size - 2) ?? 0, slot: at(size - 1) ?? 0 };
  });
}

/**
 * Apply a head. Each word sees itself and the words before it.
 * @param {Family} family
 * @param {Layer} layer
 * @param {Vector[]} x
 * @returns {Head}
 */
export function head(family, { rules, value }, x) {
  const terms = rules.map(({ ask, offer, strength }) => ({
    ask: family.asks[ask].reads,
    offer: family.offers[offer].reads,
    strength: STRENGTHS[strength],
  }));
  const scores = x.map((me, i) =>
    x.map((you, j) =>
      j > i ? -Infinity : terms.reduce((sum, rule) => sum + rule.strength * dot(me[rule.ask], you[rule.offer]), 0),
    ),
  );
  const weights = scores.map(softmax);
  const read = x.map((word) => word[family.values[value].reads]);
  const written = weights.map((row) => read[0].map((_, c) => row.reduce((sum, w, j) => sum + w * read[j][c], 0)));
  return { scores, weights, written };
}

/**
 * Apply all layers. Where the family has slots, each layer adds what it writes to its slot of every word.
 * @param {Family} family
 * @param {Layer[]} layers
 * @param {Word[]} words
 */
export function run(family, layers, words) {
  const x = family.vectors(words);
  const heads = layers.map((layer) => {
    const found = head(family, layer, x);
    const slot = family.slots[layer.slot]?.reads;
    if (slot) x.forEach((word, i) => (word[slot] = word[slot].map((each, c) => each + found.written[i][c])));
    return found;
  });
  return { heads, x };
}

/**
 * What each word writes, what it should, and whether that is right.
 * @param {import("./puzzles.js").Puzzle} puzzle
 * @param {Layer[]} layers
 * @param {Word[]} words
 * @returns {{heads: Head[], rows: Row[], isOfKind: boolean}}
 */
export function judged(puzzle, layers, words) {
  const { family } = puzzle;
  const { heads, x } = run(family, layers, words);
  const last = layers[layers.length - 1];
  const value = family.values[last.value];
  const slot = family.slots[last.slot];
  const isOfKind = slot ? slot.reads === puzzle.writes && value.kind === "name" : value.reads === puzzle.writes;
  const written = slot ? x.map((word) => word[slot.reads]) : heads[heads.length - 1].written;
  const names = namesOf(words);
  const rows = words.map((_, i) => {
    const wanted = puzzle.wanted(words, i);
    const amounts = written[i];
    const best = argmax(amounts);
    const says =
      value.kind === "name"
        ? { text: amounts[best] > 0.005 ? names[best] : "", amount: amounts[best] }
        : { text: "", amount: amounts[0] };
    const isRight =
      wanted === null ||
      (isOfKind &&
        (typeof wanted.write === "string"
          ? says.text === wanted.write && says.amount > 0.5
          : Math.abs(says.amount - wanted.write) < 0.5));
    return { ...says, wanted, isRight };
  });
  return { heads, rows, isOfKind };
}

/**
 * Try a design on many sentences.
 * @param {import("./puzzles.js").Puzzle} puzzle
 * @param {Layer[]} layers
 * @param {Word[][]} sentences  the shortest first
 * @returns {{wrong: number, first: number}}  how many are wrong, and the first that is; -1 for none
 */
export function tried(puzzle, layers, sentences) {
  const found = sentences.map((words) => judged(puzzle, layers, words).rows.every(({ isRight }) => isRight));
  return { wrong: found.filter((isRight) => !isRight).length, first: found.indexOf(false) };
}
