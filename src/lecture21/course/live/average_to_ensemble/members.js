// Small models that are trained together on average error - kappa * ambiguity, exactly. Each is a sum of bumps at places of
// its own, so its predictions are linear in its weights, and the best weights of all members solve one linear system.

import { dot, normal, seededRandom } from "../kit/numbers.js";

const MEMBERS = 10;
const BUMPS = 4; // of a member
const WIDTH = 0.2; // standard deviation of a bump
const COUNT = 16; // drawn points
const NOISE = 0.3; // standard deviation
export const CURVE = Array.from({ length: 101 }, (_, i) => -1 + i / 50); // where the mean is compared with the truth

/** The function that the drawn points follow, that of lecture21.data.mixtures.smooth. */
export function truth(/** @type {number} */ x) {
  return Math.sin(3 * x);
}

/**
 * Draw points around the truth: inputs near even places from -1 to 1, and normal noise.
 * @param {number} seed
 * @returns {[number, number][]}
 */
export function drawPoints(seed) {
  const random = seededRandom(seed);
  return Array.from({ length: COUNT }, (_, n) => {
    const x = Math.round(100 * (-1 + (2 * (n + 0.2 + 0.6 * random())) / COUNT)) / 100;
    const y = Math.max(-2, Math.min(2, truth(x) + NOISE * normal(random)));
    return [x, Math.round(100 * y) / 100];
  });
}

/**
 * Return the places of the bumps of a member.
 * @param {number} m  the member, from 0
 */
function centersOf(m) {
  const random = seededRandom(7919 * (m + 1));
  return Array.from({ length: BUMPS }, () => -1.1 + 2.2 * random());
}

/** Return the bumps at these places, at an input. */
function bumpsAt(/** @type {number[]} */ centers, /** @type {number} */ x) {
  return centers.map((center) => Math.exp(-0.5 * ((x - center) / WIDTH) ** 2));
}

/**
 * Return the lower triangle L with L L^T = a.
 * @param {number[][]} a  symmetric and positive definite
 */
function cholesky(a) {
  const l = a.map((row) => row.map(() => 0));
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i][j];
      for (let k = 0; k < j; k++) sum -= l[i][k] * l[j][k];
      l[i][j] = i === j ? Math.sqrt(sum) : sum / l[j][j];
    }
  }
  return l;
}

/** Solve L L^T x = b. */
function solve(/** @type {number[][]} */ l, /** @type {number[]} */ b) {
  const x = [...b];
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i][k] * x[k];
    x[i] /= l[i][i];
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i] -= l[k][i] * x[k];
    x[i] /= l[i][i];
  }
  return x;
}

/** Prepare what does not depend on kappa and the penalty. */
export function prepare(/** @type {[number, number][]} */ points) {
  const centers = Array.from({ length: MEMBERS }, (_, m) => centersOf(m));
  return {
    y: points.map(([, y]) => y),
    seen: centers.map((places) => points.map(([x]) => bumpsAt(places, x))),
    fresh: centers.map((places) => CURVE.map((x) => bumpsAt(places, x))),
  };
}

/**
 * Return the weights of each of the M members that minimize
 *
 *   sum_n [ average error - kappa ambiguity ] + penalty / M sum_m |w_m|^2
 *   = sum_n [ (1 - kappa) average error + kappa (y - mean)^2 ] + penalty / M sum_m |w_m|^2.
 *
 * The first term couples no members, and the second has rank N: a system for each member and one for the points are enough
 * (the matrix inversion lemma). For kappa = 0 each member is a ridge regression on the points.
 * @param {ReturnType<typeof prepare>} data
 * @param {number} kappa  from 0 to 1
 * @param {number} penalty  greater than 0
 */
