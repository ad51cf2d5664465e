// What happens to each row or number on its own: norms, activations, rotations, softmax, and gradients of those.

/**
 * @typedef {object} Norm  a norm with its place in memory
 * @property {boolean} centered  LayerNorm; otherwise RMSNorm
 * @property {number} width
 * @property {number} eps
 * @property {number} gain  offset
 * @property {number} bias  offset; 0: there is none
 */

/** The mean of a row; for RMSNorm, 0. */
function meanOf(/** @type {Float32Array} */ f, /** @type {Norm} */ { centered, width }, /** @type {number} */ x) {
  if (!centered) return 0;
  let sum = 0;
  for (let i = x; i < x + width; i++) sum += f[i];
  return sum / width;
}

/** The reciprocal standard deviation of a row; for RMSNorm, the reciprocal root of its mean square. */
function scaleOf(
  /** @type {Float32Array} */ f,
  /** @type {Norm} */ { width, eps },
  /** @type {number} */ x,
  /** @type {number} */ mean,
) {
  let sum = 0;
  for (let i = x; i < x + width; i++) sum += (f[i] - mean) * (f[i] - mean);
  return 1 / Math.sqrt(sum / width + eps);
}

/**
 * y = norm(x), row by row. Rows are as far apart as their padded width.
 * @param {Float32Array} f
 * @param {Norm} norm
 * @param {number} x
 * @param {number} y
 * @param {number} rows
 * @param {number} stride
 */
export function normalize(f, norm, x, y, rows, stride) {
  const { width, gain, bias } = norm;
  for (let row = 0; row < rows; row++, x += stride, y += stride) {
    const mean = meanOf(f, norm, x);
    const scale = scaleOf(f, norm, x, mean);
    for (let i = 0; i < width; i++) f[y + i] = (f[x + i] - mean) * scale * f[gain + i];
    if (bias) for (let i = 0; i < width; i++) f[y + i] += f[bias + i];
  }
}

/**
 * The gradient of `normalize`: that of its input is written or added to `dx`, those of gain and bias are added.
 * @param {Float32Array} f
 * @param {Norm} norm
 * @param {number} x
 * @param {number} dy
 * @param {number} dx  may be `dy`
 * @param {number} rows
 * @param {number} stride
 * @param {number} toGradient  from the offset of a parameter to that of its gradient
 * @param {boolean} adds  whether dx is added to
 */
export function normalizeBackward(f, norm, x, dy, dx, rows, stride, toGradient, adds) {
  const { centered, width, gain, bias } = norm;
  const gains = new Float64Array(width);
  const biases = new Float64Array(width);
  for (let row = 0; row < rows; row++, x += stride, dy += stride, dx += stride) {
    const mean = meanOf(f, norm, x);
    const scale = scaleOf(f, norm, x, mean);
    let sum = 0;
    let along = 0;
    for (let i = 0; i < width; i++) {
      const slope = f[dy + i] * (f[x + i] - mean) * scale;
      gains[i] += slope;
      along += slope * f[gain + i];
    }
    along *= scale / width;
    if (centered) for (let i = 0; i < width; i++) sum += f[dy + i] * f[gain + i];
    if (bias) for (let i = 0; i < width; i++) biases[i] += f[dy + i];
    sum /= width;
    for (let i = 0; i < width; i++) {
      const gradient = scale * (f[dy + i] * f[gain + i] - sum - (f[x + i] - mean) * along);
      f[dx + i] = adds ? f[dx + i] + gradient : gradient;
    }
  }
  for (let i = 0; i < width; i++) {
    f[gain + toGradient + i] += gains[i];
    if (bias) f[bias + toGradient + i] += biases[i];
  }
}

