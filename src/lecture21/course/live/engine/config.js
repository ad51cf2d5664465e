// The shape of a GPT as data, and the list of its parameters with their places in memory.

import { GPT, SPARSE } from "./schema.js";

/**
 * @typedef {object} Config  the fields of lecture21's GPTConfig
 * @property {number} vocab_size
 * @property {number} block_size
 * @property {number} n_layer
 * @property {number} n_head
 * @property {number} d_model
 * @property {number} n_kv_head
 * @property {number} d_head
 * @property {number} d_ff
 * @property {"relu" | "gelu" | "gelu_tanh" | "relu2" | "swiglu"} activation
 * @property {"layernorm" | "rmsnorm"} norm
 * @property {"pre" | "post"} norm_position
 * @property {boolean} final_norm
 * @property {number} norm_eps
 * @property {"learned" | "sinusoidal" | "rotary" | "none"} position
 * @property {number} rotary_base
 * @property {"interpolation" | "ntk"} rotary_scaling
 * @property {number} rotary_factor
 * @property {number | null} window
 * @property {boolean} qk_norm
 * @property {boolean} qkv_bias
 * @property {boolean} bias
 * @property {boolean} tied_head
 * @property {"torch" | "gpt1" | "gpt2" | "zero"} initialization
 * @property {number | null} logit_cap
 * @property {boolean} causal
 * @property {number} dropout
 * @property {number | null} attention_dropout
 * @property {Sparse | null} moe
 *
 * @typedef {object} Sparse  those of its SparseConfig that the engine reads
 * @property {number} n_expert
 * @property {number} top_k
 * @property {number} n_shared
 * @property {"softmax" | "sigmoid"} gates
 * @property {"before" | "after"} softmax
 * @property {boolean | null} renormalize
 * @property {"aux" | "bias" | "none"} balance
 * @property {number | null} eval_capacity_factor
 *
 * @typedef {object} Parameter
 * @property {string} name     as in the state of the torch model
 * @property {number[]} shape  as there: a linear map has (outputs, inputs)
 * @property {"embedding" | "matrix" | "vector" | "buffer"} kind
 * @property {number} rows     in memory, where a linear map is transposed, and experts lie one after the other
 * @property {number} columns
 * @property {number} stride   of a row, a multiple of 8
 * @property {number} count    of such matrices: the number of experts, otherwise 1
 * @property {number} size     floats in memory
 * @property {number} offset
 * @property {(index: number) => number} place  where in memory, from `offset`, the number with this index in `shape` is
 */

/** What the page trains: GPT-0 and the modern recipe, in any size. */
const TRAINED = {
  activation: ["relu", "relu2"], norm_position: ["pre"], final_norm: [true], initialization: ["torch", "zero"],
  tied_head: [false], window: [null], dropout: [0], attention_dropout: [null, 0], moe: [null],
}; // prettier-ignore
const SIZES = /** @type {const} */ (["vocab_size", "block_size", "n_layer", "n_head", "d_model"]);
const DERIVED = /** @type {const} */ (["n_kv_head", "d_head", "d_ff"]);
const POSITIVE = /** @type {const} */ (["norm_eps", "rotary_base", "rotary_factor"]);
/** The next multiple of 8: the length of rows in memory. */
export const padded = (/** @type {number} */ n) => Math.ceil(n / 8) * 8;

/**
 * Check a configuration and fill in what is missing, as `GPTConfig` does.
 * @param {unknown} values
 * @returns {Config}
 */