export function fitTogether({ y, seen }, kappa, penalty) {
  const count = y.length;
  const members = seen.length;
  const blocks = seen.map((rows) => {
    const a = Array.from({ length: BUMPS }, (_, i) =>
      Array.from({ length: BUMPS }, (_, j) => (i === j ? penalty / members : 0)),
    );
    const b = new Array(BUMPS).fill(0);
    const weight = (1 - kappa) / members;
    for (let n = 0; weight && n < count; n++) {
      for (let i = 0; i < BUMPS; i++) {
        b[i] += weight * rows[n][i] * y[n];
        for (let j = 0; j < BUMPS; j++) a[i][j] += weight * rows[n][i] * rows[n][j];
      }
    }
    const l = cholesky(a);
    const shares = rows.map((row) => row.map((value) => value / members));
    return { alone: solve(l, b), shares, pulled: shares.map((row) => solve(l, row)) };
  });
  const rest = y.map((target, n) => blocks.reduce((sum, { shares, alone }) => sum - dot(shares[n], alone), target));
  const coupled = Array.from({ length: count }, (_, n) => Array.from({ length: count }, (_, k) => (n === k ? 1 : 0)));
  for (const { shares, pulled } of blocks)
    for (let n = 0; n < count; n++) for (let k = 0; k <= n; k++) coupled[n][k] += kappa * dot(shares[n], pulled[k]); // symmetric: half is read
  const pull = solve(cholesky(coupled), rest);
  return blocks.map(({ alone, pulled }) =>
    alone.map((value, i) => value + kappa * pulled.reduce((sum, row, n) => sum + row[i] * pull[n], 0)),
  );
}

/** @typedef {{average: number, ambiguity: number, ensemble: number}} Errors  ensemble: the error of the mean */

/**
 * Return average error, ambiguity and the error of the mean, each by its own formula, averaged over the places.
 * @param {number[][]} predictions  of each member
 * @param {number[]} target
 * @returns {Errors}
 */
function split(predictions, target) {
  const members = predictions.length;
  const found = { average: 0, ambiguity: 0, ensemble: 0 };
  for (let n = 0; n < target.length; n++) {
    const mean = predictions.reduce((sum, f) => sum + f[n] / members, 0);
    for (const f of predictions) {
      found.average += (target[n] - f[n]) ** 2 / members / target.length;
      found.ambiguity += (f[n] - mean) ** 2 / members / target.length;
    }
    found.ensemble += (target[n] - mean) ** 2 / target.length;
  }
  return found;
}

const predictionsOf = (/** @type {number[][][]} */ rows, /** @type {number[][]} */ weights) =>
  rows.map((each, m) => each.map((row) => dot(row, weights[m])));

/**
 * Return the errors on the points and against the truth.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights  of `fitTogether`
 */
export function errorsOf({ y, seen, fresh }, weights) {
  return {
    onPoints: split(predictionsOf(seen, weights), y),
    onNew: split(predictionsOf(fresh, weights), CURVE.map(truth)),
  };
}

/**
 * Return the curve of each member, and of their mean, at the places of `CURVE`.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights
 */
export function curvesOf({ fresh }, weights) {
  const members = predictionsOf(fresh, weights);
  return { members, mean: CURVE.map((_, i) => members.reduce((sum, f) => sum + f[i] / members.length, 0)) };
}

export const KAPPAS = Array.from({ length: 21 }, (_, i) => i / 20);
export const PENALTIES = Array.from({ length: 13 }, (_, i) => Number((10 ** (i / 4 - 3)).toPrecision(6)));

/**
 * Return the error of the mean against the truth for every kappa, a row, and every penalty, a column; the best row of each
 * column, and the best cell.
 * @param {ReturnType<typeof prepare>} data
 */
export function mapOf(data) {
  const target = CURVE.map(truth);
  const errors = KAPPAS.map((kappa) =>
    PENALTIES.map((penalty) => {
      const weights = fitTogether(data, kappa, penalty);
      let sum = 0;
      for (let i = 0; i < target.length; i++) {
        let mean = 0;
        for (let m = 0; m < MEMBERS; m++) mean += dot(data.fresh[m][i], weights[m]) / MEMBERS;
        sum += (mean - target[i]) ** 2;
      }
      return sum / target.length;
    }),
  );
  const ridge = PENALTIES.map((_, j) => errors.reduce((best, row, i) => (row[j] < errors[best][j] ? i : best), 0));
  const column = ridge.reduce((best, i, j) => (errors[i][j] < errors[ridge[best]][best] ? j : best), 0);
  return { errors, ridge, best: { row: ridge[column], column } };
}
