// The engine's numbers: one growing Float32Array, and the matrix product on it in the fastest way that the host has.

import { assemble } from "./assembler.js";

const PAGE = 65536; // bytes
const SLACK = 16384; // floats behind the last block, which the matrix product may read but never uses
const MOST = 2 ** 30; // bytes

/**
 * @typedef {object} Matrix
 * @property {number} at      the offset of its first number
 * @property {number} down    from a number to the one below it
 * @property {number} across  from a number to the one on its right; this or `down` is 1
 *
 * @typedef {(sizes: number[], a: Matrix, b: Matrix, c: Matrix, adds?: boolean) => void} Multiply
 */

/** A matrix that is stored row by row, with this stride between rows. */
export const matrix = (/** @type {number} */ at, /** @type {number} */ stride) => ({ at, down: stride, across: 1 });

/** The transpose of a matrix that is stored in this way. */
export const transposed = (/** @type {number} */ at, /** @type {number} */ stride) => ({ at, down: 1, across: stride });

/**
 * The fastest backend that this host allows.
 * @param {boolean} simd  false: do without WebAssembly
 * @param {boolean} [fma]  false: do without relaxed SIMD
 * @returns {{ backend: "fma" | "simd" | "plain", module: WebAssembly.Module | null }}
 */
export function chooseBackend(simd, fma = true) {
  for (const backend of /** @type {("fma" | "simd")[]} */ (simd ? (fma ? ["fma", "simd"] : ["simd"]) : [])) {
    try {
      const bytes = assemble(backend === "fma");
      if (WebAssembly.validate(bytes)) return { backend, module: new WebAssembly.Module(bytes) };
    } catch {
      // No WebAssembly, or a policy of the page forbids it.
    }
  }
  return { backend: "plain", module: null };
}

/**
 * The memory of an engine, and the product of matrices in it. Offsets and strides are in floats.
 *
 * There is one for all models, since a browser gives a page only so many WebAssembly memories.
 *
 * `multiply([m, k, n], a, b, c, adds)` computes C = A B, or C + A B if `adds`: A has m x k numbers, B has k x n, and C is
 * stored row by row. All columns of C up to the next multiple of 8 are written: whoever allocates C leaves room for them.
 */
export class Memory {
  /** @param {WebAssembly.Module | null} module */
  constructor(module) {
    this.used = 16; // offset 0 stands for "none"
    /** @type {{ offset: number, size: number }[]} blocks below `used` that were freed */
    this.gaps = [];
    this.panel = 0;
    this.depth = 0; // longest sum that the panel has room for
    if (module) {
      this.wasm = new WebAssembly.Memory({ initial: 16, maximum: MOST / PAGE });
      this.floats = new Float32Array(this.wasm.buffer);
      const instance = new WebAssembly.Instance(module, { env: { memory: this.wasm } });
      const exports = /** @type {Record<string, Function>} */ (instance.exports);
      const product = exports.multiply;
      /** @type {Record<string, Function> | null} functions that pointwise.js uses in place of its own; in bytes */
      this.fast = exports;
      /** @type {Multiply} */
      this.multiply = ([m, k, n], a, b, c, adds = false) => {
        // In bytes. A list of these, to be spread, would take as long as a small product.
        const [A, B, C] = [4 * a.at, 4 * b.at, 4 * c.at];
        const [aDown, aAcross, bDown, bAcross] = [4 * a.down, 4 * a.across, 4 * b.down, 4 * b.across];
        product(m, n, k, A, aDown, aAcross, B, bDown, bAcross, C, 4 * c.down, adds ? 1 : 0, 4 * this.panel);
      };
    } else {
      this.wasm = this.fast = null;
      this.floats = new Float32Array(PAGE);
      /** @type {Multiply} */
      this.multiply = (...factors) => multiplyPlainly(this.floats, ...factors);
    }
  }

