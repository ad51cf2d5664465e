// Responses of the shipped models, sampled in the page.

import { startEngine } from "../engine/client.js";
import { loadFile } from "../kit/files.js";

/**
 * The byte of each character in a BPE token: printable ones stand for themselves, the others follow from 256 on.
 * @type {Map<string, number>}
 */
const BYTES = new Map();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const printable = (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
  BYTES.set(String.fromCharCode(printable ? byte : next++), byte);
}

/**
 * Return the text of BPE tokens.
 * @param {string[]} tokens
 * @returns {string}
 */
export function textOf(tokens) {
  const bytes = [...tokens.join("")].map((character) => BYTES.get(character) ?? 63);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/**
 * Return a function that samples responses, and starts the engine at its first use.
 * @param {import("../kit/state.js").Model} figureModel  anywidget's model, or the page's
 * @param {import("../kit/frame.js").Frame} frame
 */
export function createSampler(figureModel, frame) {
  /** @type {Promise<Record<string, import("../engine/client.js").EngineModel>> | null} */
  let ready = null;
  let closed = false;

  async function start() {
    const engine = await startEngine();
    frame.onRemove(() => engine.close());
    if (closed) engine.close();
    /** @type {Record<string, import("../engine/client.js").EngineModel>} */
    const models = {};
    for (const name of ["unaligned", "aligned"]) models[name] = await engine.load(await loadFile(figureModel, name));
    return models;
  }
  frame.onRemove(() => (closed = true));

  /**
   * @param {"unaligned" | "aligned"} name
   * @param {number[]} prompt
   * @param {number} count  of tokens at most
   * @param {number} seed
   * @returns {Promise<string>} the response, up to its line break
   */
  return async function sample(name, prompt, count, seed) {
    ready ??= start();
    let model;
    try {
      model = (await ready)[name];
    } catch (error) {
      ready = null; // the next try loads again
      throw error;
    }
    const { tokens } = model.tokenizer;
    const end = tokens.indexOf("\u010a");
    const job = model.generate(prompt, { count, seed }, (/** @type {number} */ token) => token === end && job.stop());
    const ids = [...(await job.done)];
    const stop = ids.indexOf(end);
    return textOf((stop < 0 ? ids : ids.slice(0, stop)).map((id) => tokens[id])).trim();
  };
}
