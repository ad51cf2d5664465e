// A model of characters in the engine, for figures that read text.

import { startEngine } from "../engine/client.js";
import { loadFile } from "../kit/files.js";
import { createFrame, messageOf } from "../kit/frame.js";

/** @typedef {import("../engine/client.js").Engine} Engine @typedef {import("../engine/client.js").EngineModel} GPT */

/**
 * Start an engine with the figure's model. Until it is there, a page keeps the picture of the figure.
 * @template T
 * @param {import("../kit/frame.js").Context} context  what `render` gets
 * @param {string} title  of the figure
 * @param {(gpt: GPT) => T} read  what the figure needs of the vocabulary; throws if it can't use it
 * @returns {Promise<{engine: Engine, gpt: GPT, known: T} | null>}  null: the figure says why it gave up
 */
export async function openModel(context, title, read) {
  const starting = startEngine(); // while the weights are loaded
  try {
    const file = await loadFile(context.model, "weights");
    const engine = await starting;
    const gpt = await engine.load(file);
    return { engine, gpt, known: read(gpt) };
  } catch (error) {
    starting.then((engine) => engine.close()).catch(() => {});
    createFrame(context, { title, first: "", then: "", fields: {}, onChange() {} }).stop(messageOf(error));
    return null;
  }
}

/**
 * Return the characters of a model.
 * @param {GPT} gpt
 * @returns {string[]}
 */
export function symbolsOf(gpt) {
  if (gpt.symbols) return gpt.symbols;
  if (gpt.tokenizer)
    throw new Error("This figure works with characters, and the tokens of this model are longer pieces of text.");
  throw new Error("This file has no alphabet; choose the tokenizer.json of the same model together with it.");
}

/**
 * Return a function that runs some work, and runs it again if it was called meanwhile.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {() => Promise<void>} work
 */
export function latest(frame, work) {
  let [running, again] = [false, false];
  return async () => {
    frame.busy(true);
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      try {
        await work();
      } catch (error) {
        frame.fail(messageOf(error));
        if (!(error instanceof Error) || error.constructor !== Error) console.error(error); // a mistake of ours
      }
    }
    running = false;
    frame.busy(false);
  };
}
