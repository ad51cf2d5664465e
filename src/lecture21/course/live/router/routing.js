// Where the letters of a text are sent in a sparse GPT, and what that costs.

import { encodeText, unknownSentence } from "../characters/characters.js";

/**
 * @typedef {import("../engine/client.js").EngineModel} EngineModel
 *
 * @typedef {object} Routed  the routing of a text of T characters
 * @property {Int32Array} experts  L x T: the first expert of each character, from 0
 * @property {number[]} losses  T - 1: what the prediction of each following character costs, in nats
 * @property {number} loss  their mean
 */

/** To its own expert, and to nobody, as the engine has it. */
export const OWN = -1;
export const NOBODY = -2;

/**
 * Return the ids of a text that the model can process at once.
 * @param {EngineModel} model
 * @param {string} text
 */
export function idsOf(model, text) {
  const symbols = /** @type {string[]} */ (model.symbols);
  const { ids, unknown } = encodeText(text, symbols);
  if (unknown.length) throw new Error(unknownSentence(unknown, symbols));
  const most = model.config.block_size;
  if (ids.length < 2 || ids.length > most)
    throw new Error(`Write 2 to ${most} characters, which the model reads at once.`);
  return ids;
}

/**
 * Run a sparse model on a text, with its characters sent elsewhere in all layers, or in some.
 * @param {EngineModel} model
 * @param {number[]} ids
 * @param {ArrayLike<number>} routes  L x T: see the engine's `inspect`
 * @returns {Promise<Routed>}
 */
export async function run(model, ids, routes) {
  const { logits, experts } = await model.forward(ids, {
    router: true,
    routes,
  });
  const { vocab_size: width, moe } = model.config;
  const k = /** @type {NonNullable<typeof moe>} */ (moe).top_k;
  const losses = ids.slice(1).map((next, t) => {
    const row = logits.subarray(t * width, (t + 1) * width);
    const largest = row.reduce((most, each) => Math.max(most, each), -Infinity);
    return largest + Math.log(row.reduce((sum, each) => sum + Math.exp(each - largest), 0)) - row[next];
  });
  const first = /** @type {Int32Array} */ (experts).filter((_, i) => i % k === 0);
  return {
    experts: first,
    losses,
    loss: losses.reduce((sum, each) => sum + each, 0) / losses.length,
  };
}

/**
 * Return where every character is sent in every layer.
 * @param {"learned" | "usual" | "none" | "next"} way
 * @param {number[]} ids
 * @param {{layers: number, count: number, usual: number[][]}} model  usual: of each layer and each id
 */
export function routesOf(way, ids, { layers, count, usual }) {
  const to = { learned: () => OWN, none: () => NOBODY, next: () => count + 1 };
  return Array.from({ length: layers }, (_, layer) =>
    ids.map((id) => (way === "usual" ? (usual[layer]?.[id] ?? OWN) : to[way]())),
  ).flat();
}
