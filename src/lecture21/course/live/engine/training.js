// Training: maximum likelihood on random windows of a text, as in lecture21.training, with learning rates that fall to 0.

import { crossEntropy, embedBackward, Gradients, headBackward, layerBackward } from "./backward.js";
import { requireTrained } from "./config.js";
import { applyHead, embed, forwardLayer } from "./forward.js";
import { logProbability } from "./inspect.js";
import { Workspace } from "./network.js";
import { Optimizer } from "./optimizers.js";
import { Random } from "./random.js";

/**
 * @typedef {object} Options
 * @property {ArrayLike<number>} tokens  the training text
 * @property {ArrayLike<number> | null} [validation]  is evaluated as a whole, in windows that do not overlap
 * @property {number} [batchSize]  windows in a batch
 * @property {number} [steps]
 * @property {number} [seed]    of the windows
 * @property {number} [evalEvery]  steps between two reports
 * @property {boolean} [causal]  whether a position sees only itself and earlier ones; by default as the model was made
 * @property {ArrayLike<number>} [starts]  where the windows of all batches begin, instead of random places
 * @typedef {Options & Partial<import("./optimizers.js").Rates>} Training
 * @typedef {import("./optimizers.js").Rates & {tokens: ArrayLike<number>, validation: ArrayLike<number> | null,
 *   batchSize: number, steps: number, seed: number, evalEvery: number, causal: boolean | null,
 *   starts: ArrayLike<number> | null}} Settings
 * @typedef {object} Progress
 * @property {number} step
 * @property {number | null} trainLoss  mean over the batches since the last report; null at step 0
 * @property {number | null} validationLoss  null without a validation text
 * @property {number} seconds  of training and evaluation, without pauses
 * @property {number} evaluation  seconds of evaluation among them
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./network.js").Network} Network
 */

const DEFAULTS = {
  batchSize: 16, steps: 5000, optimizer: "adamw", learningRate: 1e-3, muonLearningRate: 0.02,
  embeddingLearningRate: null, seed: 0, evalEvery: 100, tokens: null, validation: null, starts: null, causal: null,
}; // prettier-ignore

/**
 * Train a model, in place, and report its losses at step 0, at every `evalEvery` steps, and at the end.
 * @param {Model} model
 * @param {Training} options
 * @returns {Generator<Progress | undefined, { step: number, losses: Float32Array }, import("./worker.js").Work>}
 */
export function* train(model, options) {
  const settings = checked(model, options);
  const { tokens, validation, batchSize: B, steps, evalEvery, starts } = settings;
  const { network } = model;
  const T = network.config.block_size;
  const random = new Random(settings.seed);
  const losses = new Float32Array(steps);
  const { blocks } = network.memory;
  const before = new Set(blocks.keys());
  const began = performance.now();
  let evaluation = 0;
  let since = 0;
  let step = 0;
  /** @type {number[]} */
  let mine = [];
  try {
    let w, g, optimizer;
    try {
      w = new Workspace(network, B, T);
      g = new Gradients(network, w);
      optimizer = new Optimizer(network, settings);
    } finally {
      mine = [...blocks.keys()].filter((offset) => !before.has(offset)); // of this run, and not of a text meanwhile
    }
    let work = yield;
    for (;;) {
      if (step % evalEvery === 0 || step === steps) {
        const from = performance.now() - work.paused;
        const validationLoss = validation ? yield* evaluate(network, w, validation) : null;
        const now = performance.now() - work.paused;
        evaluation += (now - from) / 1000;
        const trainLoss = step
          ? losses.subarray(since, step).reduce((sum, loss) => sum + loss, 0) / (step - since)
          : null;
        since = step;
        work = yield { step, trainLoss, validationLoss, seconds: (now - began) / 1000, evaluation };
      }
      if (step === steps || work.state === "stopped") break;
      const ids = new Int32Array(B * T);
      const targets = new Int32Array(B * T);
      for (let row = 0; row < B; row++) {
        const start = starts ? starts[step * B + row] : Math.floor(random.uniform() * (tokens.length - T));
        for (let t = 0; t < T; t++) {
          ids[row * T + t] = tokens[start + t];
          targets[row * T + t] = tokens[start + t + 1];
        }
      }
      const loss = yield* gradient(network, w, g, ids, targets, B);
      if (!Number.isFinite(loss)) {
        throw new Error(`Training diverged: the loss at step ${step} is ${loss}; choose a lower learning rate.`);
      }
      losses[step] = loss;
      yield* optimizer.update(1 - step / steps);
      model.version++;
      step++;
      work = yield;
    }
  } finally {
    network.toGradient = 0;
    network.memory.release(mine);
  }
  return { step, losses: losses.slice(0, step) };
}

