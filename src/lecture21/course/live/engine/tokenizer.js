// A tokenizer's file: text to token ids, by characters or by byte pairs, as lecture21's tokenizers do.

import { symbolsOf } from "./symbols.js";

// GPT-2's, which lecture21's encodings have. Another one, from a stranger's file, could take forever.
const PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * @typedef {object} Tokenizer
 * @property {(text: string) => Int32Array} encode
 * @property {(id: number) => string} textOf  one token; bytes that are part of a character become U+FFFD
 * @property {(id: number) => Uint8Array<ArrayBuffer>} bytesOf  one token, in UTF-8
 * @property {(text: string) => string[]} missing  the characters of a text that it does not know
 */

/**
 * @param {Record<string, unknown>} content  of a tokenizer's file, from anywhere
 * @param {number} vocabulary  number of tokens of the model
 * @returns {Tokenizer}
 */
export function makeTokenizer(content, vocabulary) {
  const symbols = symbolsOf(content, vocabulary);
  if (symbols) return charactersOf(symbols);
  if (content?.tokenizer !== "bpe") throw new Error("This tokenizer is neither of characters nor of byte pairs.");
  return bytePairs(content, vocabulary);
}

/** @returns {Tokenizer} */
function charactersOf(/** @type {string[]} */ symbols) {
  const unknown = symbols.length - 1;
  const ids = new Map(symbols.slice(0, unknown).map((symbol, id) => [symbol, id]));
  return {
    encode: (text) => Int32Array.from(Array.from(text, (each) => ids.get(each) ?? unknown)),
    textOf: (id) => symbols[id],
    bytesOf: (id) => new TextEncoder().encode(symbols[id]),
    missing: (text) => [...new Set(text)].filter((each) => !ids.has(each)),
  };
}

/**
 * @param {Record<string, unknown>} content
 * @param {number} vocabulary
 * @returns {Tokenizer}
 */
function bytePairs({ pattern, tokens, special_tokens: special }, vocabulary) {
  if (pattern !== PATTERN)
    throw new Error(
      "This tokenizer splits a text by another pattern than GPT-2's, which is the only one that the page knows.",
    );
  if (!isTexts(tokens) || !isTexts(special))
    throw new Error("The tokens of the tokenizer in this file are not a list of texts.");
  if (tokens.length + special.length !== vocabulary)
    throw new Error(`The tokenizer has ${tokens.length + special.length} tokens, and the model has ${vocabulary}.`);
  const spelled = tokens.map(unspell);
  /** Id of each token, whose bytes are characters with codes of 0 to 255. */
  const ids = new Map(spelled.map((token, id) => [token, id]));
  if (ids.size !== tokens.length) throw new Error("The tokenizer in this file has a token twice.");
  const specialIds = new Map(special.map((token, i) => [token, tokens.length + i]));
  const longestFirst = [...special].sort((a, b) => b.length - a.length);
  const parts = new RegExp(
    `(${longestFirst.map((each) => each.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|")})`,
    "u",
  );
  // White space as Unicode has it: JavaScript's counts U+FEFF, and not U+0085.
  const words = new RegExp(
    PATTERN.replaceAll(/\\(s)/gi, (_, s) => `\\${s === "s" ? "p" : "P"}{White_Space}`),
    "gu",
  );
  /** @type {Map<string, number[]>} */
  const known = new Map();
  const encodeWord = (/** @type {string} */ word) => {
    let found = known.get(word);
    if (!found) known.set(word, (found = merged(word, ids)));
    return found;
  };
  const bytesOf = (/** @type {number} */ id) =>
    id < spelled.length
      ? Uint8Array.from(spelled[id], (each) => each.charCodeAt(0))
      : new TextEncoder().encode(special[id - spelled.length]);
  return {
    encode(text) {
      const found = [];
      for (const part of special.length ? text.split(parts) : [text]) {
        const id = specialIds.get(part);
        if (id !== undefined) found.push(id);
        else for (const [word] of part.matchAll(words)) found.push(...encodeWord(word));
      }
      return Int32Array.from(found);
    },
    textOf: (id) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(id)),
    bytesOf,
    missing: () => [],
  };
}

/**
 * The ids of one word: of all neighbors, those whose union has the lowest id are joined first, the left ones of equals.
 * @param {string} word
 * @param {Map<string, number>} ids
 */
function merged(word, ids) {
  let parts = Array.from(new TextEncoder().encode(word), (byte) => String.fromCharCode(byte));
  const whole = ids.get(parts.join(""));
  if (whole !== undefined) return [whole];
  for (;;) {
    let [best, at] = [Infinity, -1];
    for (let i = 0; i + 1 < parts.length; i++) {
      const id = ids.get(parts[i] + parts[i + 1]) ?? Infinity;
      if (id < best) [best, at] = [id, i];
    }
    if (at < 0) break;
    parts = [...parts.slice(0, at), parts[at] + parts[at + 1], ...parts.slice(at + 2)];
  }
  return parts.map((part) => {
    const id = ids.get(part);
    if (id === undefined)
      throw new Error(`The tokenizer in this file has no token for the byte ${part.charCodeAt(0)}.`);
    return id;
  });
}

/** @returns {value is string[]} */
const isTexts = (/** @type {unknown} */ value) =>
  Array.isArray(value) && value.every((each) => typeof each === "string" && each);

const isPrintable = (/** @type {number} */ byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const OTHERS = [...Array(256).keys()].filter((byte) => !isPrintable(byte));

/** The bytes of a token, each as the character with its number. In files, those that are not printable are others. */
function unspell(/** @type {string} */ token) {
  return Array.from(token, (symbol) => {
    const code = /** @type {number} */ (symbol.codePointAt(0));
    const byte = code < 256 ? (isPrintable(code) ? code : undefined) : OTHERS[code - 256];
    if (byte === undefined)
      throw new Error(`The tokenizer in this file has the character ${JSON.stringify(symbol)}, which is no byte.`);
    return String.fromCharCode(byte);
  }).join("");
}
