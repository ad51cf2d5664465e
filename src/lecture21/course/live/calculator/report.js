// Everything that the calculator shows, as numbers.

import { activationBytes, cacheBytes, flopsPerToken, parameters, trainingDays } from "./costs.js";
import { trainingFlops, weightBytes } from "./costs.js";
import { distinctExperts, tokensPerSecond, weightsRead } from "./serving.js";
import { shapeOf } from "./shapes.js";
import { changed, ownContext } from "./model.js";

/**
 * @typedef {import("./shapes.js").Model} Model @typedef {import("./model.js").Changes} Changes
 * @typedef {"training" | "serving" | "cache"} Focus
 * @typedef {{peak: number, bandwidth: number, memory: number}} Device  one card
 * @typedef {{context: number, batch: number, tokens: number, cards: number, utilization: number, precision: string,
 *   device: Device}} Settings  context: 0 for the model's own; tokens: in billions
 * @typedef {ReturnType<typeof report> & {own: Model, changes: Changes, settings: Settings, name: string, card: string,
 *   cardsName: string, problem: string}} Current  what is shown: the counts, and of what; problem: of the sizes, or ""
 */

/**
 * Count what a model costs.
 * @param {Model} own  the preset or the published model
 * @param {Changes} changes  `problemOf` the changed model must be ""
 * @param {Settings} settings
 */
export function report(own, changes, { batch, tokens, cards, utilization, precision, device, ...settings }) {
  const context = settings.context || ownContext(own);
  const model = changed(own, changes, context);
  const shape = shapeOf(model);
  const counts = parameters(model);
  const perToken = flopsPerToken(model, context);
  const available = cards * device.memory;
  const trained = tokens * 1e9;
  const estimate = trainingFlops(model, trained);
  const exact = perToken.training * trained;
  // Mixed precision with Adam: a weight and a gradient of 2 bytes, a master copy and two moments of 4 bytes each.
  const state = { weights: 2 * counts.total, gradients: 2 * counts.total, optimizer: 12 * counts.total };
  const activations = model.config ? activationBytes(model.config, context, batch, "bf16") : null;
  const needed = state.weights + state.gradients + state.optimizer + (activations ?? 0);
  const weights = weightBytes(model, precision);
  const cache = cacheBytes(model, context, batch, "bf16");
  const training = {
    ...state,
    activations,
    needed,
    fits: needed <= available,
    perToken: 6 * counts.active,
    exactPerToken: perToken.training,
    estimate,
    exact,
    days: trainingDays(estimate, device.peak, cards, utilization),
    exactDays: trainingDays(exact, device.peak, cards, utilization),
  };
  const serving = {
    weights,
    cache,
    needed: weights + cache,
    fits: weights + cache <= available,
    cardsNeeded: Math.ceil((weights + cache) / device.memory),
    experts: shape.n_sparse
      ? {
          distinct: distinctExperts(shape.n_expert, shape.top_k, batch),
          read: weightsRead(model, batch, precision),
          tokensPerSecond: tokensPerSecond(model, device, batch, precision),
        }
      : null,
  };
  const perTokenCached = cacheBytes(model, 1, 1, "bf16");
  return {
    model,
    context,
    shape,
    counts,
    perToken,
    available,
    training,
    serving,
    cache: { needed: cache, perTokenCached },
  };
}