/**
 * The loss on a batch, and its gradient in all parameters.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {ArrayLike<number>} ids
 * @param {ArrayLike<number>} targets
 * @param {number} batch
 * @returns {Generator<undefined, number, unknown>}
 */
export function* gradient(network, w, g, ids, targets, batch) {
  const rows = ids.length;
  const L = network.layers.length;
  g.clear(network);
  embed(network, w, ids, batch);
  for (let layer = 0; layer < L; layer++) {
    forwardLayer(network, w, layer, rows, batch);
    yield;
  }
  applyHead(network, w, /** @type {number} */ (w.stream.at(-1)), rows);
  const loss = crossEntropy(network, w, targets);
  headBackward(network, w, g, rows);
  yield;
  for (let layer = L - 1; layer >= 0; layer--) {
    layerBackward(network, w, g, layer, rows, batch);
    yield;
  }
  embedBackward(network, g, ids, batch);
  return loss;
}

/**
 * The mean loss over a whole text, in windows that do not overlap, each target counted once.
 * @param {Network} network
 * @param {Workspace} w
 * @param {ArrayLike<number>} tokens
 * @returns {Generator<undefined, number, unknown>}
 */
function* evaluate(network, w, tokens) {
  const { config, vocabulary } = network;
  const count = tokens.length - 1;
  let total = 0;
  for (let done = 0; done < count;) {
    const T = Math.min(config.block_size, count - done);
    const batch = Math.min(w.batch, Math.floor((count - done) / T));
    const ids = Array.prototype.slice.call(tokens, done, done + batch * T);
    embed(network, w, ids, batch);
    for (let layer = 0; layer < config.n_layer; layer++) {
      forwardLayer(network, w, layer, ids.length, batch);
      yield;
    }
    applyHead(network, w, /** @type {number} */ (w.stream.at(-1)), ids.length);
    const f = network.memory.floats;
    for (let i = 0; i < ids.length; i++) {
      total -= logProbability(f, w.logits + i * vocabulary, config.vocab_size, tokens[done + i + 1]);
    }
    done += ids.length;
  }
  return total / count;
}

/**
 * Check what can be checked before anything is computed, and fill in what is missing.
 * @param {Model} model
 * @param {Training} options
 * @returns {Settings}
 */
function checked(model, options) {
  const config = model.config;
  if (model.network.toGradient) throw new Error("This model is already being trained.");
  const T = config.block_size;
  /** @type {Record<string, unknown>} */
  const given = { ...DEFAULTS };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULTS, name)) throw new Error(`Training has no option ${JSON.stringify(name.slice(0, 40))}.`);
    given[name] = value;
  }
  const s = /** @type {Settings} */ (given);
  const require = (/** @type {keyof Settings} */ name, /** @type {boolean} */ fits, /** @type {string} */ allowed) => {
    if (!fits) throw new Error(`${name} must be ${allowed}, got ${String(JSON.stringify(s[name])).slice(0, 40)}.`);
  };
  for (const name of /** @type {const} */ (["batchSize", "evalEvery", "steps", "seed"])) {
    const least = name === "batchSize" || name === "evalEvery" ? 1 : 0;
    require(name, Number.isSafeInteger(s[name]) && s[name] >= least, `a whole number >= ${least}`);
  }
  for (const name of /** @type {const} */ (["learningRate", "muonLearningRate", "embeddingLearningRate"])) {
    const rate = s[name];
    const fits = rate === null ? name === "embeddingLearningRate" : rate > 0 && rate < Infinity;
    require(name, fits, "a positive number");
  }
  require("optimizer", ["adamw", "muon"].includes(s.optimizer), "adamw or muon");
  requireTrained(config);
  if (s.causal !== null) config.causal = Boolean(s.causal);
  s.tokens = model.checkIds(s.tokens);
  if (s.tokens.length <= T) throw new Error(`The text has ${s.tokens.length} tokens; a block of ${T} needs ${T + 1}.`);
  if (s.validation !== null) s.validation = model.checkIds(s.validation, 2);
  const last = s.tokens.length - T - 1;
  const inside = (/** @type {number} */ start) => Number.isInteger(start) && start >= 0 && start <= last;
  if (
    s.starts !== null &&
    !(s.starts.length >= s.steps * s.batchSize && Array.prototype.every.call(s.starts, inside))
  ) {
    throw new Error(`starts must be ${s.steps * s.batchSize} places from 0 to ${last}.`);
  }
  return s;
}
