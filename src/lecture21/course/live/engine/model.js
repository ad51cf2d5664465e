// A GPT with its vocabulary, and room for what is computed with it.

import { countOf } from "./config.js";
import { Network, Workspace } from "./network.js";
import { readContent, symbolsOf } from "./symbols.js";

/** @typedef {import("./config.js").Config} Config */

export class Model {
  /**
   * @param {Config} config  checked
   * @param {string | null} tokenizer  its file, as JSON
   * @param {import("./memory.js").Memory} memory
   */
  constructor(config, tokenizer, memory) {
    this.content = readContent(tokenizer);
    this.symbols = symbolsOf(this.content, config.vocab_size);
    this.network = new Network(config, memory);
    this.tokenizer = tokenizer;
    this.version = 0; // of the weights: each update adds 1
    this.users = 0; // calls that are not answered yet
    this.disposed = false;
    /** @type {Workspace[]} */
    this.free = [];
    /** Of which nothing is kept from one call to the next. @type {Workspace | null} */
    this.lean = null;
  }

  get config() {
    return this.network.config;
  }

  /** What a figure needs to know of a model. */
  get description() {
    const { parameters, config } = this.network;
    const learned = parameters.filter(({ kind }) => kind !== "buffer");
    const count = learned.reduce((sum, { shape }) => sum + countOf(shape), 0);
    return { config, symbols: this.symbols, tokenizer: this.content, parameters: count };
  }

  /** Give a workspace for contexts of up to `length` tokens to `use`, and keep it for the next one. */
  takeWorkspace(/** @type {number} */ length) {
    const found = this.free.findIndex((w) => w.length >= length);
    if (found >= 0) return this.free.splice(found, 1)[0];
    return new Workspace(
      this.network,
      1,
      Math.min(this.config.block_size, 2 ** Math.ceil(Math.log2(Math.max(length, 16)))),
    );
  }

  /** A workspace that keeps nothing, for some windows of at most `length` tokens. */
  takeLean(/** @type {number} */ windows, /** @type {number} */ length) {
    const has = this.lean;
    if (!has || has.length < length || has.batch * has.length < windows * length)
      this.lean = new Workspace(this.network, windows, length, true);
    return /** @type {Workspace} */ (this.lean);
  }

  /** The logits of some rows, without padding. */
  readLogits(/** @type {Workspace} */ w, /** @type {number} */ rows, from = w.logits) {
    const { memory, vocabulary } = this.network;
    return unpadded(memory.floats, from, rows, this.config.vocab_size, vocabulary);
  }

  /** Check token ids, and return them. */
  checkIds(/** @type {ArrayLike<number>} */ ids, least = 1, most = Infinity) {
    const { vocab_size: V } = this.config;
    const list = Int32Array.from(ids ?? []);
    if (list.length < least)
      throw new Error(least > 1 ? `The text needs ${least} tokens or more.` : "The text is empty.");
    if (list.length > most) throw new Error(`The text has ${list.length} tokens; the context of the model is ${most}.`);
    const wrong = Array.prototype.find.call(
      ids,
      (/** @type {number} */ id) => !(Number.isInteger(id) && id >= 0 && id < V),
    );
    if (wrong !== undefined) throw new Error(`The token ${wrong} is not in the vocabulary of ${V}.`);
    return list;
  }
}

/**
 * Rows of numbers without the padding between them.
 * @param {Float32Array} f @param {number} from @param {number} rows @param {number} width @param {number} stride
 */
export function unpadded(f, from, rows, width, stride) {
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    out.set(f.subarray(from + row * stride, from + row * stride + width), row * width);
  return out;
}
