// Continuing a text.

import { looksAhead } from "./config.js";
import { applyHead, forward } from "./forward.js";
import { Random } from "./random.js";
import { checkSampling, choose, mostLikely, nextTokenProbabilities } from "./sampling.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {object} Options
 * @property {number} [count]  of new tokens
 * @property {number} [seed]
 * @property {ArrayLike<number>} [uniforms]  a number in [0, 1) for each token, instead of those of the seed
 * @property {boolean} [cache]  false: read the whole context for each token
 * @typedef {import("./sampling.js").Sampling & Options} Generation
 */

/**
 * Continue a text, token by token. Keys and values are kept until the context is longer than the block; from then on
 * all positions shift with each token, and the last `block_size` tokens are read anew.
 * @param {Model} model
 * @param {ArrayLike<number>} ids
 * @param {Generation} [options]
 * @returns {Generator<{ token: number }, Int32Array, import("./worker.js").Work>}  each one, then all of them
 */
export function* generate(model, ids, options = {}) {
  const { network, config } = model;
  const { count = 100, seed = 0, uniforms, greedy = false, cache = !looksAhead(config) } = options;
  const text = [...model.checkIds(ids)];
  checkSampling(options, config.vocab_size);
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`The number of tokens must be a whole number, got ${count}.`);
  if (uniforms && uniforms.length < count)
    throw new Error(`${count} tokens need as many uniforms, got ${uniforms.length}.`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`The seed must be a whole number >= 0, got ${seed}.`);
  const random = new Random(seed);
  const prompt = text.length;
  const w = model.takeWorkspace(Math.min(prompt + count, config.block_size));
  try {
    let cached = 0;
    let version = -1;
    for (let i = 0; i < count; i++) {
      // Training may have changed the weights since the last token.
      if (!cache || text.length > config.block_size || version !== model.version) cached = 0;
      version = model.version;
      w.start = cached;
      const context = cached ? text.slice(cached) : text.slice(-config.block_size);
      forward(network, w, context, 1);
      applyHead(network, w, /** @type {number} */ (w.stream.at(-1)) + (context.length - 1) * network.width, 1);
      cached += context.length;
      const logits = model.readLogits(w, 1);
      const probabilities = nextTokenProbabilities(logits, options);
      const token = greedy ? mostLikely(logits) : choose(probabilities, uniforms ? uniforms[i] : random.uniform());
      text.push(token);
      if ((yield { token })?.state === "stopped") break;
    }
  } finally {
    model.free.push(w);
  }
  return Int32Array.from(text.slice(prompt));
}
