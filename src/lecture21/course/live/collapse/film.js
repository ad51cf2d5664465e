// The film of a collapse: how the load of the experts changes over training, without a cure and with each.

/**
 * @typedef {object} Film
 * @property {number[]} steps
 * @property {string[]} settings
 * @property {number[]} tuned  learning rate of each setting
 * @property {number} high  the learning rate at which a router without a cure collapses
 * @property {number} seeds
 * @property {number} experts
 * @property {string} loads  thousandths, two digits in base 36 each, by setting, rate (high, tuned), seed and step
 */

/** What a training is called, and what is done. @type {Record<string, {name: string, what: string}>} */
const TEXTS = {
  none: { name: "nothing done", what: "the router as it is" },
  "aux 0.01": {
    name: "balance loss",
    what: "a part of the loss is low if the load is even",
  },
  "bias 0.01": {
    name: "selection bias",
    what: "busy experts get a handicap when experts are selected",
  },
  "warm-up": { name: "warm-up", what: "the learning rate rises over 50 steps" },
  "z-loss 0.001": { name: "z-loss", what: "large scores cost something" },
  "jitter 0.1": { name: "jitter", what: "the router's input is noisy" },
};

/** @param {string} setting */
export function textOf(setting) {
  return TEXTS[setting] ?? { name: setting, what: "" };
}

/**
 * Return whether a value is a film with all its loads.
 * @param {unknown} value
 * @returns {value is Film}
 */
export function isFilm(value) {
  const film = /** @type {Film} */ (value ?? {}); // if all of the following is so
  const lists = [film.steps, film.settings, film.tuned];
  if (!lists.every((list) => Array.isArray(list) && list.length)) return false;
  const count = film.settings.length * 2 * film.seeds * film.steps.length * film.experts;
  return typeof film.loads === "string" && film.loads.length === 2 * count;
}

/**
 * Return the load of each expert.
 * @param {Film} film
 * @param {{setting: number, rate: "high" | "tuned", seed: number, step: number}} of  indices
 * @returns {number[]}
 */
export function loadsAt(film, { setting, rate, seed, step }) {
  const run = (setting * 2 + (rate === "tuned" ? 1 : 0)) * film.seeds + seed;
  const start = (run * film.steps.length + step) * film.experts;
  return Array.from({ length: film.experts }, (_, i) => {
    const at = 2 * (start + i);
    return parseInt(film.loads.slice(at, at + 2), 36) / 1000;
  });
}

export const BEFORE = -14; // where the bands begin, in steps: the first shares are in sight before the film plays

/**
 * Return the outline of each expert's band, as the points of a polygon: its height is the expert's share of the sum.
 * @param {number[]} stepsShown
 * @param {number[][]} sharesShown  of each step: of each expert
 */
export function bandsOf(stepsShown, sharesShown) {
  const steps = [BEFORE, ...stepsShown];
  const shares = [sharesShown[0], ...sharesShown];
  const from = shares.map(() => 0);
  return shares[0].map((_, expert) => {
    const under = steps.map((step, i) => `${step},${from[i].toFixed(4)}`);
    shares.forEach((row, i) => {
      from[i] += row[expert] / row.reduce((sum, each) => sum + each, 0);
    });
    const over = steps.map((step, i) => `${step},${from[i].toFixed(4)}`);
    return [...under, ...over.reverse()].join(" ");
  });
}
