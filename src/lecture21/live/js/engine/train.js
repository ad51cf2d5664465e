// Training.

/**
 * @typedef {Record<string, any>} Training
 * @typedef {{ step: number, trainLoss: number, validationLoss: number | null, seconds: number }} Progress
 * @param {import("./model.js").Model} model
 * @param {Training} options
 * @returns {Generator<Progress, any>}
 */
export function* train(model, options) {
  yield* [];
  throw new Error(`Training ${model.config.n_layer} layers (${Object.keys(options)}) is not possible yet.`);
}
