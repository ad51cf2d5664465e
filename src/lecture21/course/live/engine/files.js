// Making a model: from a file, or with new weights; and writing it to a file.

import { checkedConfig, countOf, listParameters, requireTrained } from "./config.js";
import { initialize } from "./initialize.js";
import { Model } from "./model.js";
import { readHeader, readTensor, writeSafetensors } from "./safetensors.js";
import { UNKNOWN } from "./symbols.js";

// Fields that are floats in Python, whose JSON has a point where they happen to be whole.
const WHOLE =
  /("(?:rotary_(?:base|factor)|logit_cap|(?:attention_)?dropout|norm_eps|\w+_(?:weight|rate|factor|loss))": \d+)(?=,?$)/gm;

/**
 * Read a model from a safetensors file that lecture21 or this engine wrote.
 * @param {ArrayBuffer} buffer
 * @param {import("./memory.js").Memory} memory
 * @returns {Model}
 */
export function loadModel(buffer, memory) {
  const { entries, metadata } = readHeader(buffer);
  let values;
  try {
    values = JSON.parse(metadata.config);
  } catch {
    throw new Error("This file has no configuration of a GPT in its metadata; files that lecture21 writes have one.");
  }
  if (values?.model !== "gpt") throw new Error("The model in this file is not a GPT of lecture21.");
  const config = checkedConfig(values);
  if (config.n_layer > entries.size)
    throw new Error(`The file has ${entries.size} tensors, too few for ${config.n_layer} layers.`);
  const expected = listParameters(config);
  for (const { name, shape } of expected) {
    const found = entries.get(name);
    if (!found) throw new Error(`The file lacks the tensor ${name} of its model.`);
    if (found.shape.join() !== shape.join()) {
      throw new Error(
        `The tensor ${name} has the shape (${found.shape.slice(0, 4)}) in the file and (${shape}) in its model.`,
      );
    }
  }
  if (entries.size > expected.length) throw new Error("The file has tensors that do not belong to its model.");
  const model = new Model(config, metadata.tokenizer ?? null, memory);
  for (const { name, offset, place } of model.network.parameters) {
    const numbers = readTensor(buffer, /** @type {import("./safetensors.js").Entry} */ (entries.get(name)));
    const f = model.network.memory.floats;
    for (let i = 0; i < numbers.length; i++) {
      if (!Number.isFinite(numbers[i])) {
        model.network.memory.release();
        throw new Error(`The tensor ${name} contains ${numbers[i]}, which is no number: did the training diverge?`);
      }
      f[offset + place(i)] = numbers[i];
    }
  }
  return model;
}

/**
 * Make a model with new weights, which the page can train.
 * @param {unknown} config  fields of GPTConfig; those that are missing have its defaults
 * @param {number} seed
 * @param {string[] | null} symbols  of a character vocabulary, with or without the unknown one at its end
 * @param {import("./memory.js").Memory} memory
 */
export function createModel(config, seed, symbols, memory) {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`The seed must be a whole number >= 0, got ${seed}.`);
  const known = symbols?.filter((symbol) => symbol !== UNKNOWN);
  const checked = checkedConfig(config);
  requireTrained(checked);
  const tokenizer = known ? JSON.stringify({ tokenizer: "characters", symbols: known }) : null;
  const model = new Model(checked, tokenizer, memory);
  initialize(model.config, model.network.parameters, seed, model.network.memory.floats);
  return model;
}

/**
 * Write a model as a safetensors file, with its configuration and tokenizer as metadata.
 * @param {Model} model
 * @param {"float32" | "float16"} [type]
 */
export function saveModel(model, type = "float32") {
  const { parameters, memory, config } = model.network;
  /** @type {[string, number[], Float32Array][]} */
  const tensors = parameters.map(({ name, shape, offset, place }) => {
    const numbers = Float32Array.from({ length: countOf(shape) }, (_, i) => memory.floats[offset + place(i)]);
    return [name, shape, numbers];
  });
  /** @type {Record<string, string>} */
  const metadata = { config: JSON.stringify({ model: "gpt", ...config }, null, 2).replace(WHOLE, "$1.0") };
  if (model.tokenizer !== null) metadata.tokenizer = model.tokenizer;
  return writeSafetensors(tensors, metadata, type);
}
