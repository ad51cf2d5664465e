// A model of the reader's, from files on the reader's device.

import { create, messageOf } from "../kit/frame.js";
import { vocabularyOf } from "../characters/vocabulary.js";

const ADVICE =
  "A model.safetensors written by lecture21 or by a figure of this book, if necessary with its tokenizer.json. " +
  "It stays on your device.";

/** @typedef {import("../characters/session.js").GPT} GPT @typedef {import("../characters/vocabulary.js").Vocabulary} Vocabulary */

/**
 * Add a place to choose files, out of sight at first.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("../characters/session.js").Engine} engine
 * @param {{onChoose: () => void, onLoad: (gpt: GPT, vocabulary: Vocabulary) => void}} options
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
      const vocabulary = vocabularyOf(gpt, tokenizer && parsed(await tokenizer.text()));
      frame.fail("");
      onLoad(gpt, vocabulary);
      loaded?.dispose();
      loaded = gpt;
    } catch (error) {
      gpt?.dispose();
      input.value = ""; // so that the same file can be chosen again
      frame.fail(messageOf(error));
    }
  });
}

/** @returns {unknown} */
function parsed(/** @type {string} */ json) {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error("The tokenizer file is not JSON.");
  }
}
