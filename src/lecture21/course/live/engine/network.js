// A GPT's weights in memory, and room for what is computed with them.

import { listParameters, padded } from "./config.js";
import { Arena } from "./memory.js";

/**
 * @typedef {import("./config.js").Config} Config
 * @typedef {import("./pointwise.js").Norm} Norm
 * @typedef {object} Linear  a linear map: y = x W + bias
 * @property {number} weight  offset of W, transposed with respect to torch's: a row for each input
 * @property {number} bias    offset; 0: there is none
 * @property {number} inputs
 * @property {number} outputs  with padding; also the stride of W
 * @typedef {{ up: Linear, gate: Linear | null, down: Linear }} FeedForward
 * @typedef {object} Layer
 * @property {Norm} normAttention
 * @property {Linear} query
 * @property {Linear} key
 * @property {Linear} value
 * @property {Norm | null} queryNorm
 * @property {Norm | null} keyNorm
 * @property {Linear} output
 * @property {Norm} normFeedForward
 * @property {FeedForward | null} feedForward  null in a sparse layer, which has:
 * @property {Linear | null} router
 * @property {number} selectionBias  offset; 0: there is none
 * @property {FeedForward[]} experts
 * @property {FeedForward | null} shared
 */

export class Network {
  /**
   * @param {Config} config  checked
   * @param {import("./memory.js").Memory} memory
   */
  constructor(config, memory) {
    const c = (this.config = config);
    this.memory = new Arena(memory);
    this.parameters = listParameters(config);
    /** @type {Map<string, import("./config.js").Parameter>} */
    this.byName = new Map();
    /** Floats of all parameters, which lie one after the other. */
    this.size = this.parameters.reduce((sum, { size }) => sum + size, 0);
    let offset = (this.first = this.memory.allocate(this.size));
    for (const parameter of this.parameters) {
      parameter.offset = offset;
      offset += parameter.size;
      this.byName.set(parameter.name, parameter);
    }
    /** From the offset of a parameter to that of its gradient; 0 before the first backward pass. */
    this.toGradient = 0;
    this.memory.prepare(Math.max(padded(c.vocab_size), padded(c.d_model), padded(c.d_ff), c.n_head * padded(c.d_head)));

    this.width = padded(c.d_model);
    this.vocabulary = padded(c.vocab_size);
    this.head = { width: padded(c.d_head), queries: c.n_head * padded(c.d_head), keys: c.n_kv_head * padded(c.d_head) };
    this.token = this.offset("token.weight");
    this.position = this.offset("position.table.weight");
    this.fixed = new Float32Array(0); // sinusoidal positions
    this.angles = new Float64Array(0); // of rotary positions
    this.norm = c.final_norm ? this.findNorm("norm", c.d_model) : null;
    this.output = c.tied_head ? null : this.findLinear("head");
    this.layers = Array.from({ length: c.n_layer }, (_, layer) => this.findLayer(`blocks.${layer}`));
  }

  /** The offset of a parameter; 0 if there is none of this name. */
  offset(/** @type {string} */ name) {
    return this.byName.get(name)?.offset ?? 0;
  }

  /** @returns {Norm} */
  findNorm(/** @type {string} */ name, /** @type {number} */ width) {
    const { norm, norm_eps: eps } = this.config;
    return {
      centered: norm === "layernorm",
      width,
      eps,
      gain: this.offset(`${name}.weight`),
      bias: this.offset(`${name}.bias`),
    };
  }

  /** @returns {Linear} */
  findLinear(/** @type {string} */ name, expert = 0) {
    const weight = /** @type {import("./config.js").Parameter} */ (this.byName.get(`${name}.weight`));
    const { offset, size, count, rows, stride } = weight;
    const bias = this.offset(`${name}.bias`);
    return {
      weight: offset + (expert * size) / count,
      bias: bias && bias + expert * stride,
      inputs: rows,
      outputs: stride,
    };
  }

  /** @returns {FeedForward} */
  findFeedForward(/** @type {string} */ name, expert = 0) {
    const gate = this.config.activation === "swiglu" ? this.findLinear(`${name}.gate`, expert) : null;
    return { up: this.findLinear(`${name}.up`, expert), gate, down: this.findLinear(`${name}.down`, expert) };
  }

  /** @returns {Layer} */
  findLayer(/** @type {string} */ name) {
    const { d_model: C, d_head: D, qk_norm: normed, moe } = this.config;
    const inside = `${name}.feed_forward`;
    return {
      normAttention: this.findNorm(`${name}.norm_attention`, C),
      query: this.findLinear(`${name}.attention.query`),
      key: this.findLinear(`${name}.attention.key`),
      value: this.findLinear(`${name}.attention.value`),
      queryNorm: normed ? this.findNorm(`${name}.attention.query_norm`, D) : null,
      keyNorm: normed ? this.findNorm(`${name}.attention.key_norm`, D) : null,
      output: this.findLinear(`${name}.attention.output`),
      normFeedForward: this.findNorm(`${name}.norm_feed_forward`, C),
      feedForward: moe ? null : this.findFeedForward(inside),
      router: moe ? this.findLinear(`${inside}.router`) : null,
      selectionBias: this.offset(`${inside}.router.selection_bias`),
      experts: Array.from({ length: moe?.n_expert ?? 0 }, (_, e) => this.findFeedForward(`${inside}.experts`, e)),
      shared: moe?.n_shared ? this.findFeedForward(`${inside}.shared`) : null,
    };
  }

