// What the slider from average to ensemble draws: curves with points, three bars, and the map of kappa and penalty.

import { CURVE, KAPPAS, PENALTIES, truth } from "./members.js";
import { THEMED } from "../kit/colors.js";
import { heatmap } from "../kit/draw.js";

const BARS = /** @type {const} */ ([
  { name: "average", text: "average error", color: 1 }, // of the series
  { name: "ambiguity", text: "− ambiguity", color: 2 },
  { name: "ensemble", text: "= ensemble error", color: 0 },
]);

/**
 * The members, their mean, the truth and the points.
 * @param {{members: number[][], mean: number[]}} curves
 * @param {[number, number][]} points
 */
export function membersContent(curves, points) {
  const [blue, orange] = THEMED.series;
  return {
    curves: [
      ...curves.members.map((y) => ({ x: CURVE, y, color: orange, width: 0.9 })),
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
 * Draw the error of the mean for every kappa and penalty, with a dot at the best kappa of each penalty, a ring at the best of all,
 * and a frame around the present one.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("../kit/colors.js").Colors} colors
 * @param {{map: ReturnType<typeof import("./members.js").mapOf>, kappa: number, penalty: number, width: number, height: number}}
 *   options
 */
export function drawMap(pen, colors, { map, kappa, penalty, width, height }) {
  const upward = [...KAPPAS.keys()].reverse(); // 1 is above
  const logs = upward.map((i) => map.errors[i].map(Math.log));
  const least = Math.min(...logs.flat());
  const most = Math.max(...logs.flat());
  const nearest = (/** @type {number[]} */ values, /** @type {number} */ value) =>
    values.reduce((best, each, i) => (Math.abs(each - value) < Math.abs(values[best] - value) ? i : best), 0);
  const now = { row: nearest(KAPPAS, kappa), column: nearest(PENALTIES, penalty) };
  const { left, top, cell } = heatmap(pen, colors, {
    values: logs,
    color: (value) => colors.magnitude((0.9 * (value - least)) / (most - least || 1)),
    rows: upward.map((i) => (i % 5 ? "" : String(KAPPAS[i]))),
    columns: PENALTIES.map((value, j) => (j % 4 ? "" : String(value))),
    rowTitle: "κ",
    columnTitle: "λ",
    mark: (i, j) => (upward[i] === now.row && j === now.column ? colors.series[1] : null),
    width,
    height,
  });
  const dot = (/** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ radius) => {
    const [x, y] = [left + (column + 0.5) * cell.width, top + (KAPPAS.length - 0.5 - row) * cell.height];
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
  };
  pen.fillStyle = pen.strokeStyle = colors.ink;
  map.ridge.forEach((row, column) => {
    dot(row, column, 2.5);
    pen.fill();
  });
  pen.lineWidth = 2.5;
  dot(map.best.row, map.best.column, 7);
  pen.stroke();
}
