// A model of the reader's, from files on the reader's device.

import { create, messageOf } from "../kit/frame.js";
import { symbolsOf } from "../characters/session.js";

const ADVICE =
  "A model.safetensors written by lecture21 or by a figure of this book, if necessary with its tokenizer.json. " +
  "It stays on your device.";

/** @typedef {import("../characters/session.js").GPT} GPT */

/**
 * Add a place to choose files, out of sight at first.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("../characters/session.js").Engine} engine
 * @param {{onChoose: () => void, onLoad: (gpt: GPT, symbols: string[]) => void}} options
 */
export function ownModel(frame, engine, { onChoose, onLoad }) {
  const accept = ".safetensors,.json";
  const input = create("input", { type: "file", accept, multiple: true, "aria-label": "Files of your model" });
  const summary = create("summary", {}, "A model from a file");
  frame.foot.before(create("details", {}, summary, create("p", { class: "said" }, ADVICE), input));
  frame.onReset(() => (input.value = ""));
  /** @type {GPT | null} */
  let loaded = null;
  input.addEventListener("change", async () => {
    onChoose();
    const files = [...(input.files ?? [])];
    const weights = files.find(({ name }) => !name.endsWith(".json"));
    const tokenizer = files.find(({ name }) => name.endsWith(".json"));
    if (!weights) return;
    let gpt;
    try {
      gpt = await engine.load(await weights.arrayBuffer());
      const symbols =
        gpt.symbols || !tokenizer ? symbolsOf(gpt) : readTokenizer(await tokenizer.text(), gpt.config.vocab_size);
      frame.fail("");
      onLoad(gpt, symbols);
      loaded?.dispose();
      loaded = gpt;
    } catch (error) {
      gpt?.dispose();
      input.value = ""; // so that the same file can be chosen again
      frame.fail(messageOf(error));
    }
  });
}

/**
 * Return the symbols in a tokenizer's file that belongs to a model.
 * @param {string} json
 * @param {number} vocabulary  of the model, with the unknown symbol
 */
function readTokenizer(json, vocabulary) {
  let found;
  try {
    found = JSON.parse(json);
  } catch {
    throw new Error("The tokenizer file is not JSON.");
  }
  if (found?.tokenizer !== "characters" || !Array.isArray(found.symbols)) {
    throw new Error("This figure works with characters, and the tokenizer in this file is for longer pieces of text.");
  }
  if (found.symbols.length + 1 !== vocabulary) {
    throw new Error(`The tokenizer has ${found.symbols.length + 1} tokens, and the model has ${vocabulary}.`);
  }
  return [...found.symbols.map(String), "\ufffd"];
}
