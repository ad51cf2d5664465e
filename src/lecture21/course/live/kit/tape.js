// Reverse-mode differentiation of matrices in float64: each operation knows how to pass a gradient back to its inputs.

import { softmax } from "./numbers.js";
import { add, addTo, back, dotRow, outer, project } from "./rows.js";

/**
 * @typedef {object} Tensor  a matrix, row by row
 * @property {Float64Array} data
 * @property {number} columns
 * @property {Tensor[]} inputs
 * @property {boolean} trains  whether a gradient is wanted
 * @property {Float64Array} gradient  of the loss, once `backward` was called
 * @property {(gradient: Float64Array) => void} pass  adds to the gradients of the inputs
 */

const NONE = new Float64Array();

/** @type {(data: Float64Array, columns: number, inputs: Tensor[], pass: Tensor["pass"]) => Tensor} */
function result(data, columns, inputs, pass) {
  return { data, columns, inputs, trains: inputs.some(({ trains }) => trains), gradient: NONE, pass };
}

/**
 * Return numbers that are given.
 * @param {Float64Array} data
 * @param {number} columns
 * @param {boolean} [trains]
 * @returns {Tensor}
 */
export function given(data, columns, trains = false) {
  return { ...result(data, columns, [], () => {}), trains };
}

/** Return W x for each row x, as a linear layer does. @param {Tensor} x @param {Tensor} weight */
export function linear(x, weight) {
  const width = x.columns;
  return result(project(x.data, weight.data, width), weight.data.length / width, [x, weight], (gradient) => {
    if (x.trains) back(x.gradient, gradient, weight.data, width);
    if (weight.trains) outer(weight.gradient, gradient, x.data, width);
  });
}

/** Return some rows of a matrix. @param {Tensor} x @param {number[]} rows */
export function gather(x, rows) {
  const width = x.columns;
  const data = new Float64Array(rows.length * width);
  rows.forEach((row, i) => data.set(x.data.subarray(row * width, (row + 1) * width), i * width));
  return result(data, width, [x], (gradient) => {
    rows.forEach((row, i) => addTo(x.gradient, row, gradient.subarray(i * width, (i + 1) * width), 1));
  });
}

/** Return a + b, where b is repeated as often as it fits into a. @param {Tensor} a @param {Tensor} b */
export function sum(a, b) {
  const size = b.data.length;
  const data = Float64Array.from(a.data);
  for (let from = 0; from < data.length; from += size) add(data.subarray(from, from + size), b.data, 0, size);
  return result(data, a.columns, [a, b], (gradient) => {
    if (a.trains) add(a.gradient, gradient, 0, gradient.length);
    if (!b.trains) return;
    for (let row = 0; row < gradient.length / size; row++) add(b.gradient, gradient, row, size);
  });
}

/**
 * Return f of each number.
 * @param {Tensor} x
 * @param {(value: number) => number} f
 * @param {(value: number, found: number) => number} slope  the derivative of f at a value, where f was found
 */
export function map(x, f, slope) {
  const data = x.data.map(f);
  return result(data, x.columns, [x], (gradient) => {
    for (let i = 0; i < data.length; i++) x.gradient[i] += gradient[i] * slope(x.data[i], data[i]);
  });
}

export const tanh = (/** @type {Tensor} */ x) => map(x, Math.tanh, (_, y) => 1 - y ** 2);
export const exp = (/** @type {Tensor} */ x) => map(x, Math.exp, (_, y) => y);
export const square = (/** @type {Tensor} */ x) =>
  map(
    x,
    (value) => value ** 2,
    (value) => 2 * value,
  );
export const scaled = (/** @type {Tensor} */ x, /** @type {number} */ by) =>
  map(
    x,
    (value) => by * value,
    () => by,
  );

/** Return a b, number by number, where b is repeated as often as it fits into a. @param {Tensor} a @param {Tensor} b */
export function product(a, b) {
  const size = b.data.length;
  const data = a.data.map((value, i) => value * b.data[i % size]);
  return result(data, a.columns, [a, b], (gradient) => {
    gradient.forEach((each, i) => {
      if (a.trains) a.gradient[i] += each * b.data[i % size];
      if (b.trains) b.gradient[i % size] += each * a.data[i];
    });
  });
}

/** Return log(sum(exp)) of each row. @param {Tensor} x */
export function logSumExp(x) {
  const width = x.columns;
  const data = Float64Array.from({ length: x.data.length / width }, (_, i) => {
    const row = x.data.subarray(i * width, (i + 1) * width);
    const most = Math.max(...row);
    return most + Math.log(row.reduce((total, value) => total + Math.exp(value - most), 0));
  });
  return result(data, 1, [x], (gradient) => {
    x.data.forEach((value, i) => {
      const row = Math.floor(i / width);
      x.gradient[i] += gradient[row] * Math.exp(value - data[row]);
    });
  });
}

