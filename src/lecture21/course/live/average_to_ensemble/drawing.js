// What the slider from average to ensemble draws: curves with points, three bars, and the errors for every kappa.

import { CURVE, truth } from "./members.js";
import { THEMED } from "../kit/colors.js";

const BARS = /** @type {const} */ ([
  { name: "average", text: "average error", color: 1 }, // of the series
  { name: "ambiguity", text: "− ambiguity", color: 2 },
  { name: "ensemble", text: "= ensemble error", color: 0 },
]);

/**
 * The members, thick where a gate gives them more than an equal weight, their mean, the truth and the points.
 * @param {{members: number[][], mean: number[], weights: number[][]}} curves
 * @param {[number, number][]} points
 */
export function membersContent(curves, points) {
  const [blue, orange] = THEMED.series;
  const more = 1.001 / curves.members.length; // than an equal weight
  const strong = curves.members.map((y, m) => y.map((value, i) => (curves.weights[m][i] > more ? value : NaN)));
  return {
    curves: [
      ...curves.members.map((y) => ({ x: CURVE, y, color: orange, width: 0.9 })),
      ...strong.map((y) => ({ x: CURVE, y, color: orange, width: 2.2 })),
      { name: "the curve behind the points", x: CURVE, y: CURVE.map(truth), color: THEMED.ink, dashed: true, width: 2 },
      { name: "mean of the members", x: CURVE, y: curves.mean, color: blue, width: 3.5 },
    ],
    marks: points.map(([x, y]) => ({ x, y, color: THEMED.ink, radius: 5, edged: true })),
    xTitle: "x",
    yTitle: "y",
  };
}

/**
 * Draw average error, ambiguity and ensemble error as bars below each other: the ambiguity is what is taken away, so its bar
 * begins where that of the ensemble ends.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("../kit/colors.js").Colors} colors
 * @param {{errors: import("./members.js").Errors, most: number, width: number}} options  most: the value of the longest bar
 */
export function drawBars(pen, colors, { errors, most, width }) {
  const [left, right, thick] = [130, width - 50, 18];
  BARS.forEach(({ name, text, color }, row) => {
    const y = 4 + row * (thick + 7);
    const from = name === "ambiguity" ? errors.ensemble : 0;
    const at = (/** @type {number} */ value) => left + (value / most) * (right - left);
    pen.fillStyle = colors.ink;
    pen.textAlign = "right";
    pen.fillText(text, left - 6, y + thick / 2);
    pen.fillText(errors[name].toFixed(3), width - 2, y + thick / 2);
    pen.fillStyle = colors.series[color];
    pen.fillRect(at(from), y, Math.max(1, at(from + errors[name]) - at(from)), thick);
  });
}

/**
 * The error of the mean for each kappa, on the points and against the truth.
 * @param {number[]} kappas
 * @param {ReturnType<typeof import("./members.js").errorsOf>[]} errors
 * @param {number} kappa  the present one
 * @returns {import("../kit/chart.js").Content}
 */
export function sweepContent(kappas, errors, kappa) {
  const seen = errors.map(({ onPoints }) => onPoints.ensemble);
  const fresh = errors.map(({ onNew }) => onNew.ensemble);
  return {
    curves: [
      { name: "on the points", x: kappas, y: seen, color: THEMED.series[4], dashed: true, width: 2 },
      { name: "against the dashed curve", x: kappas, y: fresh, color: THEMED.series[0], width: 3 },
    ],
    xRange: [0, 1],
    yRange: [0, Math.max(0.01, 1.1 * Math.max(...seen, ...fresh))],
    xTitle: "κ",
    yTitle: "squared error of the mean",
    cursor: kappa,
  };
}
