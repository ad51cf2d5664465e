// The forward pass: embedding, blocks, head. Names as in lecture21's GPT.

import { mixExperts } from "./experts.js";
import { padded } from "./config.js";
import { applyFeedForward, applyLinear } from "./linear.js";
import { matrix, transposed } from "./memory.js";
import { normalize, rotate, softmax } from "./pointwise.js";

/**
 * @typedef {import("./network.js").Network} Network
 * @typedef {import("./network.js").Workspace} Workspace
 */

/**
 * The whole forward pass up to the residual stream, for rows of equal length.
 * @param {Network} network
 * @param {Workspace} w  `w.start` positions are already there, if the batch is 1
 * @param {ArrayLike<number>} ids  batch x length
 * @param {number} batch
 * @param {ReadonlySet<string>} [removed]  sub-layers to leave out, such as "2.attention" and "0.feed_forward"
 */
export function forward(network, w, ids, batch, removed) {
  embed(network, w, ids, batch);
  for (let layer = 0; layer < network.layers.length; layer++)
    forwardLayer(network, w, layer, ids.length, batch, removed);
}

/**
 * stream[0]: the vectors of tokens and positions.
 * @param {Network} network
 * @param {Workspace} w
 * @param {ArrayLike<number>} ids
 * @param {number} batch
 */
export function embed({ memory, config, width, token, position, fixed }, w, ids, batch) {
  const f = memory.floats;
  const C = config.d_model;
  const T = ids.length / batch;
  for (let row = 0; row < ids.length; row++) {
    const to = w.stream[0] + row * width;
    const place = w.start + (row % T);
    f.copyWithin(to, token + ids[row] * width, token + ids[row] * width + C);
    if (position) for (let i = 0; i < C; i++) f[to + i] += f[position + place * width + i];
    if (fixed.length) for (let i = 0; i < C; i++) f[to + i] += fixed[place * C + i];
  }
}

/**
 * One block: attention and feed-forward layer, each with its norm and its residual connection.
 * @param {Network} network
 * @param {Workspace} w
 * @param {number} layer
 * @param {number} rows
 * @param {number} batch
 * @param {ReadonlySet<string>} [removed]
 */
export function forwardLayer(network, w, layer, rows, batch, removed) {
  const { normAttention, normFeedForward } = network.layers[layer];
  subLayer(network, w, 2 * layer, normAttention, rows, removed?.has(`${layer}.attention`), (x, y) =>
    attend(network, w, layer, x, y, rows, batch),
  );
  subLayer(network, w, 2 * layer + 1, normFeedForward, rows, removed?.has(`${layer}.feed_forward`), (x, y) =>
    feedForward(network, w, layer, x, y, rows, batch),
  );
}

/**
 * Pre-norm: stream + f(norm(stream)); post-norm: norm(stream + f(stream)).
 * @param {Network} network
 * @param {Workspace} w
 * @param {number} index  from 0 to 2 L - 1
 * @param {import("./pointwise.js").Norm} norm
 * @param {number} rows
 * @param {boolean | undefined} removed
 * @param {(x: number, y: number) => void} add  adds f(x) to y
 */
function subLayer({ memory, config, width }, w, index, norm, rows, removed, add) {
  const [x, next] = [w.stream[index], w.stream[index + 1]];
  const pre = config.norm_position === "pre";
  const sum = pre ? next : w.sums[index];
  if (pre) normalize(memory.floats, norm, x, w.normed[index], rows, width);
  memory.floats.copyWithin(sum, x, x + rows * width);
  if (!removed) add(pre ? w.normed[index] : x, sum);
  if (!pre) normalize(memory.floats, norm, sum, next, rows, width);
}

/**
 * Add the output of multi-head attention to y.
 * @param {Network} network
 * @param {Workspace} w
 * @param {number} layer
 * @param {number} x
 * @param {number} y
 * @param {number} rows
 * @param {number} batch
 */
