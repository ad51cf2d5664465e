// Byte-pair encoding as in lecture21.tokenizers.bpe. A token is a string with one character, of code 0 to 255, a byte.

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** @typedef {[string, string]} Pair  of tokens that are merged */
/** @typedef {{pair: Pair, times: number}} Count */

/**
 * Split a text into tokens: in each word, merges are made in the order in which they were learned.
 * @param {string} text
 * @param {Pair[]} merges
 * @returns {string[]}
 */
export function encode(text, merges) {
  return encodeWords(text, merges).flat();
}

/** Split a text into words, each a list of tokens. */
function encodeWords(/** @type {string} */ text, /** @type {Pair[]} */ merges) {
  const rank = new Map(merges.map(([first, second], i) => [`${first}\u0100${second}`, i]));
  const found = [];
  for (const [word] of text.matchAll(WORDS)) {
    let tokens = bytesOf(word);
    for (;;) {
      let best = Infinity;
      for (let i = 0; i + 1 < tokens.length; i++) {
        best = Math.min(best, rank.get(`${tokens[i]}\u0100${tokens[i + 1]}`) ?? Infinity);
      }
      if (best === Infinity) break;
      tokens = merge(tokens, merges[best]);
    }
    found.push(tokens);
  }
  return found;
}

/**
 * Count the pairs of neighbors within the words of a text, the most frequent first, equals in their order in the text.
 * @param {string} text
 * @param {Pair[]} merges  that are made before
 * @returns {Count[]}
 */
export function pairCounts(text, merges) {
  /** @type {Map<string, Count>} */
  const found = new Map();
  for (const tokens of encodeWords(text, merges)) {
    for (let i = 0; i + 1 < tokens.length; i++) {
      const key = `${tokens[i]}\u0100${tokens[i + 1]}`;
      const each = found.get(key) ?? { pair: [tokens[i], tokens[i + 1]], times: 0 };
      found.set(key, { ...each, times: each.times + 1 });
    }
  }
  return [...found.values()].sort((a, b) => b.times - a.times);
}

/**
 * Add the most frequent pair of a text, again and again.
 * @param {string} text
 * @param {Pair[]} merges  that are made before
 * @param {number} count  how many are added, or fewer if every word has become one token
 * @returns {Pair[]}
 */
export function mostFrequent(text, merges, count) {
  const all = [...merges];
  for (let i = 0; i < count; i++) {
    const [best] = pairCounts(text, all);
    if (!best) break;
    all.push(best.pair);
  }
  return all;
}

/** Merge every occurrence of a pair, from left to right. */
function merge(/** @type {string[]} */ tokens, /** @type {Pair} */ [first, second]) {
  const merged = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === first && tokens[i + 1] === second) {
      merged.push(first + second);
      i++;
    } else merged.push(tokens[i]);
  }
  return merged;
}

function bytesOf(/** @type {string} */ text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
}

/**
 * Return a token as it is shown: spaces and line breaks as signs, bytes that are no text as numbers.
 * @param {string} token
 */
export function visible(token) {
  const bytes = Uint8Array.from(token, (each) => each.charCodeAt(0));
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
  } catch {
    return Array.from(bytes, (byte) => `⟨${byte}⟩`).join("");
  }
}
