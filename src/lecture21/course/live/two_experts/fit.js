// Two linear experts and a softmax gate on points (x, y): EM, and gradient steps on two losses (lecture21.mixtures).
//
// The parameters are w1, b1, log s1, w2, b2, log s2 of the experts, as in `LinearGaussian`, and the slope and offset of
// the gate: the logit of expert 2 less that of expert 1. `LinearGate` has both logits; only their difference counts.

import { adam } from "../kit/tape.js";

/** The least standard deviation of an expert: the variance is its square plus exp(2 log s). */
export const LEAST_SD = 0.05;

const RIDGE = 1e-6; // added to the Hessian of the gate; it changes a step, and not the optimum
const HALVINGS = 60; // of a Newton step, until it does not decrease its objective
const LEAST_WEIGHT = 1e-12; // an expert that is responsible for less than this part of a point keeps its parameters

/** @typedef {{parameters: number[], first: number[], second: number[], steps: number}} Fit  with Adam's moments */

/**
 * Return a fit that has taken no step.
 * @param {number[]} parameters  8
 * @returns {Fit}
 */
export function newFit(parameters) {
  return { parameters: [...parameters], first: Array(8).fill(0), second: Array(8).fill(0), steps: 0 };
}

/**
 * Return log(1 + exp(u)) without overflow.
 * @param {number} u
 */
function softplus(u) {
  return Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));
}

/**
 * Return the standard deviations of both experts.
 * @param {number[]} p  8 parameters
 */
export function deviations(p) {
  return [2, 5].map((i) => Math.sqrt(LEAST_SD ** 2 + Math.exp(2 * p[i])));
}

/**
 * Return the gate's probabilities, the experts' means and the mixture's mean at one x.
 * @param {number[]} p  8 parameters
 * @param {number} x
 */
export function predict(p, x) {
  const u = p[6] * x + p[7];
  const logGate = [-softplus(u), -softplus(-u)];
  const gate = logGate.map(Math.exp);
  const means = [p[0] * x + p[1], p[3] * x + p[4]];
  return { logGate, gate, means, mean: gate[0] * means[0] + gate[1] * means[1] };
}

/**
 * Return what the mixture says of each point: also log P(y|x), and the experts' responsibilities.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
export function explain(p, points) {
  const variances = deviations(p).map((sd) => sd ** 2);
  return points.map(([x, y]) => {
    const found = predict(p, x);
    const joint = variances.map(
      (v, m) => found.logGate[m] - 0.5 * ((y - found.means[m]) ** 2 / v + Math.log(2 * Math.PI * v)),
    );
    const most = Math.max(...joint);
    const logProb = most + Math.log(Math.exp(joint[0] - most) + Math.exp(joint[1] - most));
    return { ...found, logProb, responsible: joint.map((each) => Math.exp(each - logProb)) };
  });
}

/**
 * Return the numbers that the losses are made of, as means over the points: the log-likelihood in nats, the squared
 * error of the mixture's mean, and that of the experts, weighted by the gate.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
export function score(p, points) {
  const found = explain(p, points);
  const average = (/** @type {(each: (typeof found)[number], y: number) => number} */ part) =>
    found.reduce((sum, each, n) => sum + part(each, points[n][1]), 0) / points.length;
  return {
    nats: average(({ logProb }) => logProb),
    error: average(({ mean }, y) => (mean - y) ** 2),
    expertError: average(({ gate, means }, y) => gate[0] * (means[0] - y) ** 2 + gate[1] * (means[1] - y) ** 2),
  };
}

/**
 * Return the E-step: for each point, how far each expert is responsible for it.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
export function responsibilities(p, points) {
  return explain(p, points).map(({ responsible }) => responsible);
}

/**
 * Make one step of EM: responsibilities, then each part fitted to the points weighted by them.
 * @param {Fit} fit  not changed
 * @param {[number, number][]} points
 * @param {number[][]} [shares]  the responsibilities, where the E-step was made before: then this is the M-step
 * @returns {Fit}
 */
export function emStep(fit, points, shares = responsibilities(fit.parameters, points)) {
  const p = [...fit.parameters];
  for (const m of [0, 1]) {
    const line = weightedLine(
      points,
      shares.map((share) => share[m]),
    );
    if (line) p.splice(3 * m, 3, ...line);
  }
  p.splice(6, 2, ...gateStep(p.slice(6), points, shares));
  return { ...newFit(p), steps: fit.steps + 1 };
}

/**
 * Return slope, offset and log s of the line that maximizes the weighted likelihood, or null without weight.
 * @param {[number, number][]} points
 * @param {number[]} weights
 */
