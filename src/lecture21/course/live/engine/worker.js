// The engine behind a port: messages in, messages out. `serve` runs in a worker, or on the page's own thread.
//
// A message { id, method, model, args } is answered by { id, result } or { id, error }, and before that, for long work,
// by any number of { id, event }. Long work is a generator that is advanced in slices, so that the engine answers
// other messages meanwhile, and a page on the same thread stays alive.

import { createModel, loadModel, saveModel } from "./files.js";
import { generate } from "./generate.js";
import { chooseBackend, Memory } from "./memory.js";
import { inspect, lens, logProbabilities, windowLoss } from "./inspect.js";
import { assist, train } from "./training.js";

const SLICE = 15; // ms

/**
 * @typedef {object} Work  a generator that runs in slices, to which this is passed at each yield. A promise that it
 *   yields is waited for, and any other value is an event for the page
 * @property {"running" | "paused" | "stopped"} state  stopped: it should come to an end
 * @property {() => void} wake
 * @property {import("./model.js").Model | undefined} model
 *
 * @typedef {object} Message  from a page
 * @property {number} id  0: no answer is wanted
 * @property {string} method
 * @property {number} model  0: none
 * @property {unknown[]} args
 *
 * @typedef {{ id: number, event?: unknown, result?: unknown, error?: string }} Answer
 */

/**
 * @param {{ postMessage: Function, addEventListener: Function, start?: Function, close?: Function }} port
 */
export function serve(port) {
  let memory = new Memory(null);
  /** @type {Map<number, import("./model.js").Model>} */
  const models = new Map();
  /** @type {Map<number, Work>} */
  const jobs = new Map();
  let count = 0;
  let closed = false;

  const keep = (/** @type {import("./model.js").Model} */ model) => {
    models.set(++count, model);
    return { model: count, ...model.description };
  };

  /**
   * Messages are not typed: `EngineModel` in client.js says what each method takes and returns.
   * @type {Record<string, (model: any, ...args: any[]) => unknown>}
   */
  const methods = {
    start: (_, { simd = true, fma = true }) => {
      const { backend, module } = chooseBackend(simd, fma);
      memory = new Memory(module);
      return { backend };
    },
    load: (_, buffer) => keep(loadModel(buffer, memory)),
    create: (_, config, seed, symbols) => keep(createModel(config, seed, symbols, memory)),
    forward: inspect,
    lens,
    save: saveModel,
    logProbabilities,
    windowLoss,
    generate,
    train,
    assist: (_, config, options, ports) => assist(() => createModel(config, 0, null, memory), options, ports),
  };

  const [here, there] = ((channel) => [channel.port1, channel.port2])(new MessageChannel());
  /** @type {(() => void)[]} */
  const waiting = [];
  here.onmessage = () => waiting.shift()?.();
  // Let other messages, and on a page's own thread the page, have their turn: without the delay of a timer.
  const turn = () =>
    new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      waiting.push(resolve);
      there.postMessage(null);
    });

  /**
   * Advance a generator in slices to its end, and return its result.
   * @param {Generator<unknown, unknown, Work>} steps @param {number} id @param {Work["model"]} model
   */
  async function advance(steps, id, model) {
    /** @type {Work} */
    const work = { state: "running", wake: () => {}, model };
    jobs.set(id, work);
    for (;;) {
      const end = performance.now() + SLICE;
      do {
        const { done, value } = steps.next(work);
        if (done) return value;
        if (value instanceof Promise) await value;
        else if (value) port.postMessage({ id, event: value });
      } while (performance.now() < end && !closed);
      await turn();
      if (closed) return undefined;
    }
  }

  async function answer(/** @type {MessageEvent<Message>} */ { data: { id, method, model: handle, args } }) {
    if (method === "control") {
      const [of, state] = /** @type {[number, Work["state"]]} */ (args);
      const job = jobs.get(of);
      if (job) job.state = state;
      job?.wake();
      return;
    }
    if (method === "ping") {
      port.postMessage({ id });
      return;
    }
    if (method === "dispose") {
      const model = models.get(handle);
      models.delete(handle);
      if (model) model.disposed = true;
      for (const job of jobs.values()) {
        if (job.model !== model) continue;
        job.state = "stopped";
        job.wake();
      }
      if (model && !model.users) model.network.memory.release();
      return;
    }
    if (method === "close") {
      closed = true;
      for (const job of jobs.values()) job.wake();
      here.close();
      port.close?.();
      return;
    }
    const model = models.get(handle);
    try {
      if (handle && !model) throw new Error("This model is no longer loaded.");
      if (model) model.users++;
      const found = methods[method](model, ...args);
      const result = isGenerator(found) ? await advance(found, id, model) : found;
      if (!closed) port.postMessage({ id, result }, transferable(result));
    } catch (error) {
      if (!closed) port.postMessage({ id, error: sentence(error) });
    } finally {
      jobs.delete(id);
      if (model && --model.users === 0 && model.disposed) model.network.memory.release();
    }
  }
  port.addEventListener("message", answer);
  port.start?.();
  port.postMessage({ ready: true });
}

/** @returns {found is Generator<unknown, unknown, Work>} */
function isGenerator(/** @type {unknown} */ found) {
  return typeof found === "object" && found !== null && "next" in found;
}

/** The buffers in a result, which are handed over instead of copied. */
function transferable(/** @type {unknown} */ result) {
  const values = [result, ...(result && typeof result === "object" ? Object.values(result) : [])];
  const buffers = values.map((value) => (ArrayBuffer.isView(value) ? value.buffer : value));
  return [...new Set(buffers.filter((value) => value instanceof ArrayBuffer))];
}

/** What went wrong, as one sentence: the engine's own, or that of a bug. */
function sentence(/** @type {unknown} */ error) {
  if (error instanceof Error && error.constructor === Error) return error.message;
  return `The engine failed: ${error instanceof Error ? error.message : String(error)}.`;
}
