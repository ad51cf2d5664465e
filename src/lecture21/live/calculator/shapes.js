// The sizes of a transformer as far as its costs depend on them: the same as lecture21.accounting.shapes.
// Fields keep their names in Python; those that are left out have the defaults of the Python classes.

const CONFIG = {
  vocab_size: 65,
  block_size: 32,
  n_layer: 4,
  n_head: 4,
  d_model: 64,
  n_kv_head: null,
  d_head: null,
  d_ff: null,
  activation: "relu",
  norm: "layernorm",
  final_norm: true,
  position: "learned",
  window: null,
  qk_norm: false,
  qkv_bias: false,
  bias: true,
  tied_head: false,
  logit_cap: null,
  moe: null,
};
const MOE = { n_expert: 8, top_k: 2, n_shared: 0, softmax: "before", renormalize: null };
const GROUPED = { qkv_bias: false, bias: false, qk_norm: false, sinks: false, window: null, window_every: 1 };
const SHAPE = {
  n_expert: 0,
  top_k: 0,
  d_expert: null,
  n_shared: 0,
  d_ff: null,
  first_dense: 0,
  sparse_every: 1,
  gated: true,
  gated_dense: null,
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
 * Return the configuration of a GPT with all fields, sizes that were left out derived: D = C / H, d_ff = 4 C.
 * @param {any} fields  of `GPTConfig`
 */
export function configOf(fields) {
  const config = { ...CONFIG, ...fields };
  config.d_head ??= config.d_model / config.n_head;
  config.n_kv_head ??= config.n_head;
  config.d_ff ??= 4 * config.d_model;
  if (config.moe) config.moe = { ...MOE, ...config.moe };
  return config;
}

/**
 * Return the shape of a model: of a GPT's configuration, or of a published model's sizes.
 * @param {{config?: any, shape?: any}} model
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

/** Whether keys and values are projected from a latent vector (DeepSeek). */
export function isLatent(attention) {
  return "kv_rank" in attention;
}

function complete(sizes) {
  const shape = { ...SHAPE, ...sizes };
  shape.gated_dense ??= shape.gated;
  const { n_layer, n_encoder_layer, n_expert } = shape;
  const sparse = (layers) => Math.floor(Math.max(layers - shape.first_dense, 0) / shape.sparse_every);
  shape.n_sparse = n_expert ? sparse(n_layer) + sparse(n_encoder_layer) : 0;
  shape.n_dense = n_layer + n_encoder_layer - shape.n_sparse;
  shape.n_cross = n_encoder_layer ? n_layer : 0;
  shape.n_attention = n_layer + n_encoder_layer + shape.n_cross;
  const matrices = shape.gated ? 3 : 2;
  shape.expert_weights = shape.n_sparse ? matrices * shape.d_model * shape.d_expert : 0;
  const biases = (matrices - 1) * shape.d_expert + shape.d_model;
  shape.expert_biases = shape.n_sparse && shape.bias ? biases : 0;
  shape.attention = isLatent(shape.attention) ? latent(shape) : grouped(shape);
  return shape;
}

/** Grouped-query attention; multi-head attention where n_kv_head equals n_head. */
function grouped({ attention, d_model }) {
  const full = { ...GROUPED, ...attention };
  const { n_head, n_kv_head, d_head } = full;
  const biases = full.qkv_bias * (n_head + 2 * n_kv_head) * d_head + full.bias * d_model + full.sinks * n_head;
  return {
    ...full,
    weights: 2 * d_model * (n_head + n_kv_head) * d_head,
    biases,
    norm_width: full.qk_norm ? 2 * d_head : 0,
    flops_per_key: 4 * n_head * d_head,
    cached: 2 * n_kv_head * d_head,
  };
}

/** Multi-head latent attention: the keys and values of all heads are projected from one cached vector. */
function latent({ attention, d_model }) {
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
