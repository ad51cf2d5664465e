// One training run after another in the engine: start, stop, resume, samples, and when the loss crossed a line.

import { messageOf } from "../kit/frame.js";
import { startEngine } from "../engine/client.js";
import { encode } from "./corpus.js";
import { recipe, secondsOf, stepsIn } from "./recipe.js";
import { lastOf } from "./words.js";

const SAMPLE_EVERY = 3; // seconds
const SAMPLE = { count: 160, temperature: 0.8 };
const MEASURED = 0.4; // seconds of steps that are timed before a run is planned, for each number of workers
const KEPT = 4; // earlier runs that stay on the chart

/**
 * @typedef {{name: string, nats: number}} Level  a loss to beat
 * @typedef {import("../engine/config.js").Config} Config
 *
 * @typedef {object} Settings
 * @property {import("./corpus.js").Corpus} corpus
 * @property {Int32Array} validation  the part of the validation text on which the loss is measured
 * @property {string} prompt  what samples continue
 * @property {Level[]} levels  the uniform distribution first
 * @property {Partial<Config>} config  the fields that do not have their defaults
 * @property {string} size  name of the shape
 * @property {boolean} own  whether the text is the reader's
 * @property {number} budget  seconds
 * @property {number} steps  0: as many as fit into the budget
 * @property {"muon" | "adamw"} optimizer
 * @property {number} factor  of the learning rates of the recipe
 * @property {number} seed
 */

/**
 * @typedef {{number: number, settings: Settings, planned: number, expected: number, times: number[],
 *   validation: number[]}} Run
 *   what stays of a run when the next one starts
 */

/** @typedef {ReturnType<typeof createSession>} Session */

/**
 * Keep the run of a figure: its state, and what it has measured so far.
 * @param {(what: "progress" | "status" | "crossed" | "sample") => void} onChange
 * @param {(settings: Settings, perStep: number) => Promise<number> | number} choose  the seconds of a run, once it is
 *   known how many a step takes
 */
