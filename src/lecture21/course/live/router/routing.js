// Which expert of a sparse GPT processes which character of a text, and the statistics of `lecture21.moe.describe`.

import { encodeText, unknownSentence } from "../characters/characters.js";

/**
 * @typedef {import("../engine/client.js").EngineModel} EngineModel
 *
 * @typedef {object} Routed  the routing of a text of T characters
 * @property {string[]} characters
 * @property {number[]} ids
 * @property {Float32Array[]} probabilities  of each layer: T x E
 * @property {Int32Array[]} experts  of each layer: T x k, the best first
 * @property {number} count  number of experts E
 * @property {number} chosen  number of experts k of a character
 */

/**
 * Run a sparse model on a text, in windows of its block size one after the other.
 * @param {EngineModel} model  sparse, of characters
 * @param {string[]} characters  at least one
 * @returns {Promise<Routed>}
 */
export async function routeText(model, characters) {
  const { block_size: size, n_layer: layers, moe } = model.config;
  const symbols = /** @type {string[]} */ (model.symbols);
  const { ids, unknown } = encodeText(characters.join(""), symbols);
  if (unknown.length) throw new Error(unknownSentence(unknown, symbols));
  const { n_expert: count, top_k: chosen } = /** @type {NonNullable<typeof moe>} */ (moe);
  const probabilities = Array.from({ length: layers }, () => new Float32Array(ids.length * count));
  const experts = Array.from({ length: layers }, () => new Int32Array(ids.length * chosen));
  for (let start = 0; start < ids.length; start += size) {
    const window = ids.slice(start, start + size);
    const found = await model.forward(window, { router: true });
    const { router, experts: best } = /** @type {Required<typeof found>} */ (found);
    for (let layer = 0; layer < layers; layer++) {
      const [from, to] = [layer * window.length, (layer + 1) * window.length];
      probabilities[layer].set(router.subarray(from * count, to * count), start * count);
      experts[layer].set(best.subarray(from * chosen, to * chosen), start * chosen);
    }
  }
  return { characters, ids, probabilities, experts, count, chosen };
}

/**
 * Return the statistics of one layer: the load of each expert, how much the largest exceeds an equal share, and the
 * entropy of the load (1 at balance).
 * @param {Routed} routed
 * @param {number} layer  from 0
 */
export function statistics(routed, layer) {
  const { count } = routed;
  const experts = routed.experts[layer];
  const assigned = Array(count).fill(0);
  experts.forEach((expert) => {
    assigned[expert] += 1;
  });
  const load = assigned.map((each) => each / experts.length);
  const most = count > 1 ? Math.log(count) : 1;
  return { load, violation: count * Math.max(...load) - 1, loadEntropy: entropy(load) / most };
}

/** @param {number[]} shares */
function entropy(shares) {
  return shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
}
