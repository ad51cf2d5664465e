// The sequence of an image's patches and a text after them, its mask, and how many scores attention computes.

export const SIDE = 8; // pixels along each side of an image
export const STOP = "⏎";

/**
 * @typedef {{kind: "image", row: number, column: number}} Patch
 * @typedef {{kind: "text", letter: string, target: string}} Letter
 * @typedef {Patch | Letter} Token
 */

/**
 * Return the tokens: each patch with its place, then the text's inputs with their targets.
 * @param {string} text
 * @param {number} size  side of a patch in pixels
 * @returns {Token[]}
 */
export function tokensOf(text, size) {
  const columns = SIDE / size;
  /** @type {Token[]} */
  const patches = Array.from({ length: columns ** 2 }, (_, i) => ({
    kind: "image",
    row: Math.floor(i / columns),
    column: i % columns,
  }));
  const letters = Array.from(text);
  const inputs = [STOP, ...letters];
  return patches.concat(inputs.map((letter, i) => ({ kind: "text", letter, target: letters[i] ?? STOP })));
}

/**
 * Return whether token i may attend to token j.
 * @param {string} mask  prefix or causal
 * @param {number} nImage  number of image tokens, which come first
 * @param {number} i  the query
 * @param {number} j  the key
 */
export function mayAttend(mask, nImage, i, j) {
  return j <= i || (mask === "prefix" && i < nImage && j < nImage);
}

/**
 * Return how many pairs of a query and a key the mask allows.
 * @param {string} mask
 * @param {number} nImage
 * @param {number} count  number of tokens
 */
export function allowedPairs(mask, nImage, count) {
  const ahead = mask === "prefix" ? (nImage * (nImage - 1)) / 2 : 0;
  return (count * (count + 1)) / 2 + ahead;
}

/**
 * Return the patch to which a pixel belongs.
 * @param {number} pixel  index in reading order
 * @param {number} size
 */
export function patchAt(pixel, size) {
  const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
  return Math.floor(row / size) * (SIDE / size) + Math.floor(column / size);
}

/**
 * Return the pixels of a patch, row by row.
 * @param {number[]} pixels
 * @param {{row: number, column: number}} patch
 * @param {number} size
 */
export function pixelsOf(pixels, { row, column }, size) {
  return Array.from({ length: size ** 2 }, (_, i) => {
    const [down, across] = [Math.floor(i / size), i % size];
    return pixels[(row * size + down) * SIDE + column * size + across];
  });
}
