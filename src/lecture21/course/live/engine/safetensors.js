// Reading and writing safetensors files. A file may come from anywhere: nothing in it is believed before it is checked.

import { countOf } from "./config.js";

const MOST_HEADER = 2 ** 24; // bytes
const BYTES = /** @type {Record<string, number>} */ ({ F32: 4, F16: 2, BF16: 2 });

/**
 * @typedef {{ type: string, shape: number[], start: number }} Entry  of one tensor; `start` is a byte of the file
 */

/**
 * Read the header of a safetensors file.
 * @param {ArrayBuffer} buffer
 * @returns {{ entries: Map<string, Entry>, metadata: Record<string, string> }}
 */
export function readHeader(buffer) {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < 8) throw damaged("it is shorter than 8 bytes");
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  if (length > MOST_HEADER) throw damaged(`its header would have ${length.toLocaleString("en")} bytes`);
  if (8 + length > buffer.byteLength) throw damaged("it ends within its header");
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, length)));
  } catch {
    throw damaged("its header is not JSON");
  }
  if (!isObject(header)) throw damaged("its header is not an object");
  const { __metadata__: metadata = {}, ...tensors } = header;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw damaged("its metadata contains something other than strings");
  }
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  const ranges = [];
  for (const [name, entry] of Object.entries(tensors)) {
    const label = JSON.stringify(name.slice(0, 60));
    const { dtype: type, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
    if (!BYTES[type]) throw damaged(`the numbers of ${label} are not F32, F16 or BF16`);
    if (![shape, offsets].every((list) => Array.isArray(list) && list.every((n) => Number.isInteger(n) && n >= 0))) {
      throw damaged(`the shape or the offsets of ${label} are not a list of integers`);
    }
    const [start, end] = offsets;
    if (offsets.length !== 2 || end - start !== countOf(shape) * BYTES[type]) {
      throw damaged(`${label} does not have the size of its shape`);
    }
    if (8 + length + end > buffer.byteLength) throw damaged(`it ends within ${label}`);
    entries.set(name, { type, shape, start: 8 + length + start });
    ranges.push([start, end]);
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let reached = 0;
  for (const [start, end] of ranges) {
    if (start !== reached) throw damaged("its tensors overlap, or there is a hole between them");
    reached = end;
  }
  if (8 + length + reached !== buffer.byteLength) throw damaged("there are bytes after the last tensor");
  return { entries, metadata };
}

const isObject = (/** @type {unknown} */ value) => typeof value === "object" && value !== null && !Array.isArray(value);

const damaged = (/** @type {string} */ why) => new Error(`This is not a complete safetensors file: ${why}.`);

/**
 * The numbers of one tensor.
 * @param {ArrayBuffer} buffer
 * @param {Entry} entry
 * @returns {Float32Array}
 */
export function readTensor(buffer, { type, shape, start }) {
  const count = countOf(shape);
  const bytes = buffer.slice(start, start + count * BYTES[type]); // an offset in a file need not be a multiple of 4
  if (type === "F32") return new Float32Array(bytes);
  const halves = new Uint16Array(bytes);
  if (type === "BF16") return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
  return Float32Array.from(halves, fromHalf);
}

/** The number that 16 bits stand for: sign, five bits of exponent, ten of fraction. */
function fromHalf(/** @type {number} */ half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

/** The 16 bits of the nearest number that they can stand for; ties go to the even one, as in torch. */
function toHalf(/** @type {number} */ value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size !== size) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size || 1e-9)), -14);
  const steps = (size / 2 ** exponent) * 1024; // 1024 to 2047, or less for the smallest numbers
  const low = Math.floor(steps);
  const rounded = low + (steps - low > 0.5 || (steps - low === 0.5 && low % 2) ? 1 : 0);
  return sign | (((exponent + 14) << 10) + rounded); // a carry into the exponent is right; below 1024 it is 0
}

/**
 * Write a safetensors file.
 * @param {[string, number[], Float32Array][]} tensors  name, shape and numbers of each
 * @param {Record<string, string>} metadata
 * @param {"float32" | "float16"} type
 * @returns {ArrayBuffer}
 */
export function writeSafetensors(tensors, metadata, type) {
  const width = type === "float16" ? 2 : 4;
  /** @type {Record<string, object>} */
  const header = { __metadata__: metadata };
  let end = 0;
  for (const [name, shape, numbers] of tensors) {
    const start = end;
    end += numbers.length * width;
    header[name] = { dtype: width === 2 ? "F16" : "F32", shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8; // padded with spaces, so that the numbers are aligned
  const file = new Uint8Array(8 + length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(32, 8, 8 + length);
  file.set(text, 8);
  let at = 8 + length;
  for (const [, , numbers] of tensors) {
    const values = width === 2 ? Uint16Array.from(numbers, toHalf) : numbers.slice();
    file.set(new Uint8Array(values.buffer), at);
    at += values.byteLength;
  }
  return file.buffer;
}
