// What each chapter shows of agreement at a distance: its models beside the bag of words, and what to try.

/**
 * @typedef {object} Chapter
 * @property {string[]} kinds  of models; the last is the bag of words
 * @property {string} [toggle]  what the reader can switch on: shorter distances in training, or words after the gap
 * @property {string} first  what to try at first
 * @property {string} next  and after a training
 * @property {string} [then]  what one should see after it
 */

export const BAG = "bag";

const draw = (/** @type {string} */ whom) =>
  `Draw on the chart what score you expect ${whom} at each distance. Then press Train.`;

/** @type {Record<number, Chapter>} */
export const CHAPTERS = {
  1: {
    kinds: ["rnn", BAG],
    toggle: "below",
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
    toggle: "below",
    first: draw("of both kinds of attention"),
    next: "Train at 40 words. Then click nouns: which of them decide?",
  },
  4: {
    kinds: ["head", "open", BAG],
    toggle: "ahead",
    first: "Press Train.",
    next: "Show the words after the gap, and hide them again.",
    then: "the head with the mask says the same both times, and the one without a mask does not.",
  },
  5: {
    kinds: ["positions", "head", BAG],
    toggle: "below",
    first: draw("without positions, and with them,"),
    next: "Train at 13 words with the shorter distances too. Then move the slider further than that.",
  },
};
export const THEN = "which models find the subject: those well above the gray lines. One at 0.5 tosses a coin.";

/** What a head is called beside another one: by what it lacks or has. @type {Record<number, Record<string, string>>} */
export const BESIDE = { 4: { head: "head with the mask" }, 5: { head: "head without positions" } };
/** @type {Record<string, number>} */
export const COLORS = { rnn: 1, basic: 4, head: 0, open: 3, positions: 2 }; // among the series