function attend(network, w, layer, x, y, rows, batch) {
  const { memory, config, width, head } = network;
  const { query, key, value, queryNorm, keyNorm, output } = network.layers[layer];
  const { n_head: H, n_kv_head: G, d_head: D, causal, window } = config;
  const f = memory.floats;
  const T = rows / batch;
  const S = w.start + T;
  const kept = w.start * head.keys; // rows of keys and values that are already there
  const [q, k, v] = [w.queries[layer], w.keys[layer], w.values[layer]];
  const rawKeys = keyNorm ? w.rawKeys[layer] : k + kept;
  applyLinear(network, query, x, width, w.rawQueries[layer], rows);
  applyLinear(network, key, x, width, rawKeys, rows);
  applyLinear(network, value, x, width, v + kept, rows);
  if (queryNorm) normalize(f, queryNorm, w.rawQueries[layer], q, rows * H, head.width);
  if (keyNorm) normalize(f, keyNorm, rawKeys, k + kept, rows * G, head.width);
  if (config.position === "rotary") {
    const place = (/** @type {number} */ row) => w.start + (row % T);
    rotate(f, q, rows, head.queries, H, head.width, D / 2, network.angles, place, 1);
    rotate(f, k + kept, rows, head.keys, G, head.width, D / 2, network.angles, place, 1);
  }
  const scale = 1 / Math.sqrt(D);
  const most = Math.min(T, w.queriesAtOnce);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < H; h++) {
      const group = Math.floor((h * G) / H) * head.width;
      for (let t0 = 0; t0 < T; t0 += most) {
        const count = Math.min(most, T - t0);
        // What is kept has the weights of all S keys; a lean pass computes those that one of these queries may see.
        const first = w.lean && window ? Math.max(w.start + t0 + 1 - window, 0) : 0;
        const keyCount = (w.lean && causal ? w.start + t0 + count : S) - first;
        const stride = padded(keyCount);
        const from = (b * T + t0) * head.queries + h * head.width;
        const keys = k + (b * T + first) * head.keys + group;
        const values = v + (b * T + first) * head.keys + group;
        const weights = w.weights[layer] + (w.lean ? 0 : (b * H + h) * T * stride);
        const scores = matrix(weights, stride);
        memory.multiply([count, D, keyCount], matrix(q + from, head.queries), transposed(keys, head.keys), scores);
        for (let t = 0; t < count; t++) {
          const row = weights + t * stride;
          const end = (causal ? w.start + t0 + t + 1 : S) - first;
          const begin = window ? Math.max(end - window, 0) : 0;
          softmax(f, row + begin, end - begin, scale);
          f.fill(0, row, row + begin);
          f.fill(0, row + end, row + stride);
        }
        const mixed = matrix(w.mixed[layer] + from, head.queries);
        memory.multiply([count, keyCount, head.width], scores, matrix(values, head.keys), mixed);
      }
    }
  }
  applyLinear(network, output, w.mixed[layer], head.queries, y, rows, true);
}

/**
 * Add the output of the feed-forward layer, or of the sparse layer in its place, to y.
 * @param {Network} network
 * @param {Workspace} w
 * @param {number} layer
 * @param {number} x
 * @param {number} y
 * @param {number} rows
 * @param {number} batch
 */
function feedForward(network, w, layer, x, y, rows, batch) {
  const dense = network.layers[layer].feedForward;
  if (!dense) return mixExperts(network, w, layer, x, y, rows, batch);
  applyFeedForward(network, dense, x, w.hidden[layer], w.gate[layer], w.active[layer], y, rows, true);
}

/**
 * The logits of some rows of the residual stream.
 * @param {Network} network
 * @param {Workspace} w
 * @param {number} x  offset of the first row in the stream
 * @param {number} rows
 * @param {number} [logits]  where they are written
 */
export function applyHead(network, w, x, rows, logits = w.logits) {
  const { memory, config, width, vocabulary, norm, output, token } = network;
  let hidden = x;
  if (norm) {
    hidden = /** @type {number} */ (w.normed.at(-1));
    normalize(memory.floats, norm, x, hidden, rows, width);
  }
  if (output) applyLinear(network, output, hidden, width, logits, rows);
  else {
    const sizes = [rows, config.d_model, vocabulary];
    memory.multiply(sizes, matrix(hidden, width), transposed(token, width), matrix(logits, vocabulary));
  }
  const cap = config.logit_cap;
  if (cap === null) return;
  const f = memory.floats;
  for (let i = logits; i < logits + rows * vocabulary; i++) f[i] = cap * Math.tanh(f[i] / cap);
}
