// The tokens of a model, as a figure that reads and writes text needs them: characters, or byte pairs.

import { makeTokenizer } from "../engine/tokenizer.js";
import { encodeText, unknownSentence } from "./characters.js";

/**
 * @typedef {object} Vocabulary
 * @property {"character" | "token"} unit  what one of them is called
 * @property {string[]} symbols  the text of each id
 * @property {(text: string) => number[]} encode  throws if a character is unknown
 * @property {() => (id: number) => string} decoder  of ids as they arrive: a character comes with its last byte
 */

/**
 * Return the vocabulary of a model.
 * @param {import("./session.js").GPT} gpt
 * @param {unknown} [tokenizer]  the content of a tokenizer's file, if the model's own has none
 * @returns {Vocabulary}
 */
export function vocabularyOf(gpt, tokenizer = null) {
  const content = gpt.tokenizer ?? tokenizer;
  if (!content)
    throw new Error("This file has no alphabet; choose the tokenizer.json of the same model together with it.");
  const size = gpt.config.vocab_size;
  const { encode, textOf, bytesOf } = makeTokenizer(content, size);
  const symbols = Array.from({ length: size }, (_, id) => textOf(id));
  if (content.tokenizer === "characters")
    return {
      unit: "character",
      symbols,
      encode(text) {
        const { ids, unknown } = encodeText(text, symbols);
        if (unknown.length) throw new Error(unknownSentence(unknown, symbols));
        return ids;
      },
      decoder: () => (id) => symbols[id],
    };
  const named = symbols.map((text, id) =>
    text.includes("\ufffd") ? Array.from(bytesOf(id), (byte) => `⟨${byte}⟩`).join("") : text,
  );
  return {
    unit: "token",
    symbols: named, // bytes that are part of a character as numbers
    encode: (text) => Array.from(encode(text)),
    decoder() {
      const bytes = new TextDecoder("utf-8", { ignoreBOM: true });
      return (id) => bytes.decode(bytesOf(id), { stream: true });
    },
  };
}
