// The loss of a model on a whole text, as `lecture21 eval` computes it, in several workers.

import { startEngine } from "../engine/client.js";
import { readContent } from "../engine/symbols.js";
import { makeTokenizer } from "../engine/tokenizer.js";

const TOKENS = 512; // at once, whose activations fit into the cache of a processor
const TORCH_TOKENS = 2048; // of lecture21.training.evaluate, on which the capacity of an expert depends
const MOST_WORKERS = 8;
const LARGE = 2e8; // bytes of a file that is loaded into one worker only
const LONGEST = 16384; // tokens of a window: attention compares each with each

/**
 * @typedef {object} Score
 * @property {number} nats  per character
 * @property {number} characters
 * @property {number} tokens
 * @property {number} parameters
 */

/**
 * @param {object} given
 * @param {ArrayBuffer} given.weights  a safetensors file
 * @param {string | null} given.tokenizer  the file of its tokenizer, if that is not in the metadata of the weights
 * @param {string} given.text
 * @param {number} [given.workers]  at most
 * @param {(share: number) => void} given.onProgress
 * @returns {{ done: Promise<Score>, cancel: () => void }}  canceled, `done` rejects
 */
export function startScoring({ weights, tokenizer, text, workers = navigator.hardwareConcurrency || 2, onProgress }) {
  /** @type {Promise<import("../engine/client.js").Engine>[]} */
  const engines = [];
  const close = () => engines.forEach((engine) => engine.then((each) => each.close()).catch(() => {}));
  const open = async () => {
    engines.push(startEngine());
    return (await /** @type {Promise<import("../engine/client.js").Engine>} */ (engines.at(-1))).load(weights);
  };

  async function run() {
    const first = await open();
    const { config } = first;
    if (!config.causal)
      throw new Error(
        "This model has no causal mask (causal = false): it reads the very characters that it should predict.",
      );
    const { ids, length } = encoded(text, first.tokenizer ?? readContent(tokenizer), config.vocab_size);
    const jobs = cut(ids.length - 1, config);
    const sums = new Float64Array(jobs.length);
    let [next, done] = [0, 0];
    const work = async (/** @type {import("../engine/client.js").EngineModel} */ model) => {
      while (next < jobs.length) {
        const job = next++;
        const { from, to, windows } = jobs[job];
        sums[job] = await model.windowLoss(ids.subarray(from, to + 1), windows);
        done += to - from;
        onProgress(done / (ids.length - 1));
      }
    };
    const count =
      first.engine.inWorker && weights.byteLength < LARGE ? Math.min(workers, MOST_WORKERS, jobs.length) : 1;
    const others = Array.from({ length: count - 1 }, async () => {
      const model = await open().catch(() => null); // without it, the others have more to do
      if (model) await work(model);
    });
    await Promise.all([work(first), ...others]);
    const total = sums.reduce((sum, each) => sum + each, 0); // in one order, whoever computed what
    if (!Number.isFinite(total)) throw new Error("The loss of this model is no number: did its training diverge?");
    return { nats: total / length, characters: text.length, tokens: ids.length, parameters: first.parameters };
  }
  return { done: run().finally(close), cancel: close };
}

/**
 * The tokens of a text, and the number of characters of those that are predicted: of all but the first.
 * @param {string} text
 * @param {Record<string, unknown> | null} content  of the tokenizer's file
 * @param {number} vocabulary
 */
function encoded(text, content, vocabulary) {
  if (content === null)
    throw new Error("This file has no tokenizer; choose the tokenizer.json of the same run together with it.");
  const tokenizer = makeTokenizer(content, vocabulary);
  const missing = tokenizer.missing(text);
  if (missing.length) {
    const some = missing
      .slice(0, 5)
      .map((each) => JSON.stringify(each))
      .join(", ");
    throw new Error(
      `The vocabulary of this model is another one: it lacks ${missing.length} characters of the text, such as ${some}.`,
    );
  }
  const ids = tokenizer.encode(text);
  if (ids.length < 2)
    throw new Error("For this tokenizer the whole text is one token, so there is nothing to predict.");
  return { ids, length: Array.from(text).length - Array.from(tokenizer.textOf(ids[0])).length };
}

/**
 * Cut a number of targets into windows, and these into what is computed at once, as lecture21.training.evaluate does.
 * @param {number} count
 * @param {import("../engine/config.js").Config} config
 */
function cut(count, { block_size: most, moe }) {
  const length = Math.min(most, count);
  if (length > LONGEST)
    throw new Error(
      `This model reads ${length.toLocaleString("en")} tokens at once; the page reads ${LONGEST.toLocaleString("en")} at most.`,
    );
  const tokens = moe && moe.eval_capacity_factor !== null ? TORCH_TOKENS : TOKENS;
  const full = count - (count % length);
  const step = Math.max(1, Math.floor(tokens / length)) * length;
  const jobs = [];
  for (let from = 0; from < full; from += step) {
    const to = Math.min(from + step, full);
    jobs.push({ from, to, windows: (to - from) / length });
  }
  if (full < count) jobs.push({ from: full, to: count, windows: 1 });
  return jobs;
}
