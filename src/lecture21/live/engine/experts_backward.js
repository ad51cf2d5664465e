// The gradient of the sparse layer: through the selected experts, and through their gate weights to the router.

import { padded } from "./config.js";
import { feedForwardMapsBackward, linearBackward } from "./linear.js";

/**
 * From `g.stream` to `g.inner`; the loss that balances the load is added.
 * @param {import("./network.js").Network} network
 * @param {import("./network.js").Workspace} w
 * @param {import("./backward.js").Gradients} g
 * @param {number} layer
 * @param {number} x
 * @param {number} rows
 */
export function mixExpertsBackward(network, w, g, layer, x, rows) {
  const { memory, width, config } = network;
  const { router, experts, shared } = network.layers[layer];
  const { top_k: k, n_expert: E, softmax, renormalize, balance, aux_weight: auxWeight, z_loss: zLoss } = config.moe;
  const { chosen, weights, order, counts, logSums } = w.routings[layer];
  const f = memory.floats;
  const hidden = padded(config.d_ff);
  const slopes = new Float64Array(order.length); // of the loss in the gate weights
  for (let i = 0; i < order.length; i++) {
    const from = g.stream + Math.floor(order[i] / k) * width;
    for (let j = 0; j < width; j++) {
      slopes[order[i]] += f[from + j] * f[w.written[layer] + i * width + j];
      f[g.written + i * width + j] = weights[order[i]] * f[from + j];
    }
  }
  const through = (
    /** @type {import("./network.js").FeedForward} */ maps,
    /** @type {number} */ from,
    /** @type {number} */ inside,
    /** @type {number} */ dy,
    /** @type {number} */ dx,
    /** @type {number} */ count,
  ) => {
    const places = { hidden: w.hidden[layer] + inside, gate: w.gate[layer] + inside, active: w.active[layer] + inside };
    feedForwardMapsBackward(network, maps, from, places, dy, g.hidden + inside, g.gate + inside, dx, count, false);
  };
  let first = 0;
  for (const [e, expert] of experts.entries()) {
    const at = first * width;
    through(expert, w.read[layer] + at, first * hidden, g.written + at, g.read + at, counts[e]);
    first += counts[e];
  }
  if (shared) through(shared, x, order.length * hidden, g.stream, g.inner, rows);
  else f.fill(0, g.inner, g.inner + rows * width);
  for (let i = 0; i < order.length; i++) {
    const to = g.inner + Math.floor(order[i] / k) * width;
    for (let j = 0; j < width; j++) f[to + j] += f[g.read + i * width + j];
  }

  // From the weights to the probabilities of all experts, and through their softmax to the router's logits.
  const renormalizes = softmax === "after" || (renormalize ?? k > 1);
  const stride = padded(E);
  for (let row = 0; row < rows; row++) {
    const p = w.probabilities[layer] + row * stride;
    const d = g.router + row * stride;
    for (let e = 0; e < E; e++) f[d + e] = balance === "aux" ? (auxWeight * E * counts[e]) / order.length / rows : 0;
    let sum = 1;
    let mean = 0;
    if (renormalizes) {
      sum = 0;
      for (let i = row * k; i < (row + 1) * k; i++) {
        sum += f[p + chosen[i]];
        mean += weights[i] * slopes[i];
      }
    }
    for (let i = row * k; i < (row + 1) * k; i++) f[d + chosen[i]] += (slopes[i] - mean) / sum;
    let along = 0;
    for (let e = 0; e < E; e++) along += f[p + e] * f[d + e];
    for (let e = 0; e < E; e++) f[d + e] = f[p + e] * (f[d + e] - along + (zLoss * 2 * logSums[row]) / rows);
  }
  linearBackward(network, /** @type {any} */ (router), x, width, g.router, g.inner, width, rows, true);
}
