// Small mathematics on arrays of numbers and on matrices as arrays of rows.

/**
 * Return the dot product.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b  of the same length
 */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Return the rows of a matrix as its columns.
 * @param {number[][]} a
 */
export function transpose(a) {
  return (a[0] ?? []).map((_, j) => a.map((row) => row[j]));
}

/**
 * Return the matrix product.
 * @param {number[][]} a  n x k
 * @param {number[][]} b  k x m
 * @returns {number[][]}  n x m
 */
export function matmul(a, b) {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

/**
 * Return the identity matrix.
 * @param {number} size
 */
export function identity(size) {
  return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
}

/**
 * Return e to the power of each score, divided by their sum. A score of -Infinity gets 0; if all are, the result is
 * NaN, as in torch.
 * @param {ArrayLike<number>} scores
 * @returns {number[]}
 */
export function softmax(scores) {
  const highest = scores.length ? scores[argmax(scores)] : 0;
  const powers = Array.from(scores, (score) => Math.exp(score - highest)); // no power is greater than 1
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * Return the index of the greatest value, the first of equals; -1 for no values.
 * @param {ArrayLike<number>} values
 */
export function argmax(values) {
  let best = values.length ? 0 : -1;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/**
 * Return a function that gives the next uniform number from 0 to below 1, the same ones for the same seed.
 * The generator is mulberry32 (Tommy Ettinger, 2017).
 * @param {number} seed  a whole number
 * @returns {() => number}
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Return a number with mean 0 and variance 1 from a normal distribution (Box and Muller 1958).
 * @param {() => number} random  of `seededRandom`
 */
export function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * Write a number for readers: whole numbers without a point, others rounded, with a real minus sign and no "-0".
 * @param {number} value
 * @param {number} [digits]  after the point, unless the number is whole
 */
export function written(value, digits = 2) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "\u2212∞" : "∞";
  const rounded = Number(value.toFixed(digits));
  const text = Math.abs(value - Math.round(value)) < 1e-9 ? String(Math.abs(rounded)) : Math.abs(value).toFixed(digits);
  return rounded < 0 ? `\u2212${text}` : text;
}

/**
 * Write a share: 31.2 %, < 0.1 %; or with so many significant digits: 12.5 %, 100 %, 0.03 %.
 * @param {number} share
 * @param {number} [digits]
 */
export function percent(share, digits) {
  if (digits) return `${Number((100 * share).toPrecision(digits))}\u00a0%`;
  if (share > 0 && share < 0.0005) return "<\u00a00.1\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}
