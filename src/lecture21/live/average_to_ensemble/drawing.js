// What the slider from average to ensemble draws: curves with points, three bars, and the errors for every kappa.

import { CURVE, truth } from "./members.js";
import { lineChart } from "../kit/chart.js";

const NAMES = { average: "average error", ambiguity: "− ambiguity", ensemble: "= ensemble error" };
const COLORS = { average: 1, ambiguity: 2, ensemble: 0 }; // of the series

/**
 * Draw the members, thick where a gate gives them more than an equal weight, their mean, the truth and the points.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{curves: {members: number[][], mean: number[], weights: number[][]}, points: [number, number][], xRange: [number, number],
 *   yRange: [number, number], width: number, height: number}} options
 */
export function drawMembers(pen, colors, { curves, points, xRange, yRange, width, height }) {
  const [blue, orange] = colors.series;
  const more = 1.001 / curves.members.length; // than an equal weight
  const strong = curves.members.map((y, m) => y.map((value, i) => (curves.weights[m][i] > more ? value : NaN)));
  const chart = lineChart(pen, colors, {
    curves: [
      ...curves.members.map((y) => ({ x: CURVE, y, color: orange, width: 0.9 })),
      ...strong.map((y) => ({ x: CURVE, y, color: orange, width: 2.2 })),
      { x: CURVE, y: CURVE.map(truth), color: colors.ink, dashed: true, width: 2 },
      { x: CURVE, y: curves.mean, color: blue, width: 3.5 },
    ],
    xRange,
    yRange,
    xTitle: "x",
    yTitle: "y",
    width,
    height,
  });
  for (const [x, y] of points) {
    pen.fillStyle = colors.ink;
    pen.strokeStyle = colors.paper;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(chart.px(x), chart.py(y), 5, 0, 7);
    pen.fill();
    pen.stroke();
  }
  return chart;
}

/**
 * Draw average error, ambiguity and ensemble error as bars below each other: the ambiguity is what is taken away, so its bar
 * begins where that of the ensemble ends.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{errors: Record<string, number>, most: number, width: number}} options  most: the value of the longest bar
 */
export function drawBars(pen, colors, { errors, most, width }) {
  const [left, right, thick] = [130, width - 50, 18];
  Object.entries(NAMES).forEach(([name, text], row) => {
    const y = 4 + row * (thick + 7);
    const from = name === "ambiguity" ? errors.ensemble : 0;
    const at = (/** @type {number} */ value) => left + (value / most) * (right - left);
    pen.fillStyle = colors.ink;
    pen.textAlign = "right";
    pen.fillText(text, left - 6, y + thick / 2);
    pen.fillText(errors[name].toFixed(3), width - 2, y + thick / 2);
    pen.fillStyle = colors.series[COLORS[name]];
    pen.fillRect(at(from), y, Math.max(1, at(from + errors[name]) - at(from)), thick);
  });
}

/**
 * Draw the error of the mean for each kappa, on the points and against the truth.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{kappas: number[], errors: any[], kappa: number, width: number, height: number}} options
 */
export function drawSweep(pen, colors, { kappas, errors, kappa, width, height }) {
  const [seen, fresh] = ["onPoints", "onNew"].map((name) => errors.map((each) => each[name].ensemble));
  lineChart(pen, colors, {
    curves: [
      { x: kappas, y: seen, color: colors.series[4], dashed: true, width: 2 },
      { x: kappas, y: fresh, color: colors.series[0], width: 3 },
    ],
    xRange: [0, 1],
    yRange: [0, Math.max(0.01, 1.1 * Math.max(...seen, ...fresh))],
    xTitle: "κ",
    yTitle: "squared error of the mean",
    cursor: kappa,
    width,
    height,
  });
}
