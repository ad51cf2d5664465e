// Training a model in the page, with the settings of `benchmarks/c01_agreement.py`: Adam, and a cosine decay to 0.

import { seededRandom } from "../kit/numbers.js";
import { KINDS, lossAndGradients } from "./models.js";
import { drawBatch } from "./task.js";

export const STEPS = 500;
const BATCH = 32;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** The learning rate of a step: a cosine from the peak to 0. */
export function rateAt(/** @type {number} */ step, /** @type {number} */ steps, /** @type {number} */ peak) {
  return 0.5 * peak * (1 + Math.cos((Math.PI * step) / steps));
}

/**
 * Return a function that makes one update of a model, in place, and returns the loss before it.
 * @param {import("./models.js").Model} model
 */
export function adam(model) {
  const zeros = () => Object.fromEntries(model.trained.map((name) => [name, model.parameters[name].map(() => 0)]));
  const [means, squares] = [zeros(), zeros()];
  let count = 0;
  return (/** @type {import("./task.js").Sentence[]} */ batch, /** @type {number} */ rate) => {
    const { loss, gradients } = lossAndGradients(model, batch);
    count++;
    const root = Math.sqrt(1 - BETA2 ** count);
    for (const name of model.trained) {
      const [p, m, v, gradient] = [model.parameters[name], means[name], squares[name], gradients[name]];
      for (let i = 0; i < p.length; i++) {
        const g = gradient[i];
        m[i] += (1 - BETA1) * (g - m[i]);
        v[i] += (1 - BETA2) * (g * g - v[i]);
        p[i] -= ((rate / (1 - BETA1 ** count)) * m[i]) / (Math.sqrt(v[i]) / root + EPSILON);
      }
    }
    return loss;
  };
}

/**
 * Train a model in place: a generator of the losses.
 * @param {import("./models.js").Model} model
 * @param {{distances: number[], people: boolean, seed: number, steps?: number, rate?: number}} options
 * @returns {Generator<number>}
 */
export function* training(model, { distances, people, seed, steps = STEPS, rate = KINDS[model.kind].rate }) {
  const random = seededRandom(seed);
  const update = adam(model);
  for (let step = 0; step < steps; step++) {
    yield update(drawBatch(random, { distances, people, size: BATCH }), rateAt(step, steps, rate));
  }
}
