// The two charts of two experts and a gate: lines with the data, and the gate's probability below.

import { THEMED } from "../kit/colors.js";
import { deviations, explain } from "./fit.js";

export const X_RANGE = /** @type {[number, number]} */ ([-1, 1]);
export const Y_RANGE = /** @type {[number, number]} */ ([-2, 2]);
const GRID = Array.from({ length: 161 }, (_, i) => -1 + i / 80);
const ON_GRID = GRID.map((x) => /** @type {[number, number]} */ ([x, 0]));

/**
 * The color of the expert with the larger share, the paler the more equal both are: a mixture of the two would be a third color.
 * @param {string} from
 * @param {string} to
 * @param {number} share  of the second, from 0 to 1
 */
export function mixed(from, to, share) {
  return `color-mix(in srgb, ${share > 0.5 ? to : from} ${(30 + 70 * Math.abs(2 * share - 1)).toFixed(1)}%, var(--paper))`;
}

/**
 * The data, the experts' lines (bold where the gate prefers them, on request with a band of one standard deviation),
 * and the mean of the mixture; thin, the lines before the last step.
 * @param {{parameters: number[], before: number[] | null, points: [number, number][], responsible: number[][] | null,
 *   bands: boolean}} options
 * @returns {import("../kit/chart.js").Content}
 */
export function linesContent({ parameters, before, points, responsible, bands }) {
  const found = explain(parameters, ON_GRID);
  const sds = deviations(parameters);
  const lines = [0, 1].map((m) => found.map(({ means }) => means[m]));
  const bold = [0, 1].map((m) => found.map(({ means, gate }) => (gate[m] >= 0.5 ? means[m] : NaN)));
  const { series } = THEMED;
  const [first, second] = series;
  const old = before ? explain(before, ON_GRID).map(({ means }) => means) : [];
  return {
    curves: [
      ...[0, 1].map((m) => ({ x: GRID, y: old.map((means) => means[m]), color: series[m], width: 1 })),
      { name: "expert 1", x: GRID, y: lines[0], color: first, dashed: true, width: 1.5 },
      { name: "expert 2", x: GRID, y: lines[1], color: second, dashed: true, width: 1.5 },
      { x: GRID, y: bold[0], color: first, width: 4 },
      { x: GRID, y: bold[1], color: second, width: 4 },
      { name: "mean", x: GRID, y: found.map(({ mean }) => mean), color: THEMED.ink, width: 2 },
    ],
    bands: (bands ? bold : []).map((line, m) => ({
      x: GRID,
      from: line.map((y) => y + sds[m]),
      to: line.map((y) => y - sds[m]),
      color: series[m],
      opacity: 0.16,
    })),
    marks: points.map(([x, y], n) => {
      const share = responsible?.[n][1] ?? 0;
      const color = responsible ? mixed(first, second, share) : THEMED.masked;
      return { x, y, color, radius: share > 0.5 ? 5 : 5.5, square: share > 0.5, edged: true };
    }),
    xRange: X_RANGE,
    yRange: Y_RANGE,
    xTitle: "x",
    yTitle: "y",
  };
}

/** What most fits need, in nats per point and as a squared error: an axis that moves with the curve shows no climb. */
const REACHED = { nats: [-2, 1], error: [0, 1] };

/**
 * What a fit has reached so far, by its steps.
 * @param {import("./state.js").Climb} climb
 * @param {"nats" | "error"} kind
 * @returns {import("../kit/chart.js").Content}
 */
export function climbContent({ x, y }, kind) {
  const unit = kind === "nats" ? "nats per point" : "squared error of the mean";
  const [low, high] = REACHED[kind];
  const [first, last] = [x[0], x[x.length - 1]];
  const doublings = Math.ceil(Math.log2(Math.max((last - first) / 10, 1)));
  return {
    curves: [{ name: unit, x, y, color: THEMED.ink, width: 2, points: x.length < 30 }],
    xRange: [first, first + 10 * 2 ** doublings],
    yRange: [Math.min(low, Math.floor(Math.min(...y))), Math.max(high, Math.ceil(Math.max(...y)))],
    xTitle: "steps",
    yTitle: unit,
  };
}

/**
 * The gate's probability of each expert over x.
 * @param {number[]} parameters
 * @returns {import("../kit/chart.js").Content}
 */
export function gateContent(parameters) {
  const first = explain(parameters, ON_GRID).map(({ gate }) => gate[0]);
  // Each expert is named where its area is highest, unless it has next to nothing.
  const notes = [0, 1].flatMap((m) => {
    const heights = first.map((g) => (m ? 1 - g : g)).map((share, i) => (i >= 16 && i <= 144 ? share : 0));
    const highest = Math.max(...heights);
    if (highest < 0.25) return [];
    const flat = heights.flatMap((share, i) => (share > highest - 0.02 ? [i] : []));
    const at = flat[Math.floor(flat.length / 2)];
    return [{ x: GRID[at], y: m ? 1 - heights[at] / 2 : heights[at] / 2, text: `expert ${m + 1}` }];
  });
  return {
    curves: [{ name: "expert 1", x: GRID, y: first, color: THEMED.ink, width: 1.5 }],
    bands: [0, 1].map((edge) => ({
      x: GRID,
      from: first,
      to: first.map(() => edge),
      color: THEMED.series[edge],
      opacity: 0.4,
    })),
    notes,
    xRange: X_RANGE,
    yRange: [0, 1],
    xTitle: "x",
    yTitle: "probability",
  };
}