// The standard normal distribution function and its slope at multiples of 1/64, for gelu: between them a cubic is exact
// to 1e-9.
const STEP = 1 / 64;
const REACH = 6;
const density = (/** @type {number} */ x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
/** @type {Float64Array | null} values and rises in turn */
let table = null;

function distributionTable() {
  table = new Float64Array(2 * ((2 * REACH) / STEP + 2));
  for (let i = 0; i < table.length; i += 2) {
    const x = -REACH + (i / 2) * STEP;
    // Phi(x) = 1/2 + density(x) (x + x^3 / 3 + x^5 / (3 5) + ...), whose terms all have one sign.
    let term = x;
    let sum = x;
    for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= (x * x) / n;
    table[i] = 0.5 + density(x) * sum;
    table[i + 1] = density(x) * STEP;
  }
  return table;
}

/** The probability that a standard normal variable is below x. */
export function normalDistribution(/** @type {number} */ x) {
  if (!(Math.abs(x) < REACH)) return x < 0 ? 0 : x > 0 ? 1 : x;
  const values = table ?? distributionTable();
  const place = (x + REACH) / STEP;
  const i = Math.floor(place);
  const t = place - i;
  const rise = values[2 * i + 2] - values[2 * i];
  const slope0 = values[2 * i + 1] - rise;
  const slope1 = rise - values[2 * i + 3];
  return values[2 * i] + t * rise + t * (1 - t) * (slope0 * (1 - t) + slope1 * t);
}

const SQRT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;

/**
 * y = activation(x) for n numbers, a multiple of 4; with a gate, y = activation(gate) x.
 * @param {import("./memory.js").Arena} memory
 * @param {string} kind
 * @param {number} x
 * @param {number} gate  offset; used by swiglu only
 * @param {number} y
 * @param {number} n
 */
export function activate({ floats: f, fast }, kind, x, gate, y, n) {
  if (fast?.[kind]) {
    fast[kind](4 * x, 4 * y, n);
  } else if (kind === "relu") {
    for (let i = 0; i < n; i++) f[y + i] = f[x + i] < 0 ? 0 : f[x + i];
  } else if (kind === "relu2") {
    for (let i = 0; i < n; i++) f[y + i] = f[x + i] < 0 ? 0 : f[x + i] * f[x + i];
  } else if (kind === "gelu") {
    for (let i = 0; i < n; i++) f[y + i] = f[x + i] * normalDistribution(f[x + i]);
  } else if (kind === "gelu_tanh") {
    for (let i = 0; i < n; i++) {
      const a = f[x + i];
      f[y + i] = 0.5 * a * (1 + Math.tanh(SQRT * (a + CUBE * a * a * a)));
    }
  } else {
    for (let i = 0; i < n; i++) f[y + i] = (f[gate + i] / (1 + Math.exp(-f[gate + i]))) * f[x + i];
  }
}

/**
 * The gradient of `activate` for relu and relu2: `dy` becomes the gradient of x.
 * @param {import("./memory.js").Arena} memory
 * @param {string} kind
 * @param {number} x
 * @param {number} dy
 * @param {number} n
 */
export function activateBackward({ floats: f, fast }, kind, x, dy, n) {
  if (fast) {
    fast[`${kind}Backward`](4 * x, 4 * dy, n);
  } else if (kind === "relu") {
    for (let i = 0; i < n; i++) if (!(f[x + i] > 0)) f[dy + i] = 0;
  } else {
    for (let i = 0; i < n; i++) f[dy + i] = f[x + i] > 0 ? 2 * f[x + i] * f[dy + i] : 0;
  }
}

/**
 * Rotate the heads of some rows by their positions, in place.
 * @param {Float32Array} f
 * @param {number} x  offset of the first row
 * @param {number} rows
 * @param {number} stride  of rows
 * @param {number} heads
 * @param {number} width  of a head, with its padding
 * @param {number} half  of the width of a head, without
 * @param {Float64Array} angles  cosines and sines, `half` of each for every position
 * @param {(row: number) => number} position
 * @param {number} direction  1, or -1 to rotate back
 */
export function rotate(f, x, rows, stride, heads, width, half, angles, position, direction) {
  for (let row = 0; row < rows; row++) {
    const at = position(row) * 2 * half;
    for (let head = 0; head < heads; head++) {
      const first = x + row * stride + head * width;
      for (let i = 0; i < half; i++) {
        const cos = angles[at + i];
        const sin = direction * angles[at + half + i];
        const a = f[first + i];
        const b = f[first + half + i];
        f[first + i] = a * cos - b * sin;
        f[first + half + i] = b * cos + a * sin;
      }
    }
  }
}

/**
 * Replace n scores by softmax(scale score), and return the logarithm of the sum of exponentials.
 * @param {Float32Array} f
 * @param {number} x
 * @param {number} n
 * @param {number} [scale]
 */
export function softmax(f, x, n, scale = 1) {
  let largest = -Infinity;
  for (let i = 0; i < n; i++) if (f[x + i] > largest) largest = f[x + i];
  let sum = 0;
  for (let i = 0; i < n; i++) sum += f[x + i] = Math.exp(scale * (f[x + i] - largest));
  for (let i = 0; i < n; i++) f[x + i] /= sum;
  return scale * largest + Math.log(sum);
}
