// Parameters, FLOPs, days of training and memory: the formulas of lecture21.accounting, tested equal to them.
// A tied output layer has no parameters of its own. FLOPs are those of matrix products, and the causal mask saves none.

import { configOf, shapeOf } from "./shapes.js";

/** @typedef {import("./shapes.js").Model} Model @typedef {import("./shapes.js").Shape} Shape */

/** @type {Record<string, number>} */
const BITS = { fp32: 32, bf16: 16, fp16: 16, fp8: 8, int8: 8, int4: 4, mxfp4: 4.25 };
const BLOCKED = 4; // sequences of at least so many windows are processed block by block

/**
 * Count the parameters of a model by part.
 * @param {Model} model
 */
export function parameters(model) {
  const shape = shapeOf(model);
  const { d_model: width, attention } = shape;
  const layers = shape.n_layer + shape.n_encoder_layer;
  const stacks = shape.n_encoder_layer ? 2 : 1;
  const attentionBiases = shape.n_attention * attention.biases;
  const [dense, denseBiases] = denseLayers(shape);
  const routers = shape.n_sparse * shape.n_expert;
  const routerBiases = shape.router_bias ? routers : 0;
  const headBiases = shape.head_bias ? shape.vocab_size : 0;
  const norms =
    width * (2 * layers + shape.n_cross + (shape.final_norm ? stacks : 0)) + shape.n_attention * attention.norm_width;
  const expert = shape.n_sparse * (shape.expert_weights + shape.expert_biases);
  const counts = {
    embeddings: shape.vocab_size * width,
    positions:
      shape.positions * width + (shape.relative_buckets ? stacks * shape.relative_buckets * attention.n_head : 0),
    attention: shape.n_attention * attention.weights + attentionBiases,
    feed_forward: dense + denseBiases,
    norms: norms * (shape.layernorm ? 2 : 1),
    head: shape.tied_head ? 0 : shape.vocab_size * width + headBiases,
    routers: routers * width + routerBiases,
    experts: shape.n_expert * expert,
    idle_experts: (shape.n_expert - shape.top_k) * expert,
    biases: attentionBiases + denseBiases + routerBiases + headBiases,
  };
  const non_embedding = counts.attention + counts.feed_forward + counts.norms + counts.routers + counts.experts;
  const total = counts.embeddings + counts.positions + non_embedding + counts.head;
  return { ...counts, non_embedding, total, active: total - counts.idle_experts };
}

/** Weights and biases of the layers that every token uses. */
function denseLayers(/** @type {Shape} */ shape) {
  const shared = shape.n_shared * (shape.d_expert ?? 0); // one layer of the joint width of the shared experts
  let [weights, biases] = [0, 0];
  /** @type {[number, number | null, boolean][]} */
  const groups = [
    [shape.n_dense, shape.d_ff, shape.gated_dense],
    [shape.n_sparse, shared, shape.gated],
  ];
  for (const [layers, hidden, gated] of groups) {
    if (!layers || !hidden) continue;
    const inputs = gated ? 2 : 1; // projections into the hidden layer: up, and gate
    weights += layers * (inputs + 1) * shape.d_model * hidden;
    biases += shape.bias ? layers * (inputs * hidden + shape.d_model) : 0;
  }
  return [weights, biases];
}

/** Number of keys that a query attends to, summed over the decoder's self-attentions. */
function visibleKeys(/** @type {Shape} */ { attention, n_layer }, /** @type {number} */ context) {
  if (attention.window === null) return n_layer * context;
  const windowed = Math.ceil(n_layer / attention.window_every);
  return windowed * Math.min(context, attention.window) + (n_layer - windowed) * context;
}

/**
 * Count the FLOPs of one token whose queries attend to `context` keys, or to those in its window if it has one.
 * @param {Model} model
 * @param {number} context
 * @returns {{linear: number, attention: number, forward: number, training: number}}
 */
export function flopsPerToken(model, context) {
  const shape = shapeOf(model);
  const counts = parameters(model);
  const added = counts.norms + counts.biases + shape.n_sparse * shape.top_k * shape.expert_biases;
  const lookedUp = counts.positions + (shape.tied_head ? 0 : counts.embeddings);
  const keys = visibleKeys(shape, context) + (shape.n_encoder_layer + shape.n_cross) * context;
  const linear = 2 * (counts.active - added - lookedUp);
  const attention = keys * shape.attention.flops_per_key;
  return { linear, attention, forward: linear + attention, training: 3 * (linear + attention) };
}

