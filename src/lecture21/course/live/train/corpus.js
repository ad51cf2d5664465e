// A text to train on: checked, split, and as token ids, as lecture21.data.split and CharTokenizer do.

export const LEAST = 500; // characters
const MOST = 2_000_000;
const SYMBOLS = 1000;

/**
 * @typedef {object} Corpus
 * @property {string[]} symbols  distinct and sorted; the unknown symbol, whose id comes after them, is not among them
 * @property {number} vocabulary  number of token ids
 * @property {Int32Array} tokens  the training split
 * @property {Int32Array} validation  the validation split
 */

/**
 * Return a text with line breaks of one kind, without a byte order mark, and without halves of characters.
 * @param {string} text
 */
export function cleaned(text) {
  return text
    .replace(/^\ufeff/, "")
    .replace(/\r\n?/g, "\n")
    .replace(/\p{Surrogate}/gu, "\ufffd");
}

/**
 * Split a text into training and validation, and encode both.
 * @param {string} text
 * @returns {Corpus}
 */
export function prepare(text) {
  const characters = Array.from(cleaned(text));
  if (characters.length < LEAST) {
    const found = `this one has ${characters.length.toLocaleString("en")}`;
    throw new Error(`A text needs at least ${LEAST} characters to train on; ${found}.`);
  }
  if (characters.length > MOST) {
    throw new Error(`A text may have at most ${MOST.toLocaleString("en")} characters here.`);
  }
  const symbols = [...new Set(characters)].sort((a, b) => Number(a.codePointAt(0)) - Number(b.codePointAt(0)));
  if (symbols.length > SYMBOLS) {
    const found = symbols.length.toLocaleString("en");
    throw new Error(`A text may have at most ${SYMBOLS} different characters here; this one has ${found}.`);
  }
  if (symbols.length < 2)
    throw new Error("A text needs at least two different characters, or there is nothing to learn.");
  const ids = encode(characters, symbols);
  const cut = Math.floor(0.9 * ids.length);
  return { symbols, vocabulary: symbols.length + 1, tokens: ids.slice(0, cut), validation: ids.slice(cut) };
}

/**
 * Return the id of each character; the unknown symbol has the last one.
 * @param {string[] | string} text
 * @param {string[]} symbols
 */
export function encode(text, symbols) {
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
  return Int32Array.from(text, (character) => ids.get(character) ?? symbols.length);
}

/**
 * Return the text of a file, which must have some, in UTF-8.
 * @param {Blob} file
 * @returns {Promise<string>}
 */
export async function readTextFile(file) {
  if (!file.size) throw new Error("The file is empty.");
  if (file.size > 4 * MOST)
    throw new Error(`The file has ${(file.size / 1e6).toFixed(0)} MB; a text may have at most 8 MB.`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error("The file is not text in UTF-8; choose a plain .txt file.");
  }
}
