// Masks as rows of true and false: what a position sees, directly and through others, and what a mask is called.

/**
 * What each position sees through any number of layers: what it sees, what those see, and so on.
 * @param {boolean[][]} mask  mask[i][j]: position i may attend to position j
 */
export function reach(mask) {
  const found = mask.map((row, i) => row.map((may, j) => may || i === j)); // a residual stream keeps its own token
  const all = mask.map((_, i) => i);
  for (const k of all) {
    for (const i of all) {
      if (found[i][k]) for (const j of all) found[i][j] ||= found[k][j];
    }
  }
  return found;
}

/**
 * The mask of a family: positions of the source see all of the source, each other one sees the source and what is left
 * of it, itself included.
 * @param {number} size
 * @param {number} nSource
 */
export function familyMask(size, nSource) {
  return square(size, (i, j) => j < nSource || j <= i);
}

/**
 * Return what a mask is called, or "".
 * @param {boolean[][]} mask
 */
export function nameOf(mask) {
  const size = mask.length;
  const is = (/** @type {(i: number, j: number) => boolean} */ rule) =>
    mask.every((row, i) => row.every((may, j) => may === rule(i, j)));
  if (is(() => true)) return "no mask at all, as in an encoder (BERT)";
  if (is((i, j) => j <= i)) return "the causal mask of a decoder (GPT)";
  for (let prefix = 2; prefix < size; prefix++) {
    if (is((i, j) => j < prefix || j <= i))
      return `the mask of an encoder–decoder (BART, T5) with a source of ${prefix}, or of a prefix language model`;
  }
  for (let window = 2; window < size; window++) {
    if (is((i, j) => j <= i && i - j < window)) return `a sliding window of ${window}, as in Mistral 7B`;
  }
  if (is((i, j) => i === j)) return "the identity: each position sees only itself";
  if (is((i, j) => j >= i)) return "the causal mask of a model that reads from right to left";
  return "";
}

/**
 * @param {number} size
 * @param {(i: number, j: number) => boolean} rule
 */
export function square(size, rule) {
  return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => rule(i, j)));
}
