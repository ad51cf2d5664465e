// The engine as figures use it: a worker made from text, or the same code on the page's own thread.

import { SHARDS } from "./team.js";
import { inline, source } from "./worker.js?worker";

/**
 * @typedef {import("./generate.js").Generation} Generation
 * @typedef {import("./config.js").Config} Config
 * @typedef {import("./model.js").Model["description"] & { model: number }} Description
 * @typedef {{ done: Promise<{ step: number, losses: Float32Array }>, stop: () => void, pause: () => void,
 *   resume: () => void }} Training
 */

const FAILED = "The engine stopped because of an error in its worker.";
const SILENT = "The engine has not answered for a minute; reload the page to start it again.";
const ASK_EVERY = 15; // seconds, while something is waited for
const UNANSWERED = 4; // questions, after which the worker is given up

/**
 * Start the engine.
 *
 * A worker needs no file of its own: it is made from text. Where the policy of the host forbids that, or with
 * `worker: false`, the engine runs on this thread, in slices.
 * @param {{ worker?: boolean, simd?: boolean, fma?: boolean }} [options]  simd, fma: false to do without
 * @returns {Promise<Engine>}
 */
export async function startEngine({ worker = true, simd = true, fma = true } = {}) {
  const engine = new Engine();
  if (!(worker && (await engine.startWorker()))) engine.startHere();
  const { backend } = await engine.call("start", 0, [{ simd, fma }]);
  engine.backend = backend;
  engine.allowed = { simd, fma };
  return engine;
}

export class Engine {
  constructor() {
    /** @type {"fma" | "simd" | "plain"} */
    this.backend = "plain";
    this.inWorker = false;
    this.failure = "The engine is closed."; // of calls without a port
    this.count = 0;
    /** @type {Map<number, { resolve: Function, reject: Function, onEvent: Function }>} */
    this.calls = new Map();
    /** @type {Worker | MessagePort | null} */
    this.port = null;
    /** @type {Worker | null} */
    this.worker = null;
    this.timer = 0;
    this.unanswered = 0;
    this.allowed = {};
    /** Engines in other workers, which take part in trainings. @type {Engine[]} */
    this.helpers = [];
  }

  /** Try to start a worker; false if the host does not allow it. */
  async startWorker() {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const worker = new Worker(url);
      const started = await new Promise((resolve) => {
        worker.onmessage = () => resolve(true);
        worker.onerror = (event) => {
          event.preventDefault();
          resolve(false);
        };
        setTimeout(resolve, 1000 * ASK_EVERY, false); // there are hosts where it never starts
      });
      if (!started) {
        worker.terminate();
        return false;
      }
      worker.onmessage = (event) => this.receive(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.giveUp(FAILED);
      };
      this.port = this.worker = worker;
      this.inWorker = true;
      return true;
    } catch {
      return false;
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /**
   * Start more workers for trainings, as far as the machine has cores for them.
   * @param {number} [most]
   * @returns {Promise<number>}  how many can train together, with this one: a power of 2
   */
  async hire(most = Math.min(SHARDS, navigator.hardwareConcurrency || 1)) {
    const wanted = this.worker ? powerOfTwo(most) : 1;
    const started = Array.from({ length: wanted - 1 - this.helpers.length }, async () => {
      const helper = new Engine();
      if (!(await helper.startWorker())) return;
      await helper.call("start", 0, [this.allowed]);
      if (this.worker) this.helpers.push(helper);
      else helper.close();
    });
    await Promise.all(started);
    return powerOfTwo(1 + this.helpers.length);
  }

  startHere() {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event) => this.receive(event.data);
    this.port = port1;
    inline().serve(port2);
  }

  /** While something is waited for, ask the worker whether it is there: one that hangs says nothing. */
  watch() {
    if (this.timer || !this.worker) return;
    this.unanswered = 0;
    this.timer = setInterval(() => {
      if (!this.calls.size) {
        clearInterval(this.timer);
        this.timer = 0;
      } else if (++this.unanswered > UNANSWERED) this.giveUp(SILENT);
      else this.send("ping", 0);
    }, 1000 * ASK_EVERY);
  }

  giveUp(/** @type {string} */ why) {
    clearInterval(this.timer);
    this.timer = 0;
    this.worker?.terminate();
    this.port = this.worker = null;
    for (const helper of this.helpers.splice(0)) helper.close();
    this.failure = why;
    this.fail(why);
  }

  receive(/** @type {import("./worker.js").Answer} */ { id, event, result, error }) {
    this.unanswered = 0;
    const call = this.calls.get(id);
    if (!call) return;
    if (event !== undefined) {
      call.onEvent(event);
      return;
    }
    this.calls.delete(id);
    if (error === undefined) call.resolve(result);
    else call.reject(new Error(error));
  }

  fail(/** @type {string} */ message) {
    for (const { reject } of this.calls.values()) reject(new Error(message));
    this.calls.clear();
  }

  /**
   * Send a message, and wait for its answer.
   * @param {string} method
   * @param {number} model  0: none
   * @param {unknown[]} args
   * @param {(event: any) => void} [onEvent]  of a type that depends on the method, as the answer does
   * @param {Transferable[]} [given]  what is handed over instead of copied
   * @returns {Promise<any> & { id: number }}
   */
  call(method, model, args, onEvent = () => {}, given = []) {
    const id = ++this.count;
    const promise = new Promise((resolve, reject) => {
      if (!this.port) throw new Error(this.failure);
      this.calls.set(id, { resolve, reject, onEvent });
      this.watch();
      try {
        this.port.postMessage({ id, method, model, args }, given);
      } catch (error) {
        this.calls.delete(id);
        throw new Error(`This cannot be sent to the engine: ${error instanceof Error ? error.message : error}`);
      }
    });
    promise.catch(() => {}); // whoever waits for it sees the error; a job that nobody waits for may fail quietly
    return Object.assign(promise, { id });
  }

