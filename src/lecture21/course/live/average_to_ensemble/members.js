// Small models that are trained together on average error - kappa * ambiguity, exactly. Each is a sum of bumps at places of
// its own, so its predictions are linear in its weights, and the best weights of all members solve one linear system.

import { dot, normal, seededRandom, softmax } from "../kit/numbers.js";

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
 * Return a gate: the softmax of scores that are linear in x, c x / s^2 - c^2 / 2 s^2 for each member, with c the middle of its
 * bumps and s their width. It is given and not trained, so that the best weights of the members are still exact.
 * @param {number[][]} centers  of each member
 * @param {number} x
 */
function gateAt(centers, x) {
  const scores = centers.map((each) => {
    const middle = each.reduce((sum, c) => sum + c, 0) / each.length;
    return (middle * x - middle ** 2 / 2) / WIDTH ** 2;
  });
  return softmax(scores);
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
 * @param {boolean} [gated]  whether the weights follow the gate: at a point, its values for the members that see it, divided
 *   by their sum; otherwise they are equal
 */
export function prepare(points, members, share, gated = false) {
  const centers = Array.from({ length: members }, (_, m) => centersOf(m));
  const gate = weightsOf(members, points.length, share);
  const onCurve = CURVE.map((x) => (gated ? gateAt(centers, x) : new Array(members).fill(1 / members)));
  const each = Math.max(...gate.flat()); // 1 / c
  if (gated) {
    points.forEach(([x], n) => {
      const values = gateAt(centers, x).map((value, m) => (gate[m][n] ? value : 0));
      const total = values.reduce((sum, value) => sum + value, 0);
      gate.forEach((row, m) => (row[n] = values[m] / total));
    });
  }
  return {
    y: points.map(([, y]) => y),
    each,
    gate,
    gated,
    freshGate: centers.map((_, m) => onCurve.map((row) => row[m])),
    seen: centers.map((places) => points.map(([x]) => bumpsAt(places, x))),
    fresh: centers.map((places) => CURVE.map((x) => bumpsAt(places, x))),
  };
}

/**
 * Return the weights of each member that minimize, with g the weights of `prepare`, which sum to 1 at each point,
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
export function fitTogether({ y, each, gate, seen }, kappa, penalty) {
  const count = y.length;
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
    const rowOf = (/** @type {number} */ n) => rows[n].map((value) => gate[m][n] * value);
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

/** @typedef {{average: number, ambiguity: number, ensemble: number}} Errors  ensemble: the error of the mean */

/**
 * Return average error, ambiguity and the error of the mean, each by its own formula, averaged over the places.
 * @returns {Errors}
 */
/** @param {number[][]} predictions @param {number[]} target @param {(m: number, n: number) => number} weight */
function split(predictions, target, weight) {
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
 * weights or those of the gate; of equal weights there also `shared`, the mean of (f_k - truth)(f_l - truth) over all pairs of
 * two members, and otherwise null.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights  of `fitTogether`
 */
export function errorsOf({ y, gate, gated, freshGate, seen, fresh }, weights) {
  const members = weights.length;
  const predict = (/** @type {number[][]} */ rows, /** @type {number} */ m) =>
    rows.map((/** @type {number[]} */ row) => dot(row, weights[m]));
  const onPoints = split(seen.map(predict), y, (/** @type {number} */ m, /** @type {number} */ n) => gate[m][n]);
  const onNew = split(
    fresh.map(predict),
    CURVE.map(truth),
    (/** @type {number} */ m, /** @type {number} */ i) => freshGate[m][i],
  );
  if (gated || members === 1) return { onPoints, onNew: { ...onNew, shared: null } };
  // E = E_kk / M + (1 - 1 / M) E_kl, solved for E_kl.
  return { onPoints, onNew: { ...onNew, shared: (onNew.ensemble - onNew.average / members) / (1 - 1 / members) } };
}

/**
 * Return the curve of each member, and of their mean, at the places of `CURVE`.
 * @param {ReturnType<typeof prepare>} data
 * @param {number[][]} weights
 */
export function curvesOf({ fresh, freshGate }, weights) {
  const members = fresh.map((rows, m) => rows.map((row) => dot(row, weights[m])));
  const mean = CURVE.map((_, i) => members.reduce((sum, f, m) => sum + freshGate[m][i] * f[i], 0));
  return { members, mean, weights: freshGate };
}
