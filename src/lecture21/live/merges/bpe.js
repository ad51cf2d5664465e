// Byte-pair encoding as in lecture21.tokenizers.bpe. A token is a string with one character, of code 0 to 255, a byte.

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * Split a text into tokens: in each word, merges are made in the order in which they were learned.
 * @param {string} text
 * @param {[string, string][]} merges
 * @returns {string[]}
 */
export function encode(text, merges) {
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
    found.push(...tokens);
  }
  return found;
}

/** Merge every occurrence of a pair, from left to right. */
function merge(tokens, [first, second]) {
  const merged = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === first && tokens[i + 1] === second) {
      merged.push(first + second);
      i++;
    } else merged.push(tokens[i]);
  }
  return merged;
}

function bytesOf(text) {
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
