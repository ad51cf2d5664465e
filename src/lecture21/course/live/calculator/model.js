// The model that is counted: a preset or a published model, with the sizes that the reader changed.

import { configOf, isLatent, shapeOf } from "./shapes.js";

/** Context of a published model, whose sizes do not depend on it. */
export const PUBLISHED_CONTEXT = 4096;

/**
 * @typedef {import("./shapes.js").Model} Model
 * @typedef {"n_layer" | "d_model" | "n_head" | "n_kv_head" | "d_ff" | "vocab_size" | "n_expert" | "top_k" | "window"} Size
 * @typedef {Partial<Record<Size, number>>} Changes  sizes that differ from those of a model
 */

/**
 * The sizes that can be changed: name, label, least and largest value.
 * @type {[Size, string, number, number][]}
 */
export const SIZES = [
  ["n_layer", "Layers", 1, 10000],
  ["d_model", "Width C", 1, 1000000],
  ["n_head", "Query heads", 1, 100000],
  ["n_kv_head", "Key/value heads", 1, 100000],
  ["d_ff", "Feed-forward width, or an expert's", 1, 10000000],
  ["vocab_size", "Vocabulary", 1, 100000000],
  ["n_expert", "Experts (0: none)", 0, 100000],
  ["top_k", "Experts for each token", 1, 100000],
  ["window", "Window (0: none)", 0, 10000000],
];

/**
 * Return whether a value is an object of changed sizes, each in its range.
 * @param {unknown} changes
 */
export function areChanges(changes) {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return false;
  return Object.entries(changes).every(([name, value]) => {
    const size = SIZES.find(([each]) => each === name);
    return size !== undefined && Number.isInteger(value) && value >= size[2] && value <= size[3];
  });
}

/**
 * Return the context of a model of which none was chosen.
 * @param {Model} model
 */
export function ownContext(model) {
  return model.config ? configOf(model.config).block_size : PUBLISHED_CONTEXT;
}

/**
 * Return a model with some sizes changed. What was derived from a changed size is derived again.
 * @param {Model} model
 * @param {Changes} changes
 * @param {number} context  a table of learned positions is as long
 * @returns {Model}
 */
export function changed(model, changes, context) {
  const { n_expert, top_k, window, ...sizes } = changes;
  if (model.config) {
    const config = { ...model.config, ...sizes, block_size: context };
    if (window !== undefined) config.window = window || null;
    const experts = { ...(n_expert === undefined ? {} : { n_expert }), ...(top_k === undefined ? {} : { top_k }) };
    if (n_expert === 0) config.moe = null;
    else if (n_expert !== undefined || (config.moe && top_k !== undefined)) config.moe = { ...config.moe, ...experts };
    return { config };
  }
  const { n_head, n_kv_head, d_ff, ...others } = sizes;
  const attention = { ...model.shape.attention };
  const shape = { ...model.shape, ...others, attention };
  if (!isLatent(attention)) {
    if (n_head !== undefined && attention.n_kv_head === attention.n_head) attention.n_kv_head = n_head;
    if (n_kv_head !== undefined) attention.n_kv_head = n_kv_head;
    if (window !== undefined) attention.window = window || null;
  }
  if (n_head !== undefined) attention.n_head = n_head;
  if (shape.n_encoder_layer && sizes.n_layer) shape.n_encoder_layer = sizes.n_layer;
  if (d_ff !== undefined) shape.d_expert = d_ff;
  if (n_expert !== undefined) shape.n_expert = n_expert;
  if (top_k !== undefined) shape.top_k = top_k;
  if (n_expert === 0) {
    shape.d_ff = d_ff ?? model.shape.d_ff ?? model.shape.d_expert;
    shape.top_k = shape.n_shared = 0;
  }
  return { shape };
}

/**
 * Return the sizes of a model as the fields show them; null where a model has no such size.
 * @param {Model} model
 */
export function sizesOf(model) {
  const { attention, ...shape } = shapeOf(model);
  const fixed = isLatent(attention) || shape.n_encoder_layer > 0;
  return {
    n_layer: shape.n_layer,
    d_model: shape.d_model,
    n_head: attention.n_head,
    n_kv_head: fixed ? null : attention.n_kv_head,
    d_ff: shape.n_expert ? shape.d_expert : shape.d_ff,
    vocab_size: shape.vocab_size,
    n_expert: shape.n_expert,
    top_k: shape.n_expert ? shape.top_k : null,
    window: fixed ? null : (attention.window ?? 0),
  };
}

/**
 * Return one sentence on why a model with these sizes cannot exist, or "".
 * @param {Model} model  from `changed`
 */
export function problemOf(model) {
  const { n_head, n_kv_head, d_model, n_expert, top_k } = sizesOf(model);
  const named = (/** @type {number} */ value) => value.toLocaleString("en-US");
  if (model.config && !model.config.d_head && d_model % n_head) {
    return `The query heads must divide the width: ${named(d_model)} / ${named(n_head)} is not a whole number.`;
  }
  if (n_kv_head !== null && n_head % n_kv_head) {
    const ratio = `${named(n_head)} / ${named(n_kv_head)}`;
    return `The key/value heads must divide the query heads: ${ratio} is not a whole number.`;
  }
  if (model.config?.position === "rotary" && configOf(model.config).d_head % 2) {
    return `Rotary positions need an even head width, not ${named(configOf(model.config).d_head)}.`;
  }
  if (top_k !== null && top_k > n_expert) {
    return `A token can use at most ${named(n_expert)} experts, the number in a layer, not ${named(top_k)}.`;
  }
  return "";
}
