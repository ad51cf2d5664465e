// The gradient of the mean cross-entropy in all parameters: the forward pass, read backwards. For the models that the
// page trains: dense, with pre-norm, and with an output layer of their own.

import { padded } from "./config.js";
import { linearBackward } from "./linear.js";
import { matrix, transposed } from "./memory.js";
import { activateBackward, normalizeBackward, rotate, softmax } from "./pointwise.js";

/**
 * @typedef {import("./network.js").Network} Network
 * @typedef {import("./network.js").Workspace} Workspace
 */

/** Room for the gradients of a batch, as offsets; those of parameters lie `toGradient` of the network behind them. */
export class Gradients {
  /**
   * @param {Network} network
   * @param {Workspace} w
   */
  constructor(network, w) {
    const { memory, width, head, config } = network;
    const N = w.batch * w.length;
    network.toGradient ||= memory.allocate(network.size) - network.first;
    this.stream = memory.allocate(N * width);
    this.inner = memory.allocate(N * width); // in the input of a sub-layer
    this.queries = memory.allocate(N * head.queries);
    this.keys = memory.allocate(N * head.keys);
    this.values = memory.allocate(N * head.keys);
    this.mixed = memory.allocate(N * head.queries);
    this.weights = memory.allocate(w.length * padded(w.length));
    this.hidden = memory.allocate(N * padded(config.d_ff));
  }

  /** Set the gradients of all parameters to 0. */
  clear(/** @type {Network} */ { memory, first, toGradient, size }) {
    memory.floats.fill(0, first + toGradient, first + toGradient + size);
  }
}

/**
 * The cross-entropy of the targets, their sum divided by `count`; the logits become its gradient, in place.
 * @param {Network} network
 * @param {Workspace} w
 * @param {ArrayLike<number>} targets
 * @param {number} count  of targets in the batch, of which these may be a part
 * @returns {number}
 */
export function crossEntropy({ memory, config, vocabulary }, w, targets, count) {
  const f = memory.floats;
  const { vocab_size: V, logit_cap: cap } = config;
  const rows = targets.length;
  const logits = new Float32Array(V);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const at = w.logits + row * vocabulary;
    logits.set(f.subarray(at, at + V));
    loss += softmax(f, at, V) - logits[targets[row]];
    f[at + targets[row]] -= 1;
    for (let i = 0; i < V; i++) f[at + i] /= count;
    if (cap !== null) for (let i = 0; i < V; i++) f[at + i] *= 1 - (logits[i] / cap) ** 2;
  }
  return loss / count;
}

/**
 * From the gradient of the logits to that of the last residual stream.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {number} rows
 */
export function headBackward(network, w, g, rows) {
  const { memory, width, toGradient } = network;
  const norm = /** @type {import("./pointwise.js").Norm} */ (network.norm);
  const output = /** @type {import("./network.js").Linear} */ (network.output);
  const last = /** @type {number} */ (w.stream.at(-1));
  const normed = /** @type {number} */ (w.normed.at(-1));
  linearBackward(network, output, normed, width, w.logits, g.stream, width, rows, false);
  normalizeBackward(memory.floats, norm, last, g.stream, g.stream, rows, width, toGradient, false);
}

/**
 * Through one block.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {number} layer
 * @param {number} rows
 * @param {number} batch
 */
export function layerBackward(network, w, g, layer, rows, batch) {
  const { normAttention, normFeedForward } = network.layers[layer];
  subLayerBackward(network, w, g, 2 * layer + 1, normFeedForward, rows, (x) =>
    feedForwardBackward(network, w, g, layer, x, rows),
  );
  subLayerBackward(network, w, g, 2 * layer, normAttention, rows, (x) =>
    attentionBackward(network, w, g, layer, x, rows, batch),
  );
}

/**
 * `g.stream` is the gradient of the stream after the sub-layer, and becomes that of the stream before it.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {number} index
 * @param {import("./pointwise.js").Norm} norm
 * @param {number} rows
 * @param {(x: number) => void} back  from `g.stream` to `g.inner`, for the input at x
 */
function subLayerBackward({ memory, width, toGradient }, w, g, index, norm, rows, back) {
  back(w.normed[index]);
  normalizeBackward(memory.floats, norm, w.stream[index], g.inner, g.stream, rows, width, toGradient, true);
}

/**
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {number} layer
 * @param {number} x
 * @param {number} rows
 */
