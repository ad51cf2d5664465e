// The one WebAssembly module of the engine, written out byte by byte: with SIMD, a matrix product and two activations.
//
// Instructions are nested arrays of bytes, flattened at the end. Names follow WebAssembly's text format; the numbers
// are from its specification (Binary Format, Instructions).

// Types.
const I32 = 0x7f;
const V128 = 0x7b;
const NOTHING = 0x40; // the result of a block

// Instructions.
const [LOOP, IF, ELSE, END, BRANCH_IF, CALL] = [0x03, 0x04, 0x05, 0x0b, 0x0d, 0x10];
const [LOCAL_GET, LOCAL_SET, F32_LOAD, F32_STORE, I32_CONST] = [0x20, 0x21, 0x2a, 0x38, 0x41];
const [IS_ZERO, EQUAL, GE, ADD, SUB, MUL, OR] = [0x45, 0x46, 0x4e, 0x6a, 0x6b, 0x6c, 0x72]; // of i32
const SIMD = 0xfd; // before those of v128, and of four floats in one:
const [V_LOAD, V_SPLAT, V_STORE, V_AND] = [0x00, 0x09, 0x0b, 0x4e];
const [V_GREATER, V_ADD, V_MUL, V_MAX, V_MULTIPLY_ADD] = [0x44, 0xe4, 0xe6, 0xe9, 0x105];

const TILE = 4; // rows of C that one call of the inner function computes; its columns are 8, two vectors

/**
 * @typedef {number | unknown[]} Bytes  nested arrays of bytes
 */

/**
 * Encode an integer as signed LEB128; unsigned numbers below 64 read the same.
 * @param {number} n
 * @returns {number[]}
 */
function leb(n) {
  const low = n & 0x7f;
  const rest = n >> 7;
  const last = (rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40);
  return last ? [low] : [low | 0x80, ...leb(rest)];
}

/**
 * Encode an unsigned integer as LEB128.
 * @param {number} n
 * @returns {number[]}
 */
function size(n) {
  return n < 128 ? [n] : [(n & 0x7f) | 0x80, ...size(n >> 7)];
}

const get = (/** @type {number} */ local) => [LOCAL_GET, local];
const set = (/** @type {number} */ local, /** @type {Bytes[]} */ ...value) => [value, LOCAL_SET, local];
const constant = (/** @type {number} */ n) => [I32_CONST, leb(n)];
const add = (/** @type {Bytes} */ a, /** @type {Bytes} */ b) => [a, b, ADD];
const increase = (/** @type {number} */ local, /** @type {Bytes} */ by) => set(local, add(get(local), by));
const times = (/** @type {Bytes} */ a, /** @type {number} */ factor) => [a, constant(factor), MUL];
const call = (/** @type {number} */ index, /** @type {Bytes[]} */ ...values) => [values, CALL, index];
const when = (/** @type {Bytes} */ condition, /** @type {Bytes} */ yes, /** @type {Bytes} */ no = []) => [
  condition,
  IF,
  NOTHING,
  yes,
  ELSE,
  no,
  END,
];

// Memory: an address, then alignment (2: four bytes) and a fixed offset in bytes.
const simd = (/** @type {number} */ code) => [SIMD, size(code)];
const load = (/** @type {Bytes} */ address, offset = 0) => [address, simd(V_LOAD), 2, size(offset)];
const splat = (/** @type {Bytes} */ address, offset = 0) => [address, simd(V_SPLAT), 2, size(offset)];
const store = (/** @type {Bytes} */ address, /** @type {Bytes} */ value, offset = 0) => [
  address,
  value,
  simd(V_STORE),
  2,
  size(offset),
];
const copy = (/** @type {Bytes} */ to, /** @type {number} */ offset, /** @type {Bytes} */ from) => [
  to,
  from,
  F32_LOAD,
  2,
  0,
  F32_STORE,
  2,
  size(offset),
]; // one float
// a b + c, with one rounding where the processor has it, or with two.
const multiplyAdd = (
  /** @type {boolean} */ fma,
  /** @type {Bytes} */ a,
  /** @type {Bytes} */ b,
  /** @type {Bytes} */ c,
) => (fma ? [a, b, c, simd(V_MULTIPLY_ADD)] : [c, a, b, simd(V_MUL), simd(V_ADD)]);