function weightedLine(points, weights) {
  const sum = (/** @type {(x: number, y: number) => number} */ part) =>
    points.reduce((total, [x, y], n) => total + weights[n] * part(x, y), 0);
  const weight = sum(() => 1);
  if (weight < LEAST_WEIGHT) return null;
  const [x0, y0] = [sum((x) => x) / weight, sum((_, y) => y) / weight];
  const spread = sum((x) => (x - x0) ** 2);
  // Through points with a single x there are many lines: the one with the smallest squared parameters is taken.
  const single = spread < 1e-26 * weight * (1 + x0 ** 2);
  const slope = single ? (y0 * x0) / (1 + x0 ** 2) : sum((x, y) => (x - x0) * (y - y0)) / spread;
  const offset = y0 - slope * x0;
  const variance = sum((x, y) => (y - slope * x - offset) ** 2) / weight;
  return [slope, offset, 0.5 * Math.log(Math.max(variance - LEAST_SD ** 2, Math.exp(-50)))];
}

/**
 * Return the gate after one Newton step on sum_n,m share log g, halved until it does not decrease that sum.
 *
 * The gradient for the two logits is (-d, d) and the Hessian ((A, -A), (-A, A)), so the step is (-s, s) with
 * (2 A + ridge) s = d, and the difference of the logits changes by 2 s.
 * @param {number[]} gate  slope and offset
 * @param {[number, number][]} points
 * @param {number[][]} shares  responsibilities
 */
function gateStep(gate, points, shares) {
  const objective = (/** @type {number[]} */ [slope, offset]) =>
    points.reduce((sum, [x], n) => {
      const u = slope * x + offset;
      return sum - shares[n][0] * softplus(u) - shares[n][1] * softplus(-u);
    }, 0);
  let [dx, d1, axx, ax1, a11] = [0, 0, RIDGE, 0, RIDGE];
  points.forEach(([x], n) => {
    const second = Math.exp(-softplus(-(gate[0] * x + gate[1])));
    const first = Math.exp(-softplus(gate[0] * x + gate[1]));
    const missing = shares[n][1] - second;
    const curvature = 2 * first * second;
    dx += missing * x;
    d1 += missing;
    axx += curvature * x * x;
    ax1 += curvature * x;
    a11 += curvature;
  });
  const determinant = axx * a11 - ax1 * ax1;
  const step = [(2 * (a11 * dx - ax1 * d1)) / determinant, (2 * (axx * d1 - ax1 * dx)) / determinant];
  const before = objective(gate);
  for (let factor = 1, k = 0; k < HALVINGS; factor /= 2, k++) {
    const moved = [gate[0] + factor * step[0], gate[1] + factor * step[1]];
    if (objective(moved) >= before) return moved;
  }
  return gate;
}

/**
 * Return the gradient of a loss, averaged over the points, with that of the gate for the logit of expert 2 alone.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 * @param {"competitive" | "cooperative"} loss  the negative log-likelihood, or the squared error of the mean
 */
export function gradient(p, points, loss) {
  const variances = deviations(p).map((sd) => sd ** 2);
  const found = Array(8).fill(0);
  explain(p, points).forEach(({ gate, means, mean, responsible }, n) => {
    const [x, y] = points[n];
    for (const m of [0, 1]) {
      const residual = y - means[m];
      // An expert learns from a point as far as it is responsible for it, or, cooperating, as far as the gate uses it.
      const pull = loss === "competitive" ? (-responsible[m] * residual) / variances[m] : 2 * (mean - y) * gate[m];
      found[3 * m] += pull * x;
      found[3 * m + 1] += pull;
      if (loss === "competitive") {
        const byVariance = (0.5 * (residual ** 2 / variances[m] - 1)) / variances[m];
        found[3 * m + 2] -= responsible[m] * byVariance * 2 * Math.exp(2 * p[3 * m + 2]);
      }
    }
    const pull =
      loss === "competitive" ? gate[1] - responsible[1] : 2 * (mean - y) * gate[0] * gate[1] * (means[1] - means[0]);
    found[6] += pull * x;
    found[7] += pull;
  });
  return found.map((each) => each / points.length);
}

/**
 * Make one step of Adam on all points.
 * @param {Fit} fit  not changed
 * @param {[number, number][]} points
 * @param {"competitive" | "cooperative"} loss
 * @param {number} rate  learning rate
 * @returns {Fit}
 */
export function adamStep(fit, points, loss, rate) {
  const next = {
    parameters: [...fit.parameters],
    first: [...fit.first],
    second: [...fit.second],
    steps: fit.steps + 1,
  };
  adam(next, gradient(fit.parameters, points, loss), rate, next.steps);
  // The logits of the gate move by the same amount in opposite directions.
  for (const i of [6, 7]) next.parameters[i] += next.parameters[i] - fit.parameters[i];
  return next;
}