  /** Compute the tables of fixed positions for contexts of at least `length` tokens. */
  preparePositions(/** @type {number} */ length) {
    const c = this.config;
    const half = c.d_head / 2;
    if (c.position === "rotary" && this.angles.length < 2 * half * length) {
      this.angles = new Float64Array(2 * half * length);
      for (let i = 0; i < half; i++) {
        const scaling =
          c.rotary_scaling === "ntk" ? c.rotary_factor ** (-i / Math.max(half - 1, 1)) : 1 / c.rotary_factor;
        const frequency = c.rotary_base ** (-i / half) * scaling;
        for (let t = 0; t < length; t++) {
          this.angles[t * 2 * half + i] = Math.cos(t * frequency);
          this.angles[t * 2 * half + half + i] = Math.sin(t * frequency);
        }
      }
    }
    if (c.position === "sinusoidal" && this.fixed.length < c.d_model * length) {
      this.fixed = new Float32Array(c.d_model * length);
      for (let i = 0; i < this.fixed.length; i++) {
        const pair = (i % c.d_model) >> 1;
        const angle = Math.floor(i / c.d_model) * 10000 ** ((-2 * pair) / c.d_model);
        this.fixed[i] = i % 2 ? Math.cos(angle) : Math.sin(angle);
      }
    }
  }
}

const QUERIES = 64; // that a lean workspace has room for the attention of
const LOGITS = 2 ** 19; // of them

/**
 * Room for one forward pass, as offsets. With N = batch x length rows, each as wide as its stride:
 *
 * stream[i]: the residual stream after the embedding (0) and each sub-layer (1 to 2 L); normed[i]: the input of the
 * sub-layers, and at 2 L of the head; sums[i]: with post-norm, the sums that the norms are applied to. For each layer
 * queries, keys and values of all heads (`raw`: before QK-norm), weights (head by head, length x length), mixed (the
 * outputs of the heads), hidden (of the feed-forward layer, before the activation; gate: its gate), active (after it).
 *
 * A lean workspace keeps nothing: all layers share the room of one, which then stays in the cache of the processor; heads
 * share the room for the weights of a few queries, and the head is applied to a few rows at a time.
 */
export class Workspace {
  /**
   * @param {Network} network
   * @param {number} batch
   * @param {number} length  longest context; with a batch of 1, keys and values of as many positions can be kept
   * @param {boolean} [lean]
   */
  constructor(network, batch, length, lean = false) {
    const { memory, config, width, vocabulary, head, layers } = network;
    this.batch = batch;
    this.length = length;
    this.lean = lean;
    this.start = 0; // position of the first row
    const N = batch * length;
    const k = config.moe ? config.moe.top_k : 1;
    const hidden = padded(config.d_ff);
    const shared = config.moe ? padded(config.d_ff * config.moe.n_shared) : 0;
    memory.prepare(Math.max(N * k, length));
    const blocks = (/** @type {number} */ count, /** @type {number} */ size) =>
      lean ? Array(count).fill(memory.allocate(size)) : Array.from({ length: count }, () => memory.allocate(size));
    const L = layers.length;
    this.stream = blocks(2 * L + 1, N * width);
    this.normed = blocks(2 * L + 1, N * width);
    this.sums = config.norm_position === "post" ? blocks(2 * L, N * width) : [];
    this.queries = blocks(L, N * head.queries);
    this.keys = blocks(L, N * head.keys);
    this.values = blocks(L, N * head.keys);
    this.rawQueries = config.qk_norm ? blocks(L, N * head.queries) : this.queries;
    this.rawKeys = config.qk_norm ? blocks(L, N * head.keys) : this.keys;
    /** Number of queries whose weights are computed at once. */
    this.queriesAtOnce = lean ? Math.min(length, QUERIES) : length;
    this.weights = blocks(L, (lean ? 1 : batch * config.n_head) * this.queriesAtOnce * padded(length));
    this.mixed = blocks(L, N * head.queries);
    this.hidden = blocks(L, N * (k * hidden + shared));
    this.active = blocks(L, N * (k * hidden + shared));
    this.gate = config.activation === "swiglu" ? blocks(L, N * (k * hidden + shared)) : this.hidden;
    // Of sparse layers: probabilities of the experts, and the rows that each expert reads and writes, in its order.
    this.probabilities = config.moe ? blocks(L, N * padded(config.moe.n_expert)) : [];
    this.read = config.moe ? blocks(L, N * k * width) : [];
    this.written = config.moe ? blocks(L, N * k * width) : [];
    /** @type {import("./experts.js").Routing[]} */
    this.routings = [];
    /** Where the tokens are sent, of `inspect`; otherwise null. @type {Int32Array | null} */
    this.routes = null;
    /** Number of rows whose logits there is room for. */
    this.rowsAtOnce = lean ? Math.min(N, Math.max(1, Math.floor(LOGITS / vocabulary))) : N;
    this.logits = memory.allocate(this.rowsAtOnce * vocabulary);
    network.preparePositions(length);
  }
}