/**
 * Repeat a body while a counter is at least `step`, and lower the counter by `step` each time.
 * @param {number} counter  a local
 * @param {number} step
 * @param {Bytes[]} body
 * @returns {Bytes}
 */
function repeat(counter, step, ...body) {
  const enough = [get(counter), constant(step), GE];
  const lower = set(counter, [get(counter), constant(step), SUB]);
  return when(enough, [LOOP, NOTHING, body, lower, enough, BRANCH_IF, 0, END]);
}

/**
 * A function that computes `rows` x 8 numbers of C = A B, or of C + A B.
 *
 * Parameters: number of products K; address of A, and its byte stride; address of B, and its stride from one k to the
 * next; address of C, and its stride between rows; whether C is added to.
 * @param {number} rows
 * @param {boolean} byRow  whether A lies in rows of K numbers (then the stride is between rows), or is transposed
 * @param {boolean} fma
 * @returns {{ params: number, locals: number[][], body: Bytes }}
 */
function tile(rows, byRow, fma) {
  const [k, a, aStride, b, bStride, c, cStride, adds] = [0, 1, 2, 3, 4, 5, 6, 7];
  const pointer = (/** @type {number} */ row) => (byRow && row ? 7 + row : a);
  const sum = (/** @type {number} */ row, /** @type {number} */ half) => 7 + rows + 2 * row + half;
  const [left, right, factor] = [7 + 3 * rows, 8 + 3 * rows, 9 + 3 * rows];
  const indices = [...Array(rows).keys()];

  const product = (/** @type {number} */ step) => [
    set(left, load(get(b))),
    set(right, load(get(b), 16)),
    increase(b, get(bStride)),
    indices.map((row) => [
      set(factor, splat(get(pointer(row)), byRow ? 4 * step : 4 * row)),
      set(sum(row, 0), multiplyAdd(fma, get(factor), get(left), get(sum(row, 0)))),
      set(sum(row, 1), multiplyAdd(fma, get(factor), get(right), get(sum(row, 1)))),
    ]),
    byRow ? [] : increase(a, get(aStride)),
  ];
  const advance = (/** @type {number} */ steps) =>
    byRow ? indices.map((row) => increase(pointer(row), constant(4 * steps))) : [];
  // C is visited twice, by a pointer that moves down its rows.
  const eachRow = (/** @type {(row: number) => Bytes} */ visit) =>
    indices.map((row) => [visit(row), row < rows - 1 ? increase(c, get(cStride)) : []]);
  const back = rows > 1 ? increase(c, [constant(0), get(cStride), constant(rows - 1), MUL, SUB]) : [];
  const body = [
    byRow ? indices.slice(1).map((row) => set(pointer(row), add(get(pointer(row - 1)), get(aStride)))) : [],
    when(get(adds), [eachRow((row) => [0, 1].map((half) => set(sum(row, half), load(get(c), 16 * half)))), back]),
    repeat(k, 4, [0, 1, 2, 3].map(product), advance(4)),
    repeat(k, 1, product(0), advance(1)),
    eachRow((row) => [0, 1].map((half) => store(get(c), get(sum(row, half)), 16 * half))),
  ];
  // Locals start at 0, and so do the sums.
  return {
    params: 8,
    locals: [
      [rows - 1, I32],
      [2 * rows + 3, V128],
    ],
    body,
  };
}

/**
 * The exported function: C = A B, or C + A B if `adds`; A is M x K, B is K x N, and N is rounded up to a multiple of 8.
 *
 * It takes eight columns of B at a time. Unless there are few rows, it first copies them to the scratch memory `panel`,
 * where they lie densely, whatever the strides of B are.
 * @returns {{ params: number, locals: number[][], body: Bytes }}
 */
