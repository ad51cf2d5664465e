// What each chapter shows of agreement at a distance: its models beside the bag of words, and what to try.

/**
 * @typedef {object} Chapter
 * @property {string[]} kinds  of models; the last is the bag of words
 * @property {boolean} [mixes]  whether the reader can train at shorter distances as well
 * @property {string} first  what to try at first
 * @property {string} next  and after a training
 */

export const BAG = "bag";

const draw = (/** @type {string} */ whom) =>
  `Draw on the chart what score you expect ${whom} at each distance. Then press Train.`;

/** @type {Record<number, Chapter>} */
export const CHAPTERS = {
  1: {
    kinds: ["rnn", BAG],
    mixes: true,
    first: draw("of an RNN"),
    next: "Train at 10 words, and then again with the shorter distances too.",
  },
  2: {
    kinds: ["basic", BAG],
    first: draw("of basic self-attention"),
    next: "Train at 13 words, more than once. How far above the gray lines does it come?",
  },
  3: {
    kinds: ["head", "basic", BAG],
    mixes: true,
    first: draw("of both kinds of attention"),
    next: "Train at 40 words. Then click nouns: which of them decide?",
  },
  5: {
    kinds: ["positions", "head", BAG],
    mixes: true,
    first: draw("without positions, and with them,"),
    next: "Train at 13 words with the shorter distances too. Then move the slider further than that.",
  },
};
/** What a head is called beside another one: by what it lacks or has. @type {Record<number, Record<string, string>>} */
export const BESIDE = { 5: { head: "head without positions" } };
/** @type {Record<string, number>} */
export const COLORS = { rnn: 1, basic: 4, head: 0, positions: 2 }; // among the series
