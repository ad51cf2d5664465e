// Small models that are trained together on average error - kappa * ambiguity, exactly. Each is a sum of bumps at places of
// its own, so its predictions are linear in its weights, and the best weights of all members solve one linear system.

import { dot, normal, seededRandom } from "../kit/numbers.js";

export const BUMPS = 4; // of a member
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
 * Return the bumps of a member at an input.
 * @param {number} m  the member, from 0
 */
function bumpsOf(m) {
  const random = seededRandom(7919 * (m + 1));
  const centers = Array.from({ length: BUMPS }, () => -1.1 + 2.2 * random());
  return (/** @type {number} */ x) => centers.map((center) => Math.exp(-0.5 * ((x - center) / WIDTH) ** 2));
}

/**
 * Return the weight of each member at each point: 1 / c for the c members that are trained on it, else 0. Each point is
 * seen by equally many.
 * @param {number} members
 * @param {number} points
 * @param {number} share
 */
export function weightsOf(members, points, share) {
  const seen = Math.max(1, Math.round(share * members));
  const weights = Array.from({ length: members }, () => new Array(points).fill(0));
  for (let n = 0; n < points; n++) {
    const random = seededRandom(104729 * (n + 1));
    const order = Array.from({ length: members }, (_, m) => m);
    for (let i = 0; i < seen; i++) {
      const j = i + Math.floor(random() * (members - i));
      [order[i], order[j]] = [order[j], order[i]];
      weights[order[i]][n] = 1 / seen;
    }
  }
  return weights;
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

/**
 * Prepare what does not depend on kappa and the penalty.
 * @param {[number, number][]} points
 * @param {number} members
 * @param {number} share  of the points that a member is trained on
 */
export function prepare(points, members, share) {
  const bumps = Array.from({ length: members }, (_, m) => bumpsOf(m));
  return {
    y: points.map(([, y]) => y),
    gate: weightsOf(members, points.length, share),
    seen: bumps.map((each) => points.map(([x]) => each(x))),
    fresh: bumps.map((each) => CURVE.map(each)),
  };
}

/**
 * Return the weights of each member that minimize, with g the weights of `weightsOf`, which sum to 1 at each point,
 *
 *   sum_n [ sum_m g (y - f_m)^2 - kappa sum_m g (f_m - mean)^2 ] + penalty / c sum_m |w_m|^2
 *   = sum_n [ (1 - kappa) sum_m g (y - f_m)^2 + kappa (y - mean)^2 ] + penalty / c sum_m |w_m|^2.
 *
 * The first term couples no members, and the second has rank N: a system for each member and one for the points are enough
 * (the matrix inversion lemma). For kappa = 0 each member is a ridge regression on its own points.
 * @param {ReturnType<typeof prepare>} data
 * @param {number} kappa  from 0 to 1
 * @param {number} penalty  greater than 0
 */
export function fitTogether({ y, gate, seen }, kappa, penalty) {
  const count = y.length;
  const each = Math.max(...gate.flat()); // 1 / c
  const blocks = seen.map((rows, m) => {
    const a = Array.from({ length: BUMPS }, (_, i) =>
      Array.from({ length: BUMPS }, (_, j) => (i === j ? penalty * each : 0)),
    );
    const b = new Array(BUMPS).fill(0);
    for (let n = 0; n < count; n++) {
      const weight = (1 - kappa) * gate[m][n];
      for (let i = 0; weight && i < BUMPS; i++) {
        b[i] += weight * rows[n][i] * y[n];
        for (let j = 0; j < BUMPS; j++) a[i][j] += weight * rows[n][i] * rows[n][j];
      }
    }
    const l = cholesky(a);
    const rowOf = (n) => rows[n].map((value) => gate[m][n] * value);
    return { alone: solve(l, b), gated: rows.map((_, n) => rowOf(n)), pulled: rows.map((_, n) => solve(l, rowOf(n))) };
  });
  const rest = y.map((target, n) => blocks.reduce((sum, { gated, alone }) => sum - dot(gated[n], alone), target));
  const coupled = Array.from({ length: count }, () => new Array(count).fill(0));
  blocks.forEach(({ gated, pulled }, m) => {
    for (let n = 0; n < count; n++)
      for (let k = 0; gate[m][n] && k < count; k++) coupled[n][k] += kappa * dot(gated[n], pulled[k]);
  });
  coupled.forEach((row, n) => (row[n] += 1));
  const pull = solve(cholesky(coupled), rest);
  return blocks.map(({ alone, pulled }) =>
    alone.map((value, i) => value + kappa * pulled.reduce((sum, row, n) => sum + row[i] * pull[n], 0)),
  );
}

/** Average error, ambiguity and the error of the mean, each by its own formula, averaged over the places. */
function split(/** @type {number[][]} */ predictions, /** @type {number[]} */ target, weight) {
  const members = predictions.length;
  const found = { average: 0, ambiguity: 0, ensemble: 0 };
  for (let n = 0; n < target.length; n++) {
    let mean = 0;
    for (let m = 0; m < members; m++) mean += weight(m, n) * predictions[m][n];
    for (let m = 0; m < members; m++) {
      found.average += (weight(m, n) * (target[n] - predictions[m][n]) ** 2) / target.length;
      found.ambiguity += (weight(m, n) * (predictions[m][n] - mean) ** 2) / target.length;
    }
    found.ensemble += (target[n] - mean) ** 2 / target.length;
  }
  return found;
}

/**
 * Return the errors on the points, with the weights that the members are trained with, and against the truth, with equal
 * weights; there also `shared`, the mean of (f_k - truth)(f_l - truth) over all pairs of two members.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights  of `fitTogether`
 */
export function errorsOf({ y, gate, seen, fresh }, weights) {
  const members = weights.length;
  const predict = (rows, m) => rows.map((row) => dot(row, weights[m]));
  const onPoints = split(seen.map(predict), y, (m, n) => gate[m][n]);
  const onNew = split(fresh.map(predict), CURVE.map(truth), () => 1 / members);
  // E = E_kk / M + (1 - 1 / M) E_kl, solved for E_kl.
  const shared = members > 1 ? (onNew.ensemble - onNew.average / members) / (1 - 1 / members) : 0;
  return { onPoints, onNew: { ...onNew, shared } };
}

/**
 * Return the curve of each member, and of their mean, at the places of `CURVE`.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights
 */
export function curvesOf({ fresh }, weights) {
  const members = fresh.map((rows, m) => rows.map((row) => dot(row, weights[m])));
  const mean = CURVE.map((_, i) => members.reduce((sum, f) => sum + f[i], 0) / members.length);
  return { members, mean };
}
