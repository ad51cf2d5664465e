// The sizes of a transformer as far as its costs depend on them: the same as lecture21.accounting.shapes.
// Fields keep their names in Python; those that are left out have the defaults of the Python classes.

/** @typedef {number | null} Optional */

const CONFIG = {
  vocab_size: 65,
  block_size: 32,
  n_layer: 4,
  n_head: 4,
  d_model: 64,
  n_kv_head: /** @type {Optional} */ (null),
  d_head: /** @type {Optional} */ (null),
  d_ff: /** @type {Optional} */ (null),
  activation: "relu",
  norm: "layernorm",
  final_norm: true,
  position: "learned",
  window: /** @type {Optional} */ (null),
  qk_norm: false,
  qkv_bias: false,
  bias: true,
  tied_head: false,
  logit_cap: /** @type {Optional} */ (null),
  moe: /** @type {Partial<MoE> | null} */ (null),
};
/** @typedef {{n_expert: number, top_k: number, n_shared: number, softmax: string, renormalize: boolean | null}} MoE */
/** @type {MoE} */
const MOE = { n_expert: 8, top_k: 2, n_shared: 0, softmax: "before", renormalize: null };
const GROUPED = {
  qkv_bias: false,
  bias: false,
  qk_norm: false,
  sinks: false,
  window: /** @type {Optional} */ (null),
  window_every: 1,
};
const SHAPE = {
  n_expert: 0,
  top_k: 0,
  d_expert: /** @type {Optional} */ (null),
  n_shared: 0,
  d_ff: /** @type {Optional} */ (null),
  first_dense: 0,
  sparse_every: 1,
  gated: true,
  gated_dense: /** @type {boolean | null} */ (null),
  bias: false,
  router_bias: false,
  layernorm: false,
  final_norm: true,
  positions: 0,
  relative_buckets: 0,
  tied_head: false,
  head_bias: false,
  n_encoder_layer: 0,
};

/**
 * @typedef {Partial<typeof CONFIG>} Fields  of `GPTConfig`
 * @typedef {ReturnType<typeof configOf>} Config
 * @typedef {{n_head: number, n_kv_head: number, d_head: number} & Partial<typeof GROUPED>} Grouped
 * @typedef {{n_head: number, q_rank: number, kv_rank: number, d_plain: number, d_rotary: number, d_value: number}} Latent
 * @typedef {{vocab_size: number, d_model: number, n_layer: number, attention: Grouped | Latent} & Partial<typeof SHAPE>} Sizes
 * @typedef {ReturnType<typeof complete>} Shape
 * @typedef {{config: Fields, shape?: undefined} | {config?: undefined, shape: Sizes}} Model  a GPT, or a published model
 */

/**
 * Return the configuration of a GPT with all fields, sizes that were left out derived: D = C / H, d_ff = 4 C.
 * @param {Fields} fields
 */
export function configOf(fields) {
  const given = { ...CONFIG, ...fields };
  return {
    ...given,
    d_head: given.d_head ?? given.d_model / given.n_head,
    n_kv_head: given.n_kv_head ?? given.n_head,
    d_ff: given.d_ff ?? 4 * given.d_model,
    moe: given.moe && { ...MOE, ...given.moe },
  };
}

/**
 * Return the shape of a model: of a GPT's configuration, or of a published model's sizes.
 * @param {Model} model
 * @returns {Shape}
 */
export function shapeOf({ config: fields, shape: sizes }) {
  if (!fields) return complete(sizes);
  const config = configOf(fields);
  const { moe } = config;
  return complete({
    vocab_size: config.vocab_size,
    d_model: config.d_model,
    n_layer: config.n_layer,
    attention: {
      n_head: config.n_head,
      n_kv_head: config.n_kv_head,
      d_head: config.d_head,
      qkv_bias: config.qkv_bias,
      bias: config.bias,
      qk_norm: config.qk_norm,
      window: config.window,
    },
    n_expert: moe ? moe.n_expert : 0,
    top_k: moe ? moe.top_k : 0,
    n_shared: moe ? moe.n_shared : 0,
    d_expert: moe ? config.d_ff : null,
    d_ff: config.d_ff,
    gated: config.activation === "swiglu",
    bias: config.bias,
    layernorm: config.norm === "layernorm",
    final_norm: config.final_norm,
    positions: config.position === "learned" ? config.block_size : 0,
    tied_head: config.tied_head,
    head_bias: config.bias && !config.tied_head,
  });
}

/**
 * Whether keys and values are projected from a latent vector (DeepSeek).
 * @param {Grouped | Latent} attention
 * @returns {attention is Latent}
 */
export function isLatent(attention) {
  return "kv_rank" in attention;
}

function complete(/** @type {Sizes} */ sizes) {
  const given = { ...SHAPE, ...sizes };
  const { n_layer, n_encoder_layer, n_expert, d_model, attention } = given;
  const sparse = (/** @type {number} */ layers) =>
    Math.floor(Math.max(layers - given.first_dense, 0) / given.sparse_every);
  const n_sparse = n_expert ? sparse(n_layer) + sparse(n_encoder_layer) : 0;
  const n_cross = n_encoder_layer ? n_layer : 0;
  const hidden = n_sparse ? (given.d_expert ?? 0) : 0;
  const matrices = given.gated ? 3 : 2;
  return {
    ...given,
    gated_dense: given.gated_dense ?? given.gated,
    n_sparse,
    n_dense: n_layer + n_encoder_layer - n_sparse,
    n_cross,
    n_attention: n_layer + n_encoder_layer + n_cross,
    expert_weights: matrices * d_model * hidden,
    expert_biases: n_sparse && given.bias ? (matrices - 1) * hidden + d_model : 0,
    attention: isLatent(attention) ? latent(attention, d_model) : grouped(attention, d_model),
  };
}

/** Grouped-query attention; multi-head attention where n_kv_head equals n_head. */
function grouped(/** @type {Grouped} */ attention, /** @type {number} */ d_model) {
  const full = { ...GROUPED, ...attention };
  const { n_head, n_kv_head, d_head } = full;
  const perHead = Number(full.qkv_bias) * (n_head + 2 * n_kv_head) * d_head + Number(full.sinks) * n_head;
  return {
    ...full,
    weights: 2 * d_model * (n_head + n_kv_head) * d_head,
    biases: perHead + Number(full.bias) * d_model,
    norm_width: full.qk_norm ? 2 * d_head : 0,
    flops_per_key: 4 * n_head * d_head,
    cached: 2 * n_kv_head * d_head,
  };
}

/** Multi-head latent attention: the keys and values of all heads are projected from one cached vector. */
function latent(/** @type {Latent} */ attention, /** @type {number} */ d_model) {
  const { n_head, q_rank, kv_rank, d_plain, d_rotary, d_value } = attention;
  const queries = (d_model + n_head * (d_plain + d_rotary)) * q_rank;
  const down = d_model * (kv_rank + d_rotary);
  const up = kv_rank * n_head * (d_plain + d_value);
  return {
    ...attention,
    window: null,
    window_every: 1,
    weights: queries + down + up + n_head * d_value * d_model,
    biases: 0,
    norm_width: q_rank + kv_rank,
    flops_per_key: 2 * n_head * (d_plain + d_rotary + d_value),
    cached: kv_rank + d_rotary,
  };
}
