// The state of the figure of two experts: its points, and a fit for each of three methods.

import { arrayOf } from "../kit/state.js";
import { adamStep, emStep, newFit, score } from "./fit.js";

export const METHODS = /** @type {const} */ (["em", "competitive", "cooperative"]);
/** @typedef {(typeof METHODS)[number]} Method */
export const NAMES = { em: "EM", competitive: "Competitive", cooperative: "Cooperative" };
export const LONG_NAMES = {
  em: "EM",
  competitive: "Competitive: Adam on the likelihood",
  cooperative: "Cooperative: Adam on the squared error",
};
export const FEWEST = 4; // points
export const MOST = 40;

/**
 * @typedef {number[]} Row  a fit as 25 numbers: parameters, both moments of Adam, and the number of steps
 * @typedef {{method: Method, start: number, learning_rate: number, points: [number, number][], selected: number,
 *   shares: number[], fits: Row[]}} Values
 */

/** @param {Row} row */
export function parametersOf(row) {
  return row.slice(0, 8);
}

/** @param {Row} row */
export function stepsOf(row) {
  return row[24];
}

/**
 * Return a row for each method, before the first step.
 * @param {number[]} parameters
 * @returns {Row[]}
 */
export function freshFits(parameters) {
  return METHODS.map(() => flat(newFit(parameters)));
}

/** @param {unknown} value */
export function isFits(value) {
  if (!arrayOf([METHODS.length, 25], -1e12, 1e12)(value)) return false;
  const rows = /** @type {Row[]} */ (value);
  return rows.every((row) => row.slice(16).every((each) => each >= 0) && Number.isInteger(stepsOf(row)));
}

/** Whether a value is a responsibility of expert 2 for each point, or empty before the first E-step. @param {unknown} value */
export function isShares(value) {
  return Array.isArray(value) && value.length <= MOST && arrayOf([value.length], 0, 1)(value);
}

/** @param {unknown} value */
export function isPoints(value) {
  if (!Array.isArray(value) || value.length < FEWEST || value.length > MOST) return false;
  return arrayOf([value.length, 2], -2, 2)(value) && value.every(([x]) => Math.abs(x) <= 1);
}

/**
 * Return the row after one step of a method, or null if that led to no finite numbers.
 * @param {Row} row
 * @param {[number, number][]} points
 * @param {Method} method
 * @param {number} rate  learning rate of Adam
 * @param {number[][]} [shares]  responsibilities, for the M-step alone
 */
export function stepped(row, points, method, rate, shares) {
  const fit = { parameters: row.slice(0, 8), first: row.slice(8, 16), second: row.slice(16, 24), steps: stepsOf(row) };
  const next = flat(method === "em" ? emStep(fit, points, shares) : adamStep(fit, points, method, rate));
  return isFits([next, next, next]) && Number.isFinite(score(parametersOf(next), points).nats) ? next : null;
}

/**
 * Return by how many nats the log-likelihood of all points changed between two rows.
 * @param {Row} before
 * @param {Row} after
 * @param {[number, number][]} points
 */
export function gain(before, after, points) {
  const [from, to] = [before, after].map((row) => score(parametersOf(row), points).nats);
  return points.length * (to - from);
}

/** @typedef {{of: string, x: number[], y: number[]}} Climb  what one fit has reached, by its steps */

/**
 * Return the curve of a fit with where it is now: the log-likelihood in nats per point, or the squared error that
 * cooperating experts are trained on. It begins again with other points and where the fit has been restarted.
 * @param {Climb | undefined} before
 * @param {Row} row
 * @param {Method} method
 * @param {[number, number][]} points
 * @returns {Climb}
 */
export function climbed(before, row, method, points) {
  const { nats, error } = score(parametersOf(row), points);
  const [of, step] = [String(points), stepsOf(row)];
  /** @type {{x: number[], y: number[]}} */
  const { x, y } = before?.of === of && step >= before.x[before.x.length - 1] ? before : { x: [], y: [] };
  if (step !== x[x.length - 1]) {
    x.push(step);
    y.push(method === "cooperative" ? error : nats);
  }
  return { of, x, y };
}

/** @param {import("./fit.js").Fit} fit */
function flat(fit) {
  return [...fit.parameters, ...fit.first, ...fit.second, fit.steps];
}
