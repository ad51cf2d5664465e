// AdamW and Muon, with the groups and the constants of lecture21.training, and without weight decay.

import { matrix, transposed } from "./memory.js";

/**
 * @typedef {import("./network.js").Network} Network
 * @typedef {import("./config.js").Parameter} Parameter
 * @typedef {object} Rates
 * @property {"adamw" | "muon"} optimizer  muon: Muon for the matrices of the blocks, AdamW for everything else
 * @property {number} learningRate
 * @property {number} muonLearningRate
 * @property {number | null} embeddingLearningRate  of AdamW, for embedding tables; learningRate if null
 */

const [BETA1, BETA2] = [0.9, 0.999];
const EPS = 1e-8;
const MOMENTUM = 0.95;
const [A, B, C] = [3.4445, -4.775, 2.0315]; // of the Newton-Schulz iteration (Jordan et al. 2024)
const ITERATIONS = 5;

/** The two moving averages of every parameter, and scratch memory for Muon. */
export class Optimizer {
  /**
   * @param {Network} network  with gradients
   * @param {Rates} rates
   */
  constructor(network, rates) {
    const { memory, first, size } = network;
    this.network = network;
    this.rates = rates;
    this.step = 0;
    this.toMean = memory.allocate(size) - first; // for Muon, the momentum
    this.toSquare = memory.allocate(size) - first;
    const muon = network.parameters.filter((parameter) => this.usesMuon(parameter));
    const largest = Math.max(0, ...muon.map((parameter) => parameter.size));
    const narrow = Math.max(0, ...muon.map(({ rows, columns }) => Math.min(rows + 7, columns)));
    this.scratch = [0, 1].map(() => memory.allocate(largest));
    this.square = [0, 1].map(() => memory.allocate(narrow * (narrow + 8)));
    memory.prepare(Math.max(0, ...muon.map(({ rows, columns }) => Math.max(rows, columns) + 8)));
  }

  usesMuon(/** @type {Parameter} */ { name, kind }) {
    return this.rates.optimizer === "muon" && kind === "matrix" && name.startsWith("blocks.");
  }

  /** About how long an update of a parameter takes, compared with others. */
  costOf = (/** @type {Parameter} */ parameter) =>
    parameter.size * (this.usesMuon(parameter) ? 5 + Math.min(parameter.rows, parameter.columns) : 5);

  /**
   * Update parameters, a part at each turn, so that a page on the same thread stays alive.
   * @param {number} fraction  of the learning rates at this step
   * @param {Parameter[]} parameters  all of them, or those that another does not update
   * @returns {Generator<undefined>}
   */
  *update(fraction, parameters) {
    this.step++;
    const { learningRate, muonLearningRate, embeddingLearningRate } = this.rates;
    for (const parameter of parameters) {
      if (this.usesMuon(parameter)) {
        this.muon(parameter, fraction * muonLearningRate);
        yield;
      } else {
        const isEmbedding = parameter.kind === "embedding";
        this.adamw(parameter, fraction * (isEmbedding ? (embeddingLearningRate ?? learningRate) : learningRate));
        if (parameter.size > 10000) yield;
      }
    }
  }

  adamw(/** @type {Parameter} */ { offset, size }, /** @type {number} */ rate) {
    const f = this.network.memory.floats;
    const { toGradient } = this.network;
    const { toMean, toSquare, step } = this;
    const scale = rate / (1 - BETA1 ** step);
    const root = Math.sqrt(1 - BETA2 ** step);
    for (let i = offset; i < offset + size; i++) {
      const g = f[i + toGradient];
      const mean = (f[i + toMean] += (g - f[i + toMean]) * (1 - BETA1));
      const square = (f[i + toSquare] = BETA2 * f[i + toSquare] + (1 - BETA2) * g * g);
      f[i] -= (scale * mean) / (Math.sqrt(square) / root + EPS);
    }
  }

  muon(/** @type {Parameter} */ { offset, size, rows, stride, shape }, /** @type {number} */ rate) {
    const f = this.network.memory.floats;
    const { toGradient } = this.network;
    const { toMean } = this;
    const [outputs, inputs] = shape;
    const scale = rate * Math.sqrt(Math.max(1, outputs / inputs));
    // The gradient a step ahead (Nesterov), in the place of the gradient.
    for (let i = offset; i < offset + size; i++) {
      const g = f[i + toGradient];
      const mean = (f[i + toMean] += (g - f[i + toMean]) * (1 - MOMENTUM));
      f[i + toGradient] = g + (mean - g) * MOMENTUM;
    }
    const direction = this.orthogonalize(offset + toGradient, rows, stride);
    for (let i = 0; i < rows * stride; i++) f[offset + i] -= scale * f[direction + i];
  }

  /**
   * Replace the singular values of a matrix by values near 1, with matrix products alone.
   * @param {number} x  offset; is overwritten
   * @param {number} rows
   * @param {number} columns  a multiple of 8
   * @returns {number}  offset of the result
   */
  orthogonalize(x, rows, columns) {
    const { memory } = this.network;
    const f = memory.floats;
    const wide = rows < columns;
    let square = 0;
    for (let i = x; i < x + rows * columns; i++) square += f[i] * f[i];
    const factor = 1 / Math.max(Math.sqrt(square), 1e-7);
    // With at least as many rows as columns, the product of the transpose with the matrix is the smaller one.
    const [R, K] = wide ? [columns, Math.ceil(rows / 8) * 8] : [rows, columns];
    let [from, to] = this.scratch;
    const [gram, polynomial] = this.square;
    if (wide) {
      f.fill(0, from, from + R * K);
      for (let i = 0; i < rows; i++) for (let j = 0; j < R; j++) f[from + j * K + i] = factor * f[x + i * columns + j];
    } else {
      for (let i = 0; i < rows * columns; i++) f[from + i] = factor * f[x + i];
    }
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      memory.multiply([K, R, K], transposed(from, K), matrix(from, K), matrix(gram, K));
      // x (a + b gram + c gram^2)
      for (let i = 0; i < K * K; i++) f[polynomial + i] = (B / C) * f[gram + i];
      memory.multiply([K, K, K], matrix(gram, K), matrix(gram, K), matrix(polynomial, K), true);
      for (let i = 0; i < K * K; i++) f[polynomial + i] *= C;
      for (let i = 0; i < K; i++) f[polynomial + i * (K + 1)] += A;
      memory.multiply([R, K, K], matrix(from, K), matrix(polynomial, K), matrix(to, K));
      [from, to] = [to, from];
    }
    if (!wide) return from;
    for (let i = 0; i < rows; i++) for (let j = 0; j < R; j++) f[x + i * columns + j] = f[from + j * K + i];
    return x;
  }
}