  /**
   * Reserve a block, filled with 0, and return its offset. `floats` may be another array afterwards.
   * @param {number} count  floats
   * @returns {number}
   */
  allocate(count) {
    const size = Math.ceil(count / 16) * 16;
    const gap = this.gaps.find((each) => each.size >= size);
    if (gap) {
      const { offset } = gap;
      gap.offset += size;
      gap.size -= size;
      this.floats.fill(0, offset, offset + size);
      return offset;
    }
    const offset = this.used;
    this.ensure(4 * (offset + size + SLACK));
    this.used += size;
    return offset;
  }

  /** Give a block back. */
  free(/** @type {number} */ offset, /** @type {number} */ count) {
    this.gaps.push({ offset, size: Math.ceil(count / 16) * 16 });
    this.gaps = this.gaps.filter(({ size }) => size).sort((a, b) => a.offset - b.offset);
    for (let i = this.gaps.length - 1; i > 0; i--) {
      const [left, right] = [this.gaps[i - 1], this.gaps[i]];
      if (left.offset + left.size !== right.offset) continue;
      left.size += right.size;
      this.gaps.splice(i, 1);
    }
  }

  /** Have at least so many bytes. */
  ensure(/** @type {number} */ needed) {
    if (!(needed <= MOST)) throw new Error(`This needs ${(needed / 1e9).toFixed(1)} GB of memory; a page has 1 GB.`);
    if (needed <= this.floats.byteLength) return;
    const bytes = Math.min(MOST, Math.max(needed, 1.5 * this.floats.byteLength));
    if (this.wasm) {
      try {
        this.wasm.grow(Math.ceil((bytes - this.floats.byteLength) / PAGE));
      } catch {
        throw new Error(`This needs ${(needed / 1e6).toFixed(0)} MB of memory, which the browser does not provide.`);
      }
      this.floats = new Float32Array(this.wasm.buffer);
    } else {
      const grown = new Float32Array(Math.ceil(bytes / 4));
      grown.set(this.floats);
      this.floats = grown;
    }
  }
}

/** The part of the memory that belongs to one model. */
export class Arena {
  /** @param {Memory} memory */
  constructor(memory) {
    this.memory = memory;
    this.multiply = memory.multiply;
    this.fast = memory.fast;
    /** @type {Map<number, number>} offsets and sizes */
    this.blocks = new Map();
  }

  /** All numbers of the engine. To be asked for again after anything that may have allocated memory. */
  get floats() {
    return this.memory.floats;
  }

  /** Reserve a block, filled with 0, and return its offset. */
  allocate(/** @type {number} */ count) {
    const offset = this.memory.allocate(count);
    this.blocks.set(offset, count);
    return offset;
  }

  /** Make room for matrix products with sums of up to `depth` terms. */
  prepare(/** @type {number} */ depth) {
    if (depth <= this.memory.depth) return;
    this.memory.panel = this.memory.allocate(8 * depth);
    this.memory.depth = depth;
  }

  /** Give blocks back; without their offsets, all of them. */
  release(offsets = [...this.blocks.keys()]) {
    for (const offset of offsets) {
      this.memory.free(offset, /** @type {number} */ (this.blocks.get(offset)));
      this.blocks.delete(offset);
    }
  }
}

/**
 * The same product without WebAssembly.
 * @param {Float32Array} f
 * @param {Parameters<Multiply>} factors
 */
function multiplyPlainly(f, ...[[m, k, n], a, b, c, adds = false]) {
  const sums = new Float64Array(Math.ceil(n / 8) * 8);
  for (let i = 0; i < m; i++) {
    const out = c.at + i * c.down;
    if (adds) sums.set(f.subarray(out, out + sums.length));
    else sums.fill(0);
    for (let l = 0; l < k; l++) {
      const factor = f[a.at + i * a.down + l * a.across];
      if (factor === 0) continue;
      let from = b.at + l * b.down;
      for (let j = 0; j < sums.length; j++, from += b.across) sums[j] += factor * f[from];
    }
    f.set(sums, out);
  }
}