/** Return the mean of all numbers. @param {Tensor} x */
export function mean(x) {
  const size = x.data.length;
  return result(Float64Array.of(x.data.reduce((a, b) => a + b) / size), 1, [x], ([gradient]) => {
    for (let i = 0; i < size; i++) x.gradient[i] += gradient / size;
  });
}

/**
 * @typedef {object} Source  of keys and values
 * @property {Tensor} keys  N x C
 * @property {Tensor} values  N x C
 * @property {number[][]} rows  T for each query: which of the N are its keys and values
 */

/**
 * Let each query attend to T keys. A key is the sum of those of all sources, as a word's and its position's; a value too.
 * @param {Tensor} query  B x C
 * @param {Source[]} sources
 * @param {number} scale  of the scores
 * @returns {Tensor & {weights: Float64Array[]}}  B x C, and the T weights of each query
 */
export function attend(query, sources, scale) {
  const width = query.columns;
  const data = new Float64Array(query.data.length);
  const row = (/** @type {Float64Array} */ a, /** @type {number} */ i) => a.subarray(i * width, (i + 1) * width);
  const weights = sources[0].rows.map((_, b) => {
    const [asks, out] = [row(query.data, b), row(data, b)];
    const scores = new Float64Array(sources[0].rows[b].length);
    for (const { keys, rows } of sources)
      rows[b].forEach((at, t) => (scores[t] += scale * dotRow(asks, keys.data, at, width)));
    const found = Float64Array.from(softmax(scores));
    for (const { values, rows } of sources) rows[b].forEach((at, t) => add(out, values.data, at, width, found[t]));
    return found;
  });
  const inputs = [query, ...sources.flatMap(({ keys, values }) => [keys, values])];
  const found = result(data, width, inputs, (gradient) => {
    weights.forEach((shares, b) => {
      const [asks, out] = [row(query.data, b), row(gradient, b)];
      const dAsks = query.trains ? row(query.gradient, b) : null;
      const slopes = new Float64Array(shares.length);
      for (const { values, rows } of sources)
        rows[b].forEach((at, t) => (slopes[t] += dotRow(out, values.data, at, width)));
      const mean = dotRow(shares, slopes, 0, shares.length);
      for (const { keys, values, rows } of sources) {
        rows[b].forEach((at, t) => {
          const slope = scale * shares[t] * (slopes[t] - mean);
          if (dAsks) add(dAsks, keys.data, at, width, slope);
          if (keys.trains) addTo(keys.gradient, at, asks, slope);
          if (values.trains) addTo(values.gradient, at, out, shares[t]);
        });
      }
    });
  });
  return { ...found, weights };
}

/** Return the mean of -log softmax(logits)[target], as a single number. @param {Tensor} logits @param {number[]} targets */
export function crossEntropy(logits, targets) {
  const width = logits.columns;
  const shares = targets.map((_, i) => softmax(logits.data.subarray(i * width, (i + 1) * width)));
  const loss = -targets.reduce((total, target, i) => total + Math.log(shares[i][target]), 0) / targets.length;
  return result(Float64Array.of(loss), 1, [logits], ([gradient]) => {
    targets.forEach((target, i) => {
      shares[i].forEach((share, v) => {
        logits.gradient[i * width + v] += (gradient * (share - Number(v === target))) / targets.length;
      });
    });
  });
}

/** Compute the gradients of everything that trains and that a loss depends on. */
export function backward(/** @type {Tensor} */ loss) {
  /** @type {Set<Tensor>} each after its inputs */
  const order = new Set();
  const visit = (/** @type {Tensor} */ x) => {
    if (!x.trains || order.has(x)) return;
    x.inputs.forEach(visit);
    x.gradient = new Float64Array(x.data.length);
    order.add(x);
  };
  visit(loss);
  loss.gradient[0] = 1;
  for (const x of [...order].reverse()) x.pass(x.gradient);
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/**
 * Make one step of Adam, in place.
 * @template {Float64Array | number[]} Numbers
 * @param {{parameters: Numbers, first: Numbers, second: Numbers}} state  with both moments, at first 0
 * @param {ArrayLike<number>} gradient
 * @param {number} rate  learning rate
 * @param {number} step  the first is 1
 */
export function adam({ parameters, first, second }, gradient, rate, step) {
  const [size, root] = [rate / (1 - BETA1 ** step), Math.sqrt(1 - BETA2 ** step)];
  for (let i = 0; i < parameters.length; i++) {
    first[i] += (1 - BETA1) * (gradient[i] - first[i]);
    second[i] += (1 - BETA2) * (gradient[i] ** 2 - second[i]);
    parameters[i] -= (size * first[i]) / (Math.sqrt(second[i]) / root + EPSILON);
  }
}
