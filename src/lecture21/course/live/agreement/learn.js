// Training a model in the page, with the settings of `benchmarks/c01_agreement.py`: Adam, and a cosine decay to 0.

import { seededRandom } from "../kit/numbers.js";
import { adam } from "../kit/tape.js";
import { KINDS, lossAndGradients } from "./models.js";
import { drawBatch } from "./task.js";

const STEPS = 500; // at one distance, and three times as many for a mix of distances
const BATCH = 32;

/** The learning rate of a step: a cosine from the peak to 0. */
export function rateAt(/** @type {number} */ step, /** @type {number} */ steps, /** @type {number} */ peak) {
  return 0.5 * peak * (1 + Math.cos((Math.PI * step) / steps));
}

/**
 * Return a function that makes one update of a model, in place, and returns the loss before it.
 * @param {import("./models.js").Model} model
 */
export function updates(model) {
  const states = Object.entries(model.parameters).map(([name, parameters]) => {
    return { name, parameters, first: parameters.map(() => 0), second: parameters.map(() => 0) };
  });
  let count = 0;
  return (/** @type {import("./task.js").Sentence[]} */ batch, /** @type {number} */ rate) => {
    const { loss, gradients } = lossAndGradients(model, batch);
    count++;
    for (const { name, ...state } of states) adam(state, gradients[name], rate, count);
    return loss;
  };
}

export function stepsFor(/** @type {number[]} */ distances) {
  return distances.length > 1 ? 3 * STEPS : STEPS;
}

/**
 * Train a model in place: a generator of the losses.
 * @param {import("./models.js").Model} model
 * @param {{distances: number[], people: boolean, seed: number, steps?: number, rate?: number}} options
 * @returns {Generator<number>}
 */
export function* training(
  model,
  { distances, people, seed, steps = stepsFor(distances), rate = KINDS[model.kind].rate },
) {
  const random = seededRandom(seed);
  const update = updates(model);
  for (let step = 0; step < steps; step++) {
    yield update(drawBatch(random, { distances, people, size: BATCH }), rateAt(step, steps, rate));
  }
}
