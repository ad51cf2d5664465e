// Axes: from values to pixels and back, and the round numbers that are written at them.

/**
 * @typedef {[number, number]} Range  from the lowest value to the highest
 * @typedef {((value: number) => number) & {invert: (pixel: number) => number}} Axis  the pixel of a value
 */

/**
 * Return an axis.
 * @param {Range} range
 * @param {Range} pixels  where the two ends of the range are
 * @param {boolean} log
 * @returns {Axis}
 */
export function axis([low, high], [from, to], log = false) {
  const [into, back] = log ? [Math.log, Math.exp] : [Number, Number];
  const [first, span] = [into(low), into(high) - into(low)];
  return Object.assign((/** @type {number} */ value) => from + ((into(value) - first) / span) * (to - from), {
    invert: (/** @type {number} */ pixel) => back(first + ((pixel - from) / (to - from)) * span),
  });
}

/**
 * Return round numbers in a range.
 * @param {Range} range
 * @param {boolean} log
 * @param {number} most  how many have room
 */
export function ticks([low, high], log, most) {
  if (log) {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const part of [1, 2, 5]) all.push(part * 10 ** power);
    }
    const inside = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    const tens = inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
    if (inside.length <= most) return inside;
    const every = Math.ceil(tens.length / Math.max(most, 1));
    return tens.filter((_, i) => i % every === 0);
  }
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((each) => each >= rough) ?? rough;
  const found = [];
  // Multiples, not sums: -1 + 0.2 + 0.2 + ... is not 0.
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-6; n++)
    found.push(Number((n * step).toPrecision(12)));
  return found;
}

/** @type {[number, string][]} */
const UNITS = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * Return a number in few characters: 0.25, 12, 1.5k, 2.1M, 3B.
 * @param {number} value
 */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(0);
  for (const [unit, name] of UNITS) {
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}${name}`;
  }
  return String(Number(value.toPrecision(3)));
}
