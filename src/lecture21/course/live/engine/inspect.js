// What a model computes for a given text: logits, attention, the residual stream, probabilities.

import { looksAhead } from "./config.js";
import { NOBODY } from "./experts.js";
import { applyHead, embed, forward, forwardLayer } from "./forward.js";
import { unpadded } from "./model.js";

/** @typedef {import("./model.js").Model} Model */

/**
 * One forward pass: the logits, and what else is asked for.
 * @param {Model} model
 * @param {ArrayLike<number>} ids
 * @param {{ attention?: boolean, residual?: boolean, router?: boolean, remove?: string[], routes?: ArrayLike<number> }} [options]
 *   routes: L x T, the expert that processes a token in place of the best, with its weight; E + n: the n-th after the
 *   best; -1: the best itself; -2: none
 */
export function inspect(model, ids, { attention, residual, router, remove = [], routes } = {}) {
  const { network, config } = model;
  const { block_size: most, n_layer: L, n_head: H, d_model: C, moe } = config;
  const checked = model.checkIds(ids, 1, most);
  checkParts(remove, L);
  if ((router || routes) && !moe) throw new Error("This model has no router: it is not sparse.");
  const T = checked.length;
  const sent = routes ? Int32Array.from(routes) : null;
  if (sent && !(sent.length === L * T && sent.every((to) => to >= NOBODY && to < 2 * (moe?.n_expert ?? 0))))
    throw new Error(`routes must be ${L} x ${T} numbers of experts.`);
  const w = model.takeWorkspace(T);
  w.start = 0;
  w.routes = sent;
  forward(network, w, checked, 1, new Set(remove));
  w.routes = null;
  applyHead(network, w, /** @type {number} */ (w.stream.at(-1)), T);
  const f = network.memory.floats;
  const rows = (/** @type {number} */ from, /** @type {number} */ count, /** @type {number} */ width) =>
    unpadded(f, from, count, width, Math.ceil(width / 8) * 8);
  /** @type {Record<string, Float32Array | Int32Array>} */
  const found = { logits: model.readLogits(w, T) };
  if (attention) found.attention = joined(w.weights.map((from) => rows(from, H * T, T)));
  if (residual) found.residual = joined(w.stream.map((from) => rows(from, T, C)));
  if (router && moe) {
    found.router = joined(w.probabilities.map((from) => rows(from, T, moe.n_expert)));
    found.experts = Int32Array.from(w.routings.flatMap(({ chosen }) => [...chosen]));
  }
  model.free.push(w);
  return found;
}

/** One array after the other. */
function joined(/** @type {Float32Array[]} */ arrays) {
  const out = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

/** Check the names of sub-layers. */
function checkParts(/** @type {string[]} */ names, /** @type {number} */ layers) {
  const wrong = names.find((name) => !/^\d+\.(attention|feed_forward)$/.test(name) || parseInt(name) >= layers);
  if (wrong === undefined) return;
  throw new Error(`There is no part ${wrong}: parts are called 0.attention to ${layers - 1}.feed_forward.`);
}

/**
 * What the head would predict from the residual stream after the embedding and after each sub-layer.
 * @param {Model} model
 * @param {ArrayLike<number>} ids
 * @param {{ remove?: string[] }} [options]  sub-layers to leave out
 * @returns {Float32Array} (2 L + 1) x T x V logits
 */
export function lens(model, ids, { remove = [] } = {}) {
  const checked = model.checkIds(ids, 1, model.config.block_size);
  checkParts(remove, model.config.n_layer);
  const w = model.takeWorkspace(checked.length);
  w.start = 0;
  forward(model.network, w, checked, 1, new Set(remove));
  const layers = w.stream.map((x) => {
    applyHead(model.network, w, x, checked.length);
    return model.readLogits(w, checked.length);
  });
  model.free.push(w);
  return joined(layers);
}

/**
 * log P of each token but the first, given the tokens before it, at most `block_size` of them.
 * @param {Model} model
 * @param {ArrayLike<number>} ids
 * @returns {Generator<undefined, Float32Array>}
 */
export function* logProbabilities(model, ids) {
  const { network, config } = model;
  const checked = model.checkIds(ids, 2);
  const out = new Float32Array(checked.length - 1);
  const B = config.block_size;
  const w = model.takeWorkspace(Math.min(checked.length - 1, B));
  const stream = /** @type {number} */ (w.stream.at(-1));
  try {
    // With a causal mask one pass gives a prediction at each position of the first block; later, only the last one.
    let end = !looksAhead(config) ? Math.min(B, checked.length - 1) : 1;
    for (let done = 0; done < out.length; end++) {
      const context = checked.subarray(Math.max(0, end - B), end);
      w.start = 0;
      forward(network, w, context, 1);
      const rows = end - done;
      applyHead(network, w, stream + (context.length - rows) * network.width, rows);
      const logits = model.readLogits(w, rows);
      for (let row = 0; row < rows; row++) {
        out[done + row] = logProbability(logits, row * config.vocab_size, config.vocab_size, checked[done + row + 1]);
      }
      done = end;
      yield;
    }
  } finally {
    model.free.push(w);
  }
  return out;
}

/**
 * The loss of whole windows, each of which begins without context, as in lecture21.training.evaluate.
 * @param {Model} model
 * @param {ArrayLike<number>} ids  of all windows and one more: the target of each token is the next one
 * @param {number} windows
 * @returns {Generator<undefined, number>}  the sum of - log P of all targets
 */
export function* windowLoss(model, ids, windows) {
  const { network, config } = model;
  const checked = model.checkIds(ids, 2);
  const rows = checked.length - 1;
  if (!(rows % windows === 0 && rows / windows <= config.block_size))
    throw new Error(`${rows} tokens are not ${windows} windows of at most ${config.block_size}.`);
  const w = model.takeLean(windows, rows / windows);
  embed(network, w, checked.subarray(0, rows), windows);
  for (let layer = 0; layer < config.n_layer; layer++) {
    forwardLayer(network, w, layer, rows, windows);
    yield;
  }
  let sum = 0;
  for (let row = 0; row < rows; row += w.rowsAtOnce) {
    const count = Math.min(w.rowsAtOnce, rows - row);
    applyHead(network, w, /** @type {number} */ (w.stream.at(-1)) + row * network.width, count);
    const f = network.memory.floats;
    for (let i = 0; i < count; i++)
      sum -= logProbability(f, w.logits + i * network.vocabulary, config.vocab_size, checked[row + i + 1]);
    yield;
  }
  return sum;
}

/**
 * log softmax(logits)[token], for one row of logits.
 * @param {Float32Array} logits @param {number} from @param {number} width @param {number} token
 */
export function logProbability(logits, from, width, token) {
  let largest = -Infinity;
  for (let i = 0; i < width; i++) largest = Math.max(largest, logits[from + i]);
  let sum = 0;
  for (let i = 0; i < width; i++) sum += Math.exp(logits[from + i] - largest);
  return logits[from + token] - largest - Math.log(sum);
}
