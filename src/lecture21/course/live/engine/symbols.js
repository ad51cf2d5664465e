// What a tokenizer's file has, and the characters in it.

export const UNKNOWN = "\ufffd";

/**
 * @param {string | null} json
 * @returns {Record<string, unknown> | null}
 */
export function readContent(json) {
  if (json === null) return null;
  try {
    return JSON.parse(json);
  } catch {
    throw new Error("The tokenizer in this file is not JSON.");
  }
}

/**
 * The symbol of each id, the last one for unknown characters; null if the tokens are not characters.
 * @param {Record<string, unknown> | null} content  of a tokenizer's file
 * @param {number} vocabulary
 * @returns {string[] | null}
 */
export function symbolsOf(content, vocabulary) {
  if (content?.tokenizer !== "characters") return null;
  const { symbols } = content;
  const fits =
    Array.isArray(symbols) && symbols.every((symbol) => typeof symbol === "string" && [...symbol].length === 1);
  if (!fits || new Set(symbols).size !== symbols.length) {
    throw new Error("The symbols of the tokenizer in this file are not a list of different characters.");
  }
  if (symbols.length + 1 !== vocabulary) {
    throw new Error(`The tokenizer has ${symbols.length + 1} tokens, and the model has ${vocabulary}.`);
  }
  return [...symbols, UNKNOWN];
}
