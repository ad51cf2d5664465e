// Workers that train one model together. Each has all weights, computes the gradient on some shards of a batch, and
// updates some of the parameters; then they tell each other (data parallelism with a partitioned optimizer, as ZeRO has).
//
// A batch has the same shards for any number of workers, and sums have the same order, so the result is the same too.

export const SHARDS = 4; // of a batch; the number of workers divides it

/**
 * @typedef {import("./config.js").Parameter} Parameter
 * @typedef {import("./network.js").Network} Network
 * @typedef {{ floats?: Float32Array, loss?: number, totals?: number[], end?: string }} Message
 *   end: why there will be no more, or ""
 */

/** The connection of one worker with the others. */
export class Team {
  /** @param {(MessagePort | null)[]} ports  to each worker, by rank; null is this one */
  constructor(ports) {
    this.ports = ports;
    this.size = ports.length;
    this.rank = ports.indexOf(null);
    /** @type {Message[][]}  that were not read yet, by sender */
    this.mail = ports.map(() => []);
    /** @type {Float32Array[]}  that came back from each, and are used again */
    this.returned = [];
    /** @type {Parameter[][]}  the parameters that each updates */
    this.parts = [];
    /** Why no more messages of each will come. @type {(string | undefined)[]} */
    this.ended = [];
    this.wake = () => {};
    ports.forEach((port, rank) => {
      if (port) port.onmessage = ({ data }) => this.take(rank, data);
    });
  }

  take(/** @type {number} */ from, /** @type {Message} */ message) {
    if (message.end === undefined) this.mail[from].push(message);
    else {
      this.ended[from] = message.end;
      this.ports[from]?.close();
    }
    this.wake();
  }

  send(/** @type {number} */ to, /** @type {Message} */ message) {
    this.ports[to]?.postMessage(message, message.floats ? [message.floats.buffer] : []);
  }

  /**
   * Wait for the next message of a worker; null if it has ended.
   * @returns {Generator<Promise<void>, Message | null, unknown>}
   */
  *receive(/** @type {number} */ from) {
    while (!this.mail[from].length) {
      const why = this.ended[from];
      if (why) throw new Error(why);
      if (why !== undefined) return null;
      yield new Promise((resolve) => (this.wake = resolve));
    }
    return /** @type {Message} */ (this.mail[from].shift());
  }

  /**
   * Send a message to each of the others, and wait for theirs: all by rank, with `own` at the own one. Null if one has ended.
   * @param {Message} own
   * @param {(to: number) => Message} messageTo
   * @returns {Generator<Promise<void>, Message[] | null, unknown>}
   */
  *exchange(own, messageTo) {
    for (let to = 0; to < this.size; to++) if (to !== this.rank) this.send(to, messageTo(to));
    const all = [];
    for (let from = 0; from < this.size; from++) {
      const message = from === this.rank ? own : yield* this.receive(from);
      if (!message) return null;
      all.push(message);
    }
    return all;
  }

  /**
   * Deal out which worker updates which parameters, and give all of them the weights of the first.
   * @param {Network} network
   * @param {(parameter: Parameter) => number} cost  of an update
   * @returns {Generator<Promise<void>, boolean, unknown>}  false if one has ended
   */
  *begin(network, cost) {
    const { memory, first, size } = network;
    this.parts = dealt(network.parameters, this.size, cost);
    if (this.rank) {
      const message = yield* this.receive(0);
      if (message?.floats) memory.floats.set(message.floats, first);
      return Boolean(message);
    }
    for (let to = 1; to < this.size; to++) this.send(to, { floats: memory.floats.slice(first, first + size) });
    return true;
  }

  /** The parameters that this worker updates. */
  get own() {
    return this.parts[this.rank];
  }

  /**
   * Sum the gradients of all, for the parameters that this worker updates, and the losses.
   * @param {Network} network
   * @param {number} loss
   * @returns {Generator<Promise<void>, number | null, unknown>}  the sum of the losses; null if one has ended
   */
  *sumGradients({ memory, toGradient }, loss) {
    if (this.size === 1) return loss;
    const read = (/** @type {number} */ rank) => ({
      floats: packed(memory.floats, this.parts[rank], toGradient, this.returned[rank]),
      loss,
    });
    const all = yield* this.exchange(read(this.rank), read);
    if (!all) return null;
    const sums = all.map((message) => /** @type {Float32Array} */ (message.floats));
    const losses = all.map((message) => message.loss ?? NaN);
    addInPairs(this.size, (to, from) => {
      losses[to] += losses[from];
      addTo(sums[to], 0, sums[from], 0, sums[to].length);
    });
    unpack(memory.floats, this.own, toGradient, sums[0]);
    this.returned = sums;
    return losses[0];
  }

  /**
   * Tell the others the parameters that this worker has updated, and take over theirs.
   * @param {Network} network
   * @returns {Generator<Promise<void>, boolean, unknown>}  false if one has ended
   */
  *shareWeights({ memory }) {
    const own = { floats: this.returned[this.rank] };
    const all = yield* this.exchange(own, (to) => ({ floats: packed(memory.floats, this.own, 0, this.returned[to]) }));
    if (!all) return false;
    this.returned = all.map((message) => /** @type {Float32Array} */ (message.floats));
    for (let from = 0; from < this.size; from++)
      if (from !== this.rank) unpack(memory.floats, this.parts[from], 0, this.returned[from]);
    return true;
  }

  /** Tell the others that no more will come. */
  end(why = "") {
    for (const port of this.ports) port?.postMessage({ end: why });
  }
}

/**
 * Add in pairs, then pairs of pairs: everything to number 0. Parts of it, added in this way, have the same sum.
 * @param {number} count  a power of two
 * @param {(to: number, from: number) => void} add
 */
export function addInPairs(count, add) {
  for (let apart = 1; apart < count; apart *= 2) for (let i = 0; i < count; i += 2 * apart) add(i, i + apart);
}

/**
 * Deal parameters out, so that their updates take about as long.
 * @param {Parameter[]} parameters
 * @param {number} count
 * @param {(parameter: Parameter) => number} cost
 * @returns {Parameter[][]}
 */
export function dealt(parameters, count, cost) {
  const loads = new Array(count).fill(0);
  /** @type {Parameter[][]} */
  const parts = loads.map(() => []);
  for (const parameter of [...parameters].sort((a, b) => cost(b) - cost(a))) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] += cost(parameter);
    parts[least].push(parameter);
  }
  return parts;
}

/**
 * Add numbers to others.
 * @param {Float32Array} f
 * @param {number} to
 * @param {Float32Array} g
 * @param {number} from
 * @param {number} count
 */
export function addTo(f, to, g, from, count) {
  for (let i = 0; i < count; i++) f[to + i] += g[from + i];
}

/**
 * Some parameters, or what lies `shift` behind them, one after the other.
 * @param {Float32Array} f
 * @param {Parameter[]} parameters
 * @param {number} shift
 * @param {Float32Array} [into]
 */
function packed(f, parameters, shift, into) {
  const all = into ?? new Float32Array(parameters.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const { offset, size } of parameters) {
    all.set(f.subarray(offset + shift, offset + shift + size), at);
    at += size;
  }
  return all;
}

/** @type {(f: Float32Array, parameters: Parameter[], shift: number, all: Float32Array) => void} */
function unpack(f, parameters, shift, all) {
  let at = 0;
  for (const { offset, size } of parameters) {
    f.set(all.subarray(at, at + size), offset + shift);
    at += size;
  }
}