export function createSession(onChange, choose) {
  /** @type {import("../engine/client.js").Engine | null} */
  let engine = null;
  /** @type {import("../engine/client.js").EngineModel | null} */
  let model = null;
  /** @type {import("../engine/client.js").Training | null} */
  let run = null;
  let current = 0; // a run that was ended must not change anything any more
  let sampling = false;
  let writing = Promise.resolve(); // of the sample that was begun last
  let sampled = 0;
  let out = false; // of the reader's sight

  const session = {
    /**
     * stopping: until the loss of the model is known, which is then stopped; broken: the loss is no number any more.
     * @type {"idle" | "starting" | "running" | "stopping" | "stopped" | "finished" | "broken" | "failed"}
     */
    status: "idle",
    number: 0, // of the run
    away: false,
    error: "",
    backend: "",
    parameters: 0,
    workers: 1,
    planned: 0, // steps
    expected: 0, // seconds that they take
    learningRate: 0, // the highest, of the matrices of blocks
    /** @type {Settings | null} */
    settings: null,
    /** @type {number[]}  seconds since the start, of each report */
    times: [],
    /** @type {number[]} */
    train: [],
    /** @type {number[]} */
    validation: [],
    seconds: 0,
    step: 0,
    /** @type {(Level & {seconds: number, step: number})[]} */
    crossed: [],
    /** @type {{seconds: number, step: number, text: string}[]} */
    samples: [],
    /** @type {Run[]}  those before this one, on the same text, the oldest first */
    earlier: [],

    /** Whether there is a model that can be saved. */
    get hasModel() {
      return model !== null && session.step > 0 && session.status !== "broken";
    },

    /** Whether the learning rate is too high: the loss is worse than that of guessing, and than at the start. */
    get isBroken() {
      const { status, validation, settings } = session;
      const [first = NaN] = validation;
      const worst = Math.max(settings?.levels[0].nats ?? Infinity, first) + 0.05;
      return status === "broken" || (validation.length > 1 && (lastOf(validation) ?? 0) > worst);
    },

    /** Start a run; settings may be a promise, such as of a text that is still loading. */
    async start(/** @type {Promise<Settings> | Settings} */ given) {
      keep();
      session.end();
      const mine = ++current;
      const known = () => mine === current;
      change("starting");
      try {
        let settings = await given;
        engine ??= await startEngine();
        if (!known()) return;
        session.backend = engine.backend;
        const { config, seed, corpus } = settings;
        const shape = { ...config, vocab_size: corpus.vocabulary };
        const { perStep, workers } = await fastest(engine, settings, shape);
        if (!known()) return;
        const budget = await choose(settings, perStep);
        if (!known()) return;
        settings = { ...settings, budget };
        const created = await engine.create(shape, seed, corpus.symbols);
        if (!known()) return created.dispose();
        model = created;
        session.earlier = session.earlier.filter((each) => each.settings.corpus === corpus); // others do not compare
        session.settings = settings;
        session.number++;
        session.parameters = model.parameters;
        const options = optionsOf(settings, perStep);
        session.workers = workers;
        session.planned = options.steps;
        session.expected = settings.steps ? secondsOf(options.steps, perStep) : budget;
        session.learningRate = options.optimizer === "muon" ? options.muonLearningRate : options.learningRate;
        run = model.train(options, (progress) => known() && report(progress), workers);
        change("running");
        if (out) session.leave(true);
        await run.done;
        if (!known()) return;
        await writing;
        if (known() && session.samples.at(-1)?.step !== session.step) await takeSample();
        if (known() && (session.status === "running" || session.status === "stopping")) change("finished");
      } catch (error) {
        if (!known()) return;
        session.error = messageOf(error);
        change(session.error.startsWith("Training diverged") ? "broken" : "failed");
      }
    },

    /** Stop for as long as the reader wants. */
    stop() {
      if (session.status !== "running") return;
      run?.pause(); // which reports the loss of the model as it is then; out of sight, it already has
      change(session.away ? "stopped" : "stopping");
    },

    resume() {
      if (session.status !== "stopped") return;
      if (!out) run?.resume();
      session.away = out;
      change("running");
    },

    /** Pause while the figure is out of sight. */
    leave(/** @type {boolean} */ gone) {
      out = gone;
      if (session.status !== "running") return;
      if (gone) run?.pause();
      else run?.resume();
      session.away = gone;
      onChange("status");
    },

    /** End the run, and forget it. */
    end() {
      current++;
      run?.stop();
      model?.dispose();
      run = model = null;
      sampling = false;
      sampled = 0;
      Object.assign(session, { status: "idle", away: false, error: "", planned: 0, expected: 0, settings: null });
      Object.assign(session, { times: [], train: [], validation: [], seconds: 0, step: 0, crossed: [] });
      session.samples = [];
    },

    /** Forget the earlier runs too. */
    forget() {
      session.end();
      session.earlier = [];
      session.number = 0;
    },

    /** The model as a safetensors file. */
    async save() {
      if (!model) throw new Error("There is no model to save.");
      return model.save();
    },

    close() {
      session.end();
      engine?.close();
      engine = null;
    },
  };

  /** Let the run stay on the chart, unless it has hardly begun. */
  function keep() {
    const { number, settings, planned, expected, times, validation } = session;
    if (settings && times.length > 1)
      session.earlier = [...session.earlier, { number, settings, planned, expected, times, validation }].slice(-KEPT);
  }

  function change(/** @type {typeof session.status} */ status) {
    session.status = status;
    onChange("status");
  }

  /** The options of the engine's `train`. */
  function optionsOf(/** @type {Settings} */ settings, /** @type {number} */ secondsPerStep) {
    const { corpus, validation, optimizer, factor, seed, budget, steps, config } = settings;
    const chosen = recipe(steps || stepsIn(budget, secondsPerStep), optimizer);
    for (const name of /** @type {const} */ (["learningRate", "muonLearningRate", "embeddingLearningRate"])) {
      chosen[name] *= factor;
    }
    return { tokens: corpus.tokens, validation, ...chosen, seed, causal: config.causal };
  }

  /**
   * Find out whether one worker or all of them are faster here; they have the same result.
   * @param {import("../engine/client.js").Engine} engine @param {Settings} settings @param {Partial<Config>} shape
   */
  async function fastest(engine, settings, shape) {
    const all = await engine.hire();
    let found = { perStep: await timeSteps(engine, settings, shape, 1), workers: 1 };
    if (all > 1) {
      const perStep = await timeSteps(engine, settings, shape, all);
      if (perStep < found.perStep) found = { perStep, workers: all };
    }
    return found;
  }

  /**
   * Train a copy for a moment, and return how long a step takes on this machine.
   * @param {import("../engine/client.js").Engine} engine @param {Settings} settings @param {Partial<Config>} shape
   * @param {number} workers
   */
  async function timeSteps(engine, settings, shape, workers) {
    const copy = await engine.create(shape, settings.seed, settings.corpus.symbols);
    let perStep = 1;
    const options = { ...optionsOf({ ...settings, factor: 1 }, 0.03), validation: null, evalEvery: 2, steps: 1000 };
    /** @type {{step: number, seconds: number} | null} */
    let first = null; // after the first steps, which are slower
    const measure = (/** @type {import("../engine/training.js").Progress} */ { step, seconds }) => {
      if (step && !first) first = { step, seconds };
      else if (first) perStep = (seconds - first.seconds) / (step - first.step);
      if (first && seconds > MEASURED && step > first.step) trial.stop();
    };
    const trial = copy.train(options, measure, workers);
    await trial.done;
    copy.dispose();
    return perStep;
  }

  function report(
    /** @type {import("../engine/training.js").Progress} */ { step, trainLoss, validationLoss, seconds, paused },
  ) {
    const loss = validationLoss ?? NaN;
    session.step = step;
    session.seconds = seconds;
    session.times.push(seconds);
    session.train.push(trainLoss ?? NaN);
    session.validation.push(loss);
    const levels = /** @type {Settings} */ (session.settings).levels.slice(1); // a new model is at the uniform one
    const passed = levels.filter(({ name, nats }) => loss < nats && !session.crossed.some((c) => c.name === name));
    for (const { name, nats } of passed) session.crossed.push({ name, nats, seconds, step });
    if (paused && session.status === "stopping") change("stopped");
    else onChange(passed.length && step > 0 ? "crossed" : "progress");
    if (!sampling && (paused || seconds - sampled >= SAMPLE_EVERY || !session.samples.length)) writing = takeSample();
  }

  /** Let the model write, beside the run. */
  async function takeSample() {
    if (sampling || model === null) return;
    sampling = true;
    const mine = current;
    const { step, seconds, settings } = session;
    sampled = seconds;
    const { prompt, corpus, seed } = /** @type {Settings} */ (settings);
    try {
      const tokens = await model.generate(encode(prompt, corpus.symbols), { ...SAMPLE, seed }).done;
      if (mine !== current) return;
      const text = Array.from(tokens, (id) => corpus.symbols[id] ?? "\ufffd").join("");
      session.samples = [...session.samples, { seconds, step, text }];
      onChange("sample");
    } catch {
      // A run that diverged cannot write; its loss says so.
    } finally {
      if (mine === current) sampling = false;
    }
  }

  return session;
}
