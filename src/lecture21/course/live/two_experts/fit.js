// Two linear experts and a softmax gate on points (x, y): EM, and gradient steps on two losses (lecture21.mixtures).
//
// The parameters are w1, b1, log s1, w2, b2, log s2 of the experts, as in `LinearGaussian`, and the slope and offset of
// the gate: the logit of expert 2 less that of expert 1. `LinearGate` has both logits; only their difference counts.

import {
  adam,
  backward,
  exp,
  gather,
  given,
  linear,
  logSumExp,
  map,
  mean,
  product,
  scaled,
  square,
  sum,
} from "../kit/tape.js";

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
 * Return the mixture at some points as tensors: gate, means of the experts and what they miss of y, what their blend
 * misses, and log P(y, expert|x) and log P(y|x).
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
function mixture(p, points) {
  const fixed = (/** @type {number[]} */ data, columns = 2) => given(Float64Array.from(data), columns);
  const parameters = given(Float64Array.from(p), 1, true);
  const [lines, logSd, gateLine] = [
    [0, 1, 3, 4],
    [2, 5],
    [6, 7],
  ].map((places) => gather(parameters, places));
  const x = fixed(points.flatMap(([x]) => [x, 1]));
  const y = fixed(points.flatMap(([, y]) => [-y, -y]));

  const logits = linear(linear(x, gateLine), fixed([-1, 1], 1)); // N x 2: of each expert against the other
  const logSigmoid = (/** @type {number} */ u) => -softplus(-u);
  const logGate = map(logits, logSigmoid, (u) => Math.exp(logSigmoid(-u)));
  const gate = exp(logGate);
  const means = linear(x, lines); // N x 2
  const missed = sum(means, y);
  const blended = linear(product(gate, missed), fixed([1, 1])); // N x 1

  const logOfVariance = (/** @type {number} */ s) => Math.log(LEAST_SD ** 2 + Math.exp(2 * s));
  const logVariance = map(logSd, logOfVariance, (s, found) => 2 * Math.exp(2 * s - found));
  const squares = product(square(missed), exp(scaled(logVariance, -1)));
  const width = sum(logVariance, fixed([Math.log(2 * Math.PI)], 1));
  const joint = sum(scaled(sum(squares, width), -0.5), logGate); // N x 2
  return { parameters, gate, means, missed, blended, joint, logProb: logSumExp(joint) };
}

/**
 * Return what the mixture says of each point: the gate's probabilities, the experts' means and the mixture's, log P(y|x),
 * and the experts' responsibilities.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
export function explain(p, points) {
  const found = mixture(p, points);
  return points.map(([, y], n) => {
    const [gate, means, joint] = [found.gate, found.means, found.joint].map(({ data }) => [
      data[2 * n],
      data[2 * n + 1],
    ]);
    const logProb = found.logProb.data[n];
    const responsible = joint.map((each) => Math.exp(each - logProb));
    return { gate, means, mean: y + found.blended.data[n], logProb, responsible };
  });
}

/**
 * Return the losses of a mixture: competing experts each explain their own points, which is the negative log-likelihood
 * in nats, and cooperating ones explain all of them with their blend, which is its squared error.
 * @type {Record<"competitive" | "cooperative", (found: ReturnType<typeof mixture>) => import("../kit/tape.js").Tensor>}
 */
const LOSSES = {
  competitive: ({ logProb }) => scaled(mean(logProb), -1),
  cooperative: ({ blended }) => mean(square(blended)),
};

/**
 * Return means over the points: the log-likelihood in nats, the squared error of the mixture's mean, and that of the
 * experts, weighted by the gate.
 * @param {number[]} p  8 parameters
 * @param {[number, number][]} points
 */
export function score(p, points) {
  const found = mixture(p, points);
  return {
    nats: -LOSSES.competitive(found).data[0],
    error: LOSSES.cooperative(found).data[0],
    expertError: 2 * mean(product(found.gate, square(found.missed))).data[0],
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
  const found = mixture(fit.parameters, points);
  backward(LOSSES[loss](found));
  adam(next, found.parameters.gradient, rate, next.steps);
  // The logits of the gate move by the same amount in opposite directions.
  for (const i of [6, 7]) next.parameters[i] += next.parameters[i] - fit.parameters[i];
  return next;
}
