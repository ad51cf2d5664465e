// Training: maximum likelihood on random windows of a text, as in lecture21.training, with learning rates that fall to 0.

import { crossEntropy, embedBackward, Gradients, headBackward, layerBackward } from "./backward.js";
import { requireTrained } from "./config.js";
import { applyHead, embed, forwardLayer } from "./forward.js";
import { logProbability } from "./inspect.js";
import { Workspace } from "./network.js";
import { Optimizer } from "./optimizers.js";
import { Random } from "./random.js";
import { addInPairs, addTo, SHARDS, Team } from "./team.js";

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
 * @property {boolean} paused  whether the run waits now for `resume`
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./network.js").Network} Network
 */

const DEFAULTS = {
  batchSize: 16, steps: 5000, optimizer: "adamw", learningRate: 1e-3, muonLearningRate: 0.02,
  embeddingLearningRate: null, seed: 0, evalEvery: 100, tokens: null, validation: null, starts: null, causal: null,
}; // prettier-ignore

/**
 * Train a model, in place, and report its losses at step 0, at every `evalEvery` steps, at the end, and where it pauses.
 * @param {Model} model
 * @param {Training} options
 * @param {(MessagePort | null)[]} [ports]  to the workers that train it together: the first one has the model, reports,
 *   and pauses
 * @returns {Generator<Progress | Promise<void> | undefined, { step: number, losses: Float32Array }, import("./worker.js").Work>}
 */
export function* train(model, options, ports = [null]) {
  const team = new Team(ports);
  try {
    const result = yield* trainTogether(model, checked(model, options), team);
    team.end();
    return result;
  } catch (error) {
    team.end(messageOf(error));
    throw error;
  }
}

const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));

/**
 * Take part in a training that another worker leads.
 * @param {() => Model} make  a model of the same configuration; that there is none is told to the others, which wait
 * @param {Training} options
 * @param {(MessagePort | null)[]} ports
 */
export function* assist(make, options, ports) {
  let model;
  try {
    model = make();
  } catch (error) {
    new Team(ports).end(messageOf(error));
    throw error;
  }
  try {
    yield* train(model, options, ports);
  } finally {
    model.network.memory.release();
  }
}

/**
 * @param {Model} model
 * @param {Settings} settings
 * @param {Team} team
 * @returns {ReturnType<typeof train>}
 */