  /** Send a message that has no answer. */
  send(/** @type {string} */ method, /** @type {number} */ model, /** @type {unknown[]} */ args = []) {
    this.port?.postMessage({ id: 0, method, model, args });
  }

  /**
   * Read a model from the bytes of a safetensors file.
   * @param {ArrayBuffer} buffer
   * @returns {Promise<EngineModel>}
   */
  async load(buffer) {
    return new EngineModel(this, await this.call("load", 0, [buffer]));
  }

  /**
   * Make a model with new weights.
   * @param {Partial<Config>} config  the fields that do not have their defaults
   * @param {number} seed
   * @param {string[] | null} [symbols]
   * @returns {Promise<EngineModel>}
   */
  async create(config, seed, symbols = null) {
    return new EngineModel(this, await this.call("create", 0, [config, seed, symbols]));
  }

  /** End all work and free all memory. What is still waited for is rejected. */
  close() {
    if (!this.worker) this.send("close", 0);
    this.giveUp("The engine was closed.");
    this.failure = "The engine is closed.";
  }
}

/** The largest power of 2 that is not larger. */
const powerOfTwo = (/** @type {number} */ count) => 2 ** Math.floor(Math.log2(count));

/**
 * A connection between any two of some workers.
 * @param {number} count
 * @returns {(MessagePort | null)[][]}  of each worker, to the others
 */
function allPorts(count) {
  /** @type {(MessagePort | null)[][]} */
  const ports = Array.from({ length: count }, () => new Array(count).fill(null));
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const { port1, port2 } = new MessageChannel();
      ports[i][j] = port1;
      ports[j][i] = port2;
    }
  }
  return ports;
}

/** A model in the engine. A method with wrong arguments rejects with one sentence, and the model stays usable. */
export class EngineModel {
  /**
   * @param {Engine} engine
   * @param {Description} description
   */
  constructor(engine, { model, config, symbols, tokenizer, parameters }) {
    this.engine = engine;
    this.handle = model;
    this.config = config;
    /** The character of each id, the last one for unknown characters; null for other tokens. */
    this.symbols = symbols;
    /** @type {any} the parsed tokenizer file, if there is one */
    this.tokenizer = tokenizer;
    this.parameters = parameters;
  }

  /**
   * @param {ArrayLike<number>} ids  T, at most block_size
   * @param {{ attention?: boolean, residual?: boolean, router?: boolean, remove?: string[], routes?: ArrayLike<number> }} [options]
   * @returns {Promise<{ logits: Float32Array, attention?: Float32Array, residual?: Float32Array, router?: Float32Array,
   *     experts?: Int32Array }>}
   */
  forward(ids, options) {
    return this.engine.call("forward", this.handle, [ids, options]);
  }

  /**
   * @param {ArrayLike<number>} ids
   * @param {{ remove?: string[] }} [options]
   * @returns {Promise<Float32Array>}  (2 L + 1) x T x V
   */
  lens(ids, options) {
    return this.engine.call("lens", this.handle, [ids, options]);
  }

  /**
   * @param {ArrayLike<number>} ids  T
   * @returns {Promise<Float32Array>}  T - 1 nats
   */
  logProbabilities(ids) {
    return this.engine.call("logProbabilities", this.handle, [ids]);
  }

  /**
   * @param {ArrayLike<number>} ids  of all windows, and one more
   * @param {number} windows
   * @returns {Promise<number>}  the sum of the losses of all targets, in nats
   */
  windowLoss(ids, windows) {
    return this.engine.call("windowLoss", this.handle, [ids, windows]);
  }

  /**
   * @param {ArrayLike<number>} ids
   * @param {Generation} [options]
   * @param {(token: number) => void} [onToken]
   * @returns {{ done: Promise<Int32Array>, stop: () => void }}  `done` gives all new tokens
   */
  generate(ids, options = {}, onToken = () => {}) {
    const done = this.engine.call("generate", this.handle, [ids, options], ({ token }) => onToken(token));
    return { done, stop: () => this.engine.send("control", 0, [done.id, "stopped"]) };
  }

  /**
   * @param {import("./training.js").Training} options
   * @param {(progress: import("./training.js").Progress) => void} [onProgress]
   * @param {number} [workers]  that train together, of those that were hired: 1, 2 or 4, with the same result
   * @returns {Training}
   */
  train(options, onProgress = () => {}, workers = 1) {
    const { engine } = this;
    const [own, ...others] = allPorts(workers);
    const send = (/** @type {(MessagePort | null)[]} */ ports) => ports.filter((port) => port !== null);
    others.forEach((ports, i) => {
      const helper = engine.helpers[i];
      helper
        .call("assist", 0, [this.config, options, ports], () => {}, send(ports))
        .catch(() => {
          if (!helper.port) engine.giveUp(helper.failure); // of other failures, the worker that leads is told
        });
    });
    const done = engine.call("train", this.handle, [options, own], onProgress, send(own));
    const control = (/** @type {string} */ state) => this.engine.send("control", 0, [done.id, state]);
    return {
      done,
      stop: () => control("stopped"),
      pause: () => control("paused"),
      resume: () => control("running"),
    };
  }

  /**
   * @param {"float32" | "float16"} [type]
   * @returns {Promise<ArrayBuffer>}  a safetensors file
   */
  save(type = "float32") {
    return this.engine.call("save", this.handle, [type]);
  }

  dispose() {
    this.engine.send("dispose", this.handle);
  }
}