function multiply() {
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, adds, panel] = [...Array(13).keys()];
  const [rows, from, to, source, stride, left, x, y] = [13, 14, 15, 16, 17, 18, 19, 20];
  const dense = [get(bColumn), constant(4), EQUAL];
  const pack = [
    set(from, get(b)),
    set(to, get(panel)),
    set(left, get(k)),
    when(
      dense,
      repeat(left, 1, [
        store(get(to), load(get(from))),
        store(get(to), load(get(from), 16), 16),
        increase(from, get(bRow)),
        increase(to, constant(32)),
      ]),
      repeat(left, 1, [
        set(x, get(from)),
        [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [copy(get(to), 4 * i, get(x)), increase(x, get(bColumn))]),
        increase(from, get(bRow)),
        increase(to, constant(32)),
      ]),
    ),
    set(source, get(panel)),
    set(stride, constant(32)),
  ];
  const strip = (/** @type {number} */ height, /** @type {number} */ index) => {
    const rest = [get(source), get(stride), get(y), get(cRow), get(adds)];
    const byRow = call(index, get(k), get(x), get(aRow), rest);
    const byColumn = call(index + 1, get(k), get(x), get(aColumn), rest);
    return repeat(rows, height, [
      when([get(aColumn), constant(4), EQUAL], byRow, byColumn),
      increase(x, times(get(aRow), height)),
      increase(y, times(get(cRow), height)),
    ]);
  };
  const body = repeat(n, 1, [
    set(source, get(b)),
    set(stride, get(bRow)),
    when([[get(m), constant(8), GE], dense, IS_ZERO, OR], pack),
    set(rows, get(m)),
    set(x, get(a)),
    set(y, get(c)),
    strip(TILE, 0),
    strip(1, 2),
    increase(b, times(get(bColumn), 8)),
    increase(c, constant(32)),
    set(n, [get(n), constant(7), SUB]), // and 1 by `repeat`
  ]);
  return { params: 13, locals: [[8, I32]], body };
}

/**
 * An exported function of n numbers, four at a time: y = relu(x) or its square; or the gradient: y becomes y relu'(x).
 * @param {boolean} squared
 * @param {boolean} gradient
 * @returns {{ params: number, locals: number[][], body: Bytes }}
 */
function rectify(squared, gradient) {
  const [x, y, n, zero, positive] = [0, 1, 2, 3, 4];
  const result = gradient
    ? squared
      ? [load(get(y)), get(positive), get(positive), simd(V_ADD), simd(V_MUL)] // y (2 relu(x))
      : [load(get(y)), load(get(x)), get(zero), simd(V_GREATER), simd(V_AND)] // y where x > 0
    : [get(positive), squared ? [get(positive), simd(V_MUL)] : []];
  const body = repeat(n, 4, [
    set(positive, [load(get(x)), get(zero), simd(V_MAX)]), // max(x, 0)
    store(get(y), result),
    increase(x, constant(16)),
    increase(y, constant(16)),
  ]);
  return { params: 3, locals: [[2, V128]], body };
}

const EXPORTS = ["multiply", "relu", "relu2", "reluBackward", "relu2Backward"];

/**
 * The bytes of the module. It imports a memory as `env.memory`, and exports the functions named above.
 * @param {boolean} fma  whether to use the fused multiply-add of relaxed SIMD
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function assemble(fma) {
  const inner = [tile(TILE, true, fma), tile(TILE, false, fma), tile(1, true, fma), tile(1, false, fma)];
  const rectified = [rectify(false, false), rectify(true, false), rectify(false, true), rectify(true, true)];
  const functions = [...inner, multiply(), ...rectified];
  const text = (/** @type {string} */ name) => [name.length, [...name].map((letter) => letter.charCodeAt(0))];
  const bytes = (/** @type {Bytes} */ nested) => /** @type {number[]} */ ([nested].flat(Infinity));
  const section = (/** @type {number} */ id, /** @type {Bytes[]} */ ...content) => {
    const flat = bytes(content);
    return [id, size(flat.length), flat];
  };
  const type = ({ params = 0 }) => [0x60, params, Array(params).fill(I32), 0];
  const code = functions.map(({ locals, body }) => {
    const flat = bytes([locals.length, locals, body, END]);
    return [size(flat.length), flat];
  });
  return new Uint8Array(
    bytes([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, functions.length, functions.map(type)),
      section(2, 1, text("env"), text("memory"), 0x02, 0x00, 1),
      section(3, functions.length, [...functions.keys()]),
      section(
        7,
        EXPORTS.length,
        EXPORTS.map((name, i) => [text(name), 0x00, inner.length + i]),
      ),
      section(10, functions.length, code),
    ]),
  );
}
