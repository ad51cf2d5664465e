// The sparse layer: a router, and the feed-forward layers of the experts that it selects for each token.

import { padded } from "./config.js";
import { applyFeedForward, applyLinear } from "./linear.js";
import { softmax } from "./pointwise.js";

/** Where `inspect` may send a token instead: to its own expert as without it, to nobody. */
export const OWN = -1;
export const NOBODY = -2;

/**
 * @typedef {object} Routing  of the rows of one layer
 * @property {Int32Array} chosen     rows x k: the selected experts of each row, best first
 * @property {Float64Array} weights  rows x k: their gate weights
 * @property {Int32Array} order      the assignments (indices of `chosen`) that are kept, sorted by expert
 * @property {Int32Array} counts     of assignments of each expert
 */

/**
 * Add the output of a sparse layer to y: the sum over the selected experts of gate weight times output.
 * @param {import("./network.js").Network} network
 * @param {import("./network.js").Workspace} w
 * @param {number} layer
 * @param {number} x
 * @param {number} y
 * @param {number} rows
 * @param {number} batch
 */
export function mixExperts(network, w, layer, x, y, rows, batch) {
  const { memory, width, config } = network;
  const moe = /** @type {import("./config.js").Sparse} */ (config.moe);
  const { router, experts, shared, selectionBias } = network.layers[layer];
  const f = memory.floats;
  const k = moe.top_k;
  const probabilities = w.probabilities[layer];
  applyLinear(network, /** @type {import("./network.js").Linear} */ (router), x, width, probabilities, rows);
  const sent = w.routes?.subarray(layer * rows, (layer + 1) * rows);
  const routing = (w.routings[layer] = route(f, moe, probabilities, selectionBias, rows, batch, sent));
  const { order, counts, weights } = routing;
  for (let i = 0; i < order.length; i++) {
    const from = x + Math.floor(order[i] / k) * width;
    f.copyWithin(w.read[layer] + i * width, from, from + width);
  }
  const hidden = padded(config.d_ff);
  let first = 0;
  for (const [e, expert] of experts.entries()) {
    const [read, written] = [w.read[layer] + first * width, w.written[layer] + first * width];
    const inside = first * hidden;
    const places = [w.hidden[layer] + inside, w.gate[layer] + inside, w.active[layer] + inside];
    applyFeedForward(network, expert, read, places[0], places[1], places[2], written, counts[e], false);
    first += counts[e];
  }
  for (let i = 0; i < order.length; i++) {
    const to = y + Math.floor(order[i] / k) * width;
    const from = w.written[layer] + i * width;
    for (let j = 0; j < width; j++) f[to + j] += weights[order[i]] * f[from + j];
  }
  if (!shared) return;
  const inside = order.length * hidden;
  const places = [w.hidden[layer] + inside, w.gate[layer] + inside, w.active[layer] + inside];
  applyFeedForward(network, shared, x, places[0], places[1], places[2], y, rows, true);
}

/**
 * Select the k most probable experts of each row. The logits become probabilities (or sigmoids), in place.
 * @param {Float32Array} f
 * @param {import("./config.js").Sparse} moe
 * @param {number} logits
 * @param {number} selectionBias  offset of what is added to the probabilities for the selection only; 0: nothing
 * @param {number} rows
 * @param {number} batch
 * @param {Int32Array} [sent]  where the first of a row's experts is replaced; it keeps the weight: see `inspect`
 * @returns {Routing}
 */
function route(f, moe, logits, selectionBias, rows, batch, sent) {
  const { n_expert: E, top_k: k, eval_capacity_factor: factor } = moe;
  const renormalizes = moe.softmax === "after" || (moe.renormalize ?? k > 1);
  const chosen = new Int32Array(rows * k);
  const weights = new Float64Array(rows * k);
  const counts = new Int32Array(E);
  for (let row = 0; row < rows; row++) {
    const p = logits + row * padded(E);
    if (moe.gates === "sigmoid") for (let e = p; e < p + E; e++) f[e] = 1 / (1 + Math.exp(-f[e]));
    else softmax(f, p, E);
    const score = (/** @type {number} */ e) => f[p + e] + (selectionBias && f[selectionBias + e]);
    const experts = Array.from({ length: E }, (_, e) => e).sort((a, b) => score(b) - score(a));
    let sum = 0;
    for (let i = 0; i < k; i++) {
      chosen[row * k + i] = experts[i];
      sum += f[p + experts[i]];
    }
    for (let i = 0; i < k; i++) weights[row * k + i] = f[p + experts[i]] / (renormalizes ? sum : 1);
    const to = sent ? sent[row] : OWN;
    if (to === NOBODY) weights[row * k] = 0;
    else if (to !== OWN) chosen[row * k] = to < E ? to : (experts[0] + to) % E;
  }
  // Without a place, a token is dropped. Earlier positions come first, then earlier sequences, then better experts.
  const places = factor === null ? Infinity : Math.ceil((factor * rows * k) / E);
  const length = rows / batch;
  const kept = [];
  for (let n = 0; n < rows; n++) {
    const row = (n % batch) * length + Math.floor(n / batch);
    for (let i = row * k; i < (row + 1) * k; i++) {
      if (counts[chosen[i]] === places) continue;
      counts[chosen[i]]++;
      kept.push(i);
    }
  }
  const order = Int32Array.from(kept).sort((a, b) => chosen[a] - chosen[b] || a - b);
  return { chosen, weights, order, counts };
}
