// Students that are fitted to drawn examples, so that they can be seen as curves: those of the closed form, with waves as
// inputs. A function is f(x) = w . phi(x) / sqrt(N), where phi has the sine and cosine of each frequency up to N / 2; the
// teacher has |w|^2 = N, so that the function that is 0 everywhere has the error 1.

import { normal, seededRandom } from "../kit/numbers.js";

export const N = 12; // weights of a function

/** At most so many students are fitted: more look the same. */
export const MOST = 100;

/**
 * Return phi(x) / sqrt(N) for x on a circle of length 1; the mean of its square over all x is 1 / N in each direction.
 * @param {number} x
 * @returns {number[]}
 */
export function waves(x) {
  const size = Math.sqrt(2 / N);
  return Array.from({ length: N }, (_, k) => {
    const angle = 2 * Math.PI * (1 + (k >> 1)) * x;
    return size * (k % 2 ? Math.cos(angle) : Math.sin(angle));
  });
}

/**
 * Return the weights that minimize the squared error plus penalty |w|^2.
 * @param {number[][]} inputs
 * @param {number[]} targets
 * @param {number} penalty  greater than 0
 */
export function ridge(inputs, targets, penalty) {
  const size = inputs[0].length;
  // (A^T A + penalty) w = A^T y, solved by elimination; the matrix is positive definite, so no pivot is needed.
  const rows = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => inputs.reduce((sum, a) => sum + a[i] * a[j], i === j ? penalty : 0)),
    inputs.reduce((sum, a, n) => sum + a[i] * targets[n], 0),
  ]);
  for (let i = 0; i < size; i++) {
    for (let k = i + 1; k < size; k++) {
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= size; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  const w = new Array(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    let rest = rows[i][size];
    for (let j = i + 1; j < size; j++) rest -= rows[i][j] * w[j];
    w[i] = rest / rows[i][i];
  }
  return w;
}

/**
 * Draw a teacher and examples, and fit students, each to its own share of the examples.
 * @param {{alpha: number, subset: number, noise: number, members: number, penalty: number}} setting
 * @param {number} seed  of what is drawn; with the same seed, other settings keep as much of it as they can
 */
export function fitStudents({ alpha, subset, noise, members, penalty }, seed) {
  const random = seededRandom(seed);
  const drawn = Array.from({ length: N }, () => normal(random));
  const scale = Math.sqrt(N / drawn.reduce((sum, w) => sum + w * w, 0));
  const teacher = drawn.map((w) => w * scale);
  const count = Math.max(1, Math.round(alpha * N));
  const examples = Array.from({ length: count }, () => {
    const x = random();
    return { x, y: value(teacher, x) + Math.sqrt(noise) * normal(random) };
  });
  const seen = Math.max(1, Math.round(subset * count));
  const students = Array.from({ length: Math.min(members, MOST) }, (_, m) => {
    const order = shuffled(count, seededRandom(1000 * seed + m + 1)).slice(0, seen);
    const own = order.map((i) => examples[i]);
    return ridge(
      own.map(({ x }) => waves(x)),
      own.map(({ y }) => y),
      penalty,
    );
  });
  const mean = teacher.map((_, k) => students.reduce((sum, w) => sum + w[k], 0) / students.length);
  const error = (/** @type {number[]} */ w) => w.reduce((sum, each, k) => sum + (each - teacher[k]) ** 2, 0) / N;
  const average = students.reduce((sum, w) => sum + error(w), 0) / students.length;
  return { teacher, examples, seen, students, mean, average, ensemble: error(mean) };
}

/** The function with these weights at one place. @param {number[]} w @param {number} x */
export function value(w, x) {
  return waves(x).reduce((sum, wave, k) => sum + wave * w[k], 0);
}

/** The numbers from 0 to below a count in random order (Fisher and Yates). */
function shuffled(/** @type {number} */ count, /** @type {() => number} */ random) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