function* trainTogether(model, settings, team) {
  const { tokens, validation, batchSize: B, steps, evalEvery, starts } = settings;
  const { network } = model;
  const T = network.config.block_size;
  const random = new Random(settings.seed);
  const losses = new Float32Array(steps);
  const { blocks } = network.memory;
  const before = new Set(blocks.keys());
  const shards = SHARDS / team.size; // of this worker
  const began = performance.now();
  let paused = 0; // milliseconds
  let evaluation = 0;
  let since = 0;
  let step = 0;
  /** @type {number[]} */
  let mine = [];
  try {
    /** Where the gradients of its shards are. @type {number[]} */
    const places = [];
    let w, g, optimizer;
    try {
      w = new Workspace(network, Math.ceil(B / SHARDS), T);
      g = new Gradients(network, w);
      places.push(network.toGradient);
      while (places.length < shards) places.push(network.memory.allocate(network.size) - network.first);
      optimizer = new Optimizer(network, settings);
    } finally {
      mine = [...blocks.keys()].filter((offset) => !before.has(offset)); // of this run, and not of a text meanwhile
    }
    if (!(yield* team.begin(network, optimizer.costOf))) return { step, losses };
    let work = yield;

    /**
     * @param {Team} who
     * @param {boolean} isPaused
     * @returns {Generator<Progress | Promise<void> | undefined, import("./worker.js").Work, import("./worker.js").Work>}
     */
    const report = function* (who, isPaused) {
      const from = performance.now();
      const validationLoss = validation ? yield* evaluate(network, w, validation, who) : null;
      const now = performance.now();
      evaluation += (now - from) / 1000;
      const trainLoss =
        step > since ? losses.subarray(since, step).reduce((sum, loss) => sum + loss, 0) / (step - since) : null;
      const seconds = (now - began - paused) / 1000;
      return yield { step, trainLoss, validationLoss, seconds, evaluation, paused: isPaused };
    };

    for (;;) {
      if (step % evalEvery === 0 || step === steps) {
        work = yield* report(team, false);
        since = step;
      }
      if (work.state === "paused") {
        work = yield* report(new Team([null]), true);
        const from = performance.now();
        while (work.state === "paused") work = yield new Promise((resolve) => (work.wake = resolve));
        paused += performance.now() - from;
      }
      if (step === steps || work.state === "stopped") break;
      const windows = Array.from(
        { length: B },
        (_, row) => starts?.[step * B + row] ?? Math.floor(random.uniform() * (tokens.length - T)),
      );
      /** @type {number[]} */
      const parts = [];
      for (let i = 0; i < shards; i++) {
        const shard = team.rank * shards + i;
        const [from, to] = [shard, shard + 1].map((each) => Math.floor((each * B) / SHARDS));
        network.toGradient = places[i];
        parts.push(yield* gradientOf(network, w, g, tokens, windows.slice(from, to), B * T));
      }
      network.toGradient = places[0];
      const { floats } = network.memory;
      addInPairs(shards, (to, from) => {
        parts[to] += parts[from];
        addTo(floats, network.first + places[to], floats, network.first + places[from], network.size);
      });
      const loss = yield* team.sumGradients(network, parts[0]);
      if (loss === null) break;
      if (!Number.isFinite(loss)) {
        throw new Error(`Training diverged: the loss at step ${step} is ${loss}; choose a lower learning rate.`);
      }
      losses[step] = loss;
      yield* optimizer.update(1 - step / steps, team.own);
      if (!(yield* team.shareWeights(network))) break;
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
 * The part of the loss of a batch that windows of it have, and its gradient.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {ArrayLike<number>} tokens
 * @param {number[]} windows  where they begin
 * @param {number} targets  in the batch
 * @returns {Generator<undefined, number, unknown>}
 */
function* gradientOf(network, w, g, tokens, windows, targets) {
  const T = network.config.block_size;
  const ids = new Int32Array(windows.length * T);
  const next = new Int32Array(ids.length);
  windows.forEach((start, row) => {
    for (let t = 0; t < T; t++) {
      ids[row * T + t] = tokens[start + t];
      next[row * T + t] = tokens[start + t + 1];
    }
  });
  if (windows.length) return yield* gradient(network, w, g, ids, next, windows.length, targets);
  g.clear(network);
  return 0;
}

/**
 * The sum of the losses on a batch, divided by `count`, and its gradient in all parameters.
 * @param {Network} network
 * @param {Workspace} w
 * @param {Gradients} g
 * @param {ArrayLike<number>} ids
 * @param {ArrayLike<number>} targets
 * @param {number} batch
 * @param {number} [count]
 * @returns {Generator<undefined, number, unknown>}
 */
export function* gradient(network, w, g, ids, targets, batch, count = targets.length) {
  const rows = ids.length;
  const L = network.layers.length;
  g.clear(network);
  embed(network, w, ids, batch);
  for (let layer = 0; layer < L; layer++) {
    forwardLayer(network, w, layer, rows, batch);
    yield;
  }
  applyHead(network, w, /** @type {number} */ (w.stream.at(-1)), rows);
  const loss = crossEntropy(network, w, targets, count);
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
 * @param {Team} team  whose workers take turns
 * @returns {Generator<Promise<void> | undefined, number, unknown>}
 */
function* evaluate(network, w, tokens, team) {
  const { config, vocabulary } = network;
  const count = tokens.length - 1;
  /** @type {number[]}  of each batch; 0 for those of others */
  const totals = [];
  for (let done = 0; done < count;) {
    const T = Math.min(config.block_size, count - done);
    const batch = Math.min(w.batch, Math.floor((count - done) / T));
    const rows = batch * T;
    let total = 0;
    if (totals.length % team.size === team.rank) {
      embed(network, w, Array.prototype.slice.call(tokens, done, done + rows), batch);
      for (let layer = 0; layer < config.n_layer; layer++) {
        forwardLayer(network, w, layer, rows, batch);
        yield;
      }
      applyHead(network, w, /** @type {number} */ (w.stream.at(-1)), rows);
      const f = network.memory.floats;
      for (let i = 0; i < rows; i++)
        total -= logProbability(f, w.logits + i * vocabulary, config.vocab_size, tokens[done + i + 1]);
    }
    totals.push(total);
    done += rows;
  }
  const all = yield* team.exchange({ totals }, () => ({ totals }));
  return all ? totals.reduce((sum, _, i) => sum + (all[i % team.size].totals?.[i] ?? NaN), 0) / count : NaN;
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
