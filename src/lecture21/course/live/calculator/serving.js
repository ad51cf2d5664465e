// The cost of writing text with a mixture of experts: the formulas of lecture21.accounting.serving.
// Each step writes one token for each sequence of a batch, and reads every weight that some token needs once.

import { expertBytes, flopsPerToken, otherBits, parameters } from "./costs.js";
import { isLatent, shapeOf } from "./shapes.js";

/** @typedef {import("./shapes.js").Model} Model */

/**
 * Return the expected number of distinct experts of a layer that a batch activates: E (1 - (1 - k/E)^B).
 * @param {number} experts
 * @param {number} topK
 * @param {number} batch
 */
export function distinctExperts(experts, topK, batch) {
  return experts * (1 - (1 - topK / experts) ** batch);
}

/**
 * Return the bytes of weights that one step reads.
 * @param {Model} model  with experts
 * @param {number} batch
 * @param {string} dtype
 */
export function weightsRead(model, batch, dtype) {
  const shape = shapeOf(model);
  const decoder = decoderOf(model);
  const experts = shapeOf(decoder).n_sparse * distinctExperts(shape.n_expert, shape.top_k, batch);
  const counts = parameters(decoder);
  let shared = counts.total - counts.experts - shape.positions * shape.d_model;
  if (!shape.tied_head) shared -= counts.embeddings;
  shared += crossWeights(shape) + shape.n_cross * shape.d_model; // and the cross-attention's norm
  return experts * expertBytes(shape, dtype) + (shared * otherBits(dtype)) / 8;
}

/**
 * Return an upper bound on the tokens per second of one device: the time to read and multiply the weights.
 * @param {Model} model  with experts
 * @param {{peak: number, bandwidth: number}} device  FLOP/s and bytes/s
 * @param {number} batch
 * @param {string} dtype
 */
export function tokensPerSecond(model, device, batch, dtype) {
  const flops = flopsPerToken(decoderOf(model), 1).linear + 2 * crossWeights(shapeOf(model));
  const reading = weightsRead(model, batch, dtype) / device.bandwidth;
  return batch / Math.max(reading, (batch * flops) / device.peak);
}

/**
 * The model without its encoder, which has run before.
 * @param {Model} model
 * @returns {Model}
 */
function decoderOf(model) {
  return model.shape ? { shape: { ...model.shape, n_encoder_layer: 0 } } : model;
}

/** Weights of the cross-attentions' query and output projections; their keys and values are computed once. */
function crossWeights(/** @type {import("./shapes.js").Shape} */ { d_model, attention, n_cross }) {
  return n_cross && !isLatent(attention) ? 2 * d_model * attention.n_head * attention.d_head * n_cross : 0;
}