export function checkedConfig(values) {
  const c = /** @type {Config} */ (checkedFields(values, GPT, "The configuration"));
  for (const name of SIZES) requireWhole(name, c[name]);
  c.n_kv_head ??= c.n_head;
  c.d_head ??= c.d_model / c.n_head;
  c.d_ff ??= 4 * c.d_model;
  if (!Number.isInteger(c.d_head)) throw new Error(`n_head must divide d_model = ${c.d_model}, got ${c.n_head}.`);
  for (const name of DERIVED) requireWhole(name, c[name]);
  if (c.window !== null) requireWhole("window", c.window);
  if (c.n_head % c.n_kv_head) throw new Error(`n_kv_head must divide n_head = ${c.n_head}, got ${c.n_kv_head}.`);
  for (const name of POSITIVE) requirePositive(name, c[name]);
  if (c.logit_cap !== null) requirePositive("logit_cap", c.logit_cap);
  if (c.position === "rotary" && c.d_head % 2)
    throw new Error(`Rotary positions need an even d_head, got ${c.d_head}.`);
  if (c.position === "sinusoidal" && c.d_model % 2) throw new Error("Sinusoidal positions need an even d_model.");
  if (c.window !== null && !c.causal) throw new Error("window needs causal = true.");
  if (c.moe !== null) {
    const moe = (c.moe = /** @type {Sparse} */ (checkedFields(c.moe, SPARSE, "moe")));
    requireWhole("n_expert", moe.n_expert);
    requireWhole("top_k", moe.top_k);
    if (moe.n_shared !== 0) requireWhole("n_shared", moe.n_shared);
    if (moe.top_k > moe.n_expert)
      throw new Error(`top_k must be at most n_expert = ${moe.n_expert}, got ${moe.top_k}.`);
    if (moe.eval_capacity_factor !== null) requirePositive("eval_capacity_factor", moe.eval_capacity_factor);
  }
  return c;
}

/** Whether later tokens change what is computed at earlier positions: no key or value can then be kept. */
export const looksAhead = (/** @type {Config} */ { causal, moe }) =>
  !causal || (moe?.eval_capacity_factor ?? null) !== null;

/** Refuse a model of which the engine computes no gradient. */
export function requireTrained(/** @type {Config} */ config) {
  for (const [name, values] of Object.entries(TRAINED)) {
    const value = config[/** @type {keyof Config} */ (name)];
    if (!(/** @type {unknown[]} */ (values).includes(value)))
      throw new Error(`The page trains models with ${name} = ${values.map(shown).join(" or ")}, got ${shown(value)}.`);
  }
}

/**
 * @param {unknown} values
 * @param {Record<string, import("./schema.js").Field>} schema
 * @param {string} source
 * @returns {Record<string, unknown>}
 */
function checkedFields(values, schema, source) {
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new Error(`${source} must be an object with fields such as ${Object.keys(schema)[0]}.`);
  }
  const given = /** @type {Record<string, unknown>} */ (values);
  /** @type {Record<string, unknown>} */
  const fields = {};
  const unknown = Object.keys(given).find((name) => name !== "model" && !Object.hasOwn(schema, name));
  if (unknown !== undefined) throw new Error(`${source} has an unknown field ${JSON.stringify(unknown.slice(0, 40))}.`);
  for (const [name, { start, kind, optional = false, words }] of Object.entries(schema)) {
    const value = given[name] ?? start;
    const fits =
      words?.includes(value) ??
      ((value === null && optional) || (typeof value === kind && (kind !== "number" || Number.isFinite(value))));
    const allowed = words ? `one of ${words.join(", ")}` : `a ${kind}`;
    if (!fits) throw new Error(`${name} must be ${allowed}, got ${shown(value)}.`);
    fields[name] = value;
  }
  return fields;
}

const shown = (/** @type {unknown} */ value) => String(JSON.stringify(value)).slice(0, 40);

function requireWhole(/** @type {string} */ name, /** @type {unknown} */ value) {
  if (!(Number.isInteger(value) && /** @type {number} */ (value) >= 1 && /** @type {number} */ (value) < 2 ** 31)) {
    throw new Error(`${name} must be a whole number >= 1, got ${shown(value)}.`);
  }
}

function requirePositive(/** @type {string} */ name, /** @type {unknown} */ value) {
  if (!(typeof value === "number" && value > 0 && isFinite(value))) {
    throw new Error(`${name} must be a positive number, got ${shown(value)}.`);
  }
}

/**
 * List the parameters of a model, in the order of the torch model's state.
 *
 * Rows in memory are as long as the next multiple of 8, and so are heads; what lies between is 0 and stays 0. A linear
 * map lies transposed, so that it can be multiplied from the right.
 * @param {Config} config  checked
 * @returns {Parameter[]}
 */