/**
 * Return 6 N D: six FLOPs per active parameter and training token.
 * @param {Model} model
 * @param {number} tokens
 */
export function trainingFlops(model, tokens) {
  return 6 * parameters(model).active * tokens;
}

/**
 * Return the days that a computation takes.
 * @param {number} flops
 * @param {number} peak  FLOP/s of one device
 * @param {number} devices
 * @param {number} utilization  in (0, 1]
 */
export function trainingDays(flops, peak, devices, utilization) {
  return flops / (peak * devices * utilization) / 86400;
}

/** Bytes of one routed expert; mxfp4 applies to its weights, not to its biases. */
export function expertBytes(/** @type {Shape} */ shape, /** @type {string} */ dtype) {
  return (shape.expert_weights * BITS[dtype] + shape.expert_biases * otherBits(dtype)) / 8;
}

/** Bits of a parameter that is not the weight of a routed expert. */
export function otherBits(/** @type {string} */ dtype) {
  return BITS[dtype === "mxfp4" ? "bf16" : dtype];
}

/**
 * Return the bytes of all weights.
 * @param {Model} model
 * @param {string} dtype
 */
export function weightBytes(model, dtype) {
  const shape = shapeOf(model);
  const counts = parameters(model);
  const experts = shape.n_sparse * shape.n_expert * expertBytes(shape, dtype);
  return Math.floor(experts + ((counts.total - counts.experts) * otherBits(dtype)) / 8);
}

/**
 * Return the bytes of the keys and values, or latent vectors, that the newest token attends to.
 * @param {Model} model
 * @param {number} context
 * @param {number} batch
 * @param {string} dtype
 */
export function cacheBytes(model, context, batch, dtype) {
  const shape = shapeOf(model);
  const tokens = visibleKeys(shape, context) + shape.n_cross * context;
  return Math.floor((tokens * shape.attention.cached * batch * BITS[dtype]) / 8);
}

/**
 * Return the bytes of the activations that a GPT's forward pass stores for the backward pass, with a fused attention.
 * @param {import("./shapes.js").Fields} fields
 * @param {number} context
 * @param {number} batch
 * @param {string} dtype
 */
export function activationBytes(fields, context, batch, dtype) {
  const config = configOf(fields);
  let stored = context * activationsPerToken(config);
  const { window } = config;
  if (window !== null && context >= BLOCKED * window) {
    stored += config.n_layer * extraInBlocks(config, window, context);
  }
  return Math.floor((stored * batch * BITS[dtype]) / 8);
}

function activationsPerToken(/** @type {import("./shapes.js").Config} */ config) {
  const { d_model: width, n_head, n_kv_head, d_head, moe } = config;
  const [perNumber, perRow] = config.norm === "layernorm" ? [1, 2] : [2, 1];
  const norm = perNumber * width + perRow;
  let hidden = ({ relu: 1, swiglu: 4 }[config.activation] ?? 2) * config.d_ff;
  if (moe) {
    const normalizes = moe.softmax === "after" || (moe.renormalize ?? moe.top_k > 1);
    const weights = normalizes && moe.softmax === "before" ? 2 * moe.top_k + 1 : moe.top_k;
    hidden = (moe.top_k + moe.n_shared) * hidden + 2 * moe.top_k * width + moe.n_expert + weights;
  }
  let attention = 4 * n_head * d_head + n_head;
  if (config.qk_norm) attention += perNumber * (n_head + n_kv_head) * d_head + perRow * (n_head + n_kv_head);
  const block = 2 * (norm + width) + attention + hidden;
  const last = config.final_norm ? norm + width : width;
  return config.n_layer * block + last + config.vocab_size * (config.logit_cap === null ? 1 : 2);
}

/**
 * How many more numbers a layer with a window stores, because a sequence is processed block by block.
 * @param {import("./shapes.js").Config} config
 * @param {number} window
 * @param {number} context
 */
function extraInBlocks({ n_head, d_head }, window, context) {
  const inner = n_head * d_head;
  const padded = Math.ceil(context / window) * window;
  const inBlocks = padded * (4 * inner + n_head) + 4 * (padded - window) * inner + context * inner;
  return inBlocks - context * (4 * inner + n_head);
}
