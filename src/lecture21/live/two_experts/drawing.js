// The two charts of two experts and a gate: lines with the data, and the gate's probability below.

import { lineChart } from "../kit/chart.js";
import { deviations, predict } from "./fit.js";

export const X_RANGE = /** @type {[number, number]} */ ([-1, 1]);
export const Y_RANGE = /** @type {[number, number]} */ ([-2, 2]);
const GRID = Array.from({ length: 161 }, (_, i) => -1 + i / 80);

/**
 * Mix two colors.
 * @param {string} from  #RRGGBB
 * @param {string} to  #RRGGBB
 * @param {number} share  of the second, from 0 to 1
 */
export function mixed(from, to, share) {
  const part = (start) => {
    const [a, b] = [from, to].map((color) => parseInt(color.slice(start, start + 2), 16));
    return Math.round(a + (b - a) * share)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${part(1)}${part(3)}${part(5)}`;
}

/**
 * Draw the data, the experts' lines (bold where the gate prefers them, on request with a band of one standard
 * deviation), and the mean of the mixture; thin, the lines before the last step.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{parameters: number[], before: number[] | null, points: [number, number][], responsible: number[][] | null,
 *   bands: boolean, width: number, height: number}} options
 */
export function drawLines(pen, colors, { parameters, before, points, responsible, bands, width, height }) {
  const found = GRID.map((x) => predict(parameters, x));
  const sds = deviations(parameters);
  const lines = [0, 1].map((m) => found.map(({ means }) => means[m]));
  const bold = [0, 1].map((m) => found.map(({ means, gate }) => (gate[m] >= 0.5 ? means[m] : NaN)));
  const [first, second] = colors.series;
  const old = before ? GRID.map((x) => predict(before, x).means) : [];
  const chart = lineChart(pen, colors, {
    curves: [
      ...[0, 1].map((m) => ({ x: GRID, y: old.map((means) => means[m]), color: colors.series[m], width: 1 })),
      { x: GRID, y: lines[0], color: first, dashed: true, width: 1.5 },
      { x: GRID, y: lines[1], color: second, dashed: true, width: 1.5 },
      { x: GRID, y: bold[0], color: first, width: 4 },
      { x: GRID, y: bold[1], color: second, width: 4 },
      { x: GRID, y: found.map(({ mean }) => mean), color: colors.ink, width: 2 },
    ],
    xRange: X_RANGE,
    yRange: Y_RANGE,
    xTitle: "x",
    yTitle: "y",
    width,
    height,
  });
  const { px, py, area } = chart;
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  pen.clip();
  pen.globalAlpha = 0.16;
  (bands ? bold : []).forEach((line, m) => {
    pen.fillStyle = colors.series[m];
    const inside = GRID.map((x, i) => [x, line[i]]).filter(([, y]) => Number.isFinite(y));
    pen.beginPath();
    for (const [x, y] of inside) pen.lineTo(px(x), py(y + sds[m]));
    for (const [x, y] of inside.reverse()) pen.lineTo(px(x), py(y - sds[m]));
    pen.fill();
  });
  pen.restore();
  points.forEach(([x, y], n) => {
    const share = responsible?.[n][1] ?? 0;
    pen.fillStyle = responsible ? mixed(first, second, share) : colors.masked;
    pen.strokeStyle = colors.paper;
    pen.lineWidth = 1.5;
    pen.beginPath();
    if (share > 0.5) pen.rect(px(x) - 5, py(y) - 5, 10, 10);
    else pen.arc(px(x), py(y), 5.5, 0, 7);
    pen.fill();
    pen.stroke();
  });
  return chart;
}

/**
 * Draw the gate's probability of each expert over x.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{parameters: number[], width: number, height: number}} options
 */
export function drawGate(pen, colors, { parameters, width, height }) {
  const first = GRID.map((x) => predict(parameters, x).gate[0]);
  const { px, py } = lineChart(pen, colors, {
    curves: [{ x: GRID, y: first, color: colors.ink, width: 1.5 }],
    xRange: X_RANGE,
    yRange: [0, 1],
    xTitle: "x",
    yTitle: "probability",
    width,
    height,
  });
  pen.globalAlpha = 0.4;
  [0, 1].forEach((edge) => {
    pen.fillStyle = colors.series[edge];
    pen.beginPath();
    GRID.forEach((x, i) => pen.lineTo(px(x), py(first[i])));
    pen.lineTo(px(1), py(edge));
    pen.lineTo(px(-1), py(edge));
    pen.fill();
  });
  pen.globalAlpha = 1;
  pen.fillStyle = colors.ink;
  pen.textAlign = "center";
  // Each expert is named where its area is highest, unless it has next to nothing.
  for (const m of [0, 1]) {
    const heights = first.map((g) => (m ? 1 - g : g)).map((share, i) => (i >= 16 && i <= 144 ? share : 0));
    const highest = Math.max(...heights);
    if (highest < 0.25) continue;
    const flat = heights.flatMap((share, i) => (share > highest - 0.02 ? [i] : []));
    const at = flat[Math.floor(flat.length / 2)];
    pen.fillText(`expert ${m + 1}`, px(GRID[at]), m ? py(1 - heights[at] / 2) : py(heights[at] / 2));
  }
}