export function listParameters(config) {
  const { d_model: C, d_ff: F, d_head: D, n_head: H, n_kv_head: G, vocab_size: V, moe } = config;
  /** @type {Parameter[]} */
  const list = [];
  const inHeads = (/** @type {number} */ i) => Math.floor(i / D) * padded(D) + (i % D);
  const plain = (/** @type {number} */ i) => i;

  const vector = (
    /** @type {string} */ name,
    /** @type {number} */ n,
    place = plain,
    /** @type {Parameter["kind"]} */ kind = "vector",
  ) => {
    const stride = padded(place(n - 1) + 1);
    list.push({ name, shape: [n], kind, rows: 1, columns: stride, stride, count: 1, size: stride, offset: 0, place });
  };
  const table = (/** @type {string} */ name, /** @type {number} */ n) => {
    const stride = padded(C);
    const place = (/** @type {number} */ i) => Math.floor(i / C) * stride + (i % C);
    const size = padded(n) * stride;
    list.push({
      name,
      shape: [n, C],
      kind: "embedding",
      rows: n,
      columns: C,
      stride,
      count: 1,
      size,
      offset: 0,
      place,
    });
  };
  const linear = (
    /** @type {string} */ name,
    /** @type {number} */ outputs,
    /** @type {number} */ inputs,
    /** @type {boolean} */ bias,
    { placeOut = plain, placeIn = plain, experts = 0 } = {},
  ) => {
    const stride = padded(placeOut(outputs - 1) + 1);
    const rows = placeIn(inputs - 1) + 1;
    const one = padded(rows) * stride;
    const count = experts || 1;
    const place = (/** @type {number} */ index) => {
      const out = Math.floor(index / inputs);
      return Math.floor(out / outputs) * one + placeIn(index % inputs) * stride + placeOut(out % outputs);
    };
    const shape = experts ? [experts, outputs, inputs] : [outputs, inputs];
    list.push({
      name: `${name}.weight`, shape, kind: "matrix", rows, columns: stride, stride, count, size: one * count, offset: 0,
      place,
    }); // prettier-ignore
    if (!bias) return;
    if (!experts) return vector(`${name}.bias`, outputs, placeOut);
    list.push({
      name: `${name}.bias`, shape: [experts, outputs], kind: "vector", rows: experts, columns: stride, stride, count: 1,
      size: experts * stride, offset: 0, place: (i) => Math.floor(i / outputs) * stride + (i % outputs),
    }); // prettier-ignore
  };
  const norm = (/** @type {string} */ name, /** @type {number} */ n) => {
    vector(`${name}.weight`, n);
    if (config.norm === "layernorm") vector(`${name}.bias`, n);
  };
  const feedForward = (/** @type {string} */ name, /** @type {number} */ width, experts = 0) => {
    linear(`${name}.up`, width, C, config.bias, { experts });
    if (config.activation === "swiglu") linear(`${name}.gate`, width, C, config.bias, { experts });
    linear(`${name}.down`, C, width, config.bias, { experts });
  };

  table("token.weight", V);
  if (config.position === "learned") table("position.table.weight", config.block_size);
  for (let layer = 0; layer < config.n_layer; layer++) {
    const block = `blocks.${layer}`;
    norm(`${block}.norm_attention`, C);
    linear(`${block}.attention.query`, H * D, C, config.qkv_bias, { placeOut: inHeads });
    linear(`${block}.attention.key`, G * D, C, config.qkv_bias, { placeOut: inHeads });
    linear(`${block}.attention.value`, G * D, C, config.qkv_bias, { placeOut: inHeads });
    if (config.qk_norm) {
      norm(`${block}.attention.query_norm`, D);
      norm(`${block}.attention.key_norm`, D);
    }
    linear(`${block}.attention.output`, C, H * D, config.bias, { placeIn: inHeads });
    norm(`${block}.norm_feed_forward`, C);
    const inside = `${block}.feed_forward`;
    if (moe === null) {
      feedForward(inside, F);
      continue;
    }
    linear(`${inside}.router`, moe.n_expert, C, false);
    if (moe.balance === "bias") vector(`${inside}.router.selection_bias`, moe.n_expert, plain, "buffer");
    feedForward(`${inside}.experts`, F, moe.n_expert);
    if (moe.n_shared) feedForward(`${inside}.shared`, moe.n_shared * F);
  }
  if (config.final_norm) norm("norm", C);
  if (!config.tied_head) linear("head", V, C, config.bias);
  return list;
}

/** The number of numbers in a shape. */
export const countOf = (/** @type {number[]} */ shape) => shape.reduce((product, n) => product * n, 1);