function feedForwardBackward(network, w, g, layer, x, rows) {
  const { memory, width, config } = network;
  const { up, down } = /** @type {import("./network.js").FeedForward} */ (network.layers[layer].feedForward);
  const F = up.outputs;
  linearBackward(network, down, w.active[layer], F, g.stream, g.hidden, F, rows, false);
  activateBackward(memory, config.activation, w.hidden[layer], g.hidden, rows * F);
  linearBackward(network, up, x, width, g.hidden, g.inner, width, rows, false);
}

/**
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {number} layer
 * @param {number} x
 * @param {number} rows
 * @param {number} batch
 */
function attentionBackward(network, w, g, layer, x, rows, batch) {
  const { memory, config, width, head, toGradient } = network;
  const { query, key, value, queryNorm, keyNorm, output } = network.layers[layer];
  const { n_head: H, n_kv_head: G, d_head: D } = config;
  const f = memory.floats;
  const T = rows / batch;
  linearBackward(network, output, w.mixed[layer], head.queries, g.stream, g.mixed, head.queries, rows, false);
  f.fill(0, g.keys, g.keys + rows * head.keys);
  f.fill(0, g.values, g.values + rows * head.keys);
  const stride = padded(T);
  const scale = 1 / Math.sqrt(D);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < H; h++) {
      const from = b * T * head.queries + h * head.width;
      const to = b * T * head.keys + Math.floor((h * G) / H) * head.width;
      const weights = w.weights[layer] + (b * H + h) * T * stride;
      const values = w.values[layer] + to;
      // The weights' gradient, then that of the scores before the softmax, in its place.
      const mixed = matrix(g.mixed + from, head.queries);
      memory.multiply([T, D, T], mixed, transposed(values, head.keys), matrix(g.weights, stride));
      memory.multiply([T, T, head.width], transposed(weights, stride), mixed, matrix(g.values + to, head.keys), true);
      for (let t = 0; t < T; t++) {
        const p = weights + t * stride;
        const d = g.weights + t * stride;
        let mean = 0;
        for (let s = 0; s < T; s++) mean += f[p + s] * f[d + s];
        for (let s = 0; s < T; s++) f[d + s] = f[p + s] * (f[d + s] - mean) * scale;
      }
      const scores = matrix(g.weights, stride);
      const [q, k] = [matrix(w.queries[layer] + from, head.queries), matrix(w.keys[layer] + to, head.keys)];
      memory.multiply([T, T, head.width], scores, k, matrix(g.queries + from, head.queries));
      memory.multiply([T, T, head.width], transposed(g.weights, stride), q, matrix(g.keys + to, head.keys), true);
    }
  }
  if (config.position === "rotary") {
    const place = (/** @type {number} */ row) => row % T;
    rotate(f, g.queries, rows, head.queries, H, head.width, D / 2, network.angles, place, -1);
    rotate(f, g.keys, rows, head.keys, G, head.width, D / 2, network.angles, place, -1);
  }
  const heads = (/** @type {number} */ n) => rows * n;
  if (queryNorm) {
    const raw = w.rawQueries[layer];
    normalizeBackward(f, queryNorm, raw, g.queries, g.queries, heads(H), head.width, toGradient, false);
  }
  if (keyNorm) {
    const raw = w.rawKeys[layer];
    normalizeBackward(f, keyNorm, raw, g.keys, g.keys, heads(G), head.width, toGradient, false);
  }
  linearBackward(network, query, x, width, g.queries, g.inner, width, rows, false);
  linearBackward(network, key, x, width, g.keys, g.inner, width, rows, true);
  linearBackward(network, value, x, width, g.values, g.inner, width, rows, true);
}

/**
 * To the tables of tokens and positions.
 * @param {Network} network
 * @param {Gradients} g
 * @param {ArrayLike<number>} ids
 * @param {number} batch
 */
export function embedBackward({ memory, config, width, token, position, toGradient }, g, ids, batch) {
  const f = memory.floats;
  const C = config.d_model;
  const T = ids.length / batch;
  for (let row = 0; row < ids.length; row++) {
    const from = g.stream + row * width;
    const to = token + toGradient + ids[row] * width;
    for (let i = 0; i < C; i++) f[to + i] += f[from + i];
    if (!position) continue;
    const place = position + toGradient + (row % T) * width;
    for (let i = 0; i < C; i++) f[place + i] += f[from + i];
  }
}
