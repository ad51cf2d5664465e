// The models that the reader has trained, and their scores at the distances that the reader has visited.

import { seededRandom } from "../kit/numbers.js";
import { stepsFor, training } from "./learn.js";
import { newModel, scoreOf } from "./models.js";
import { drawSentence } from "./task.js";

const SLICE = 25; // milliseconds of work, between which the page responds
const [N_SENTENCE, SCORE_SEED] = [600, 1];
const SWEPT = [1, 4, 7, 10, 13, 22, 40, 100]; // distances at which each training is scored, as in the chapters' plots

/**
 * @typedef {object} Run
 * @property {number} at  the distance of its training sentences
 * @property {boolean} below  whether they had shorter distances as well
 * @property {Record<string, import("./models.js").Model>} models  by kind
 * @property {Record<string, Map<number, number>>} scores  by kind and distance
 */

/** @returns {Run}  of models that are not trained */
export function newRun(/** @type {string[]} */ kinds, /** @type {number} */ seed, at = 0, below = false) {
  return {
    at,
    below,
    models: Object.fromEntries(kinds.map((kind) => [kind, newModel(kind, seed)])),
    scores: Object.fromEntries(kinds.map((kind) => [kind, new Map()])),
  };
}

/**
 * Return the 600 sentences that the models are scored on, of which a third has no adjective before the subject, a third
 * one, and a third two.
 * @param {number} distance
 * @param {boolean} people
 */
export function scoreSentences(distance, people) {
  const random = seededRandom(SCORE_SEED + distance);
  return Array.from({ length: N_SENTENCE }, (_, i) =>
    drawSentence(random, { distance, people, adjectives: Math.floor((3 * i) / N_SENTENCE) }),
  );
}

/**
 * Return the scores of a run at a distance, and keep them.
 * @param {Run} run
 * @param {{distance: number, people: boolean}} options
 * @returns {Record<string, number>}  by kind
 */
export function scoresAt({ models, scores }, { distance, people }) {
  const missing = Object.keys(models).filter((kind) => !scores[kind].has(distance));
  if (missing.length) {
    const sentences = scoreSentences(distance, people);
    for (const kind of missing) scores[kind].set(distance, scoreOf(models[kind], sentences));
  }
  return Object.fromEntries(Object.keys(models).map((kind) => [kind, scores[kind].get(distance) ?? NaN]));
}

/**
 * Train all models of a run, in slices.
 * @param {Run} run
 * @param {object} options
 * @param {number[]} options.distances
 * @param {boolean} options.people
 * @param {number} options.seed
 * @param {(part: number) => boolean} options.onProgress  gets the part that is done, and says whether to go on
 * @returns {Promise<boolean>}  whether it came to the end
 */
export async function trainRun({ models }, { distances, people, seed, onProgress }) {
  const all = Object.values(models);
  for (const [i, model] of all.entries()) {
    const losses = training(model, { distances, people, seed });
    let [step, until] = [0, performance.now() + SLICE];
    while (!losses.next().done) {
      step++;
      if (performance.now() < until) continue;
      if (!onProgress((i + step / stepsFor(distances)) / all.length)) return false;
      await new Promise((resolve) => setTimeout(resolve));
      until = performance.now() + SLICE;
    }
  }
  return true;
}

/**
 * Score a run at some distances, between which the page responds.
 * @param {Run} run
 * @param {object} options
 * @param {boolean} options.people
 * @param {() => boolean} options.onScore  called after each distance, says whether to go on
 */
export async function sweep(run, { people, onScore }) {
  for (const distance of SWEPT) {
    scoresAt(run, { distance, people });
    if (!onScore()) return;
    await new Promise((resolve) => setTimeout(resolve));
  }
}
