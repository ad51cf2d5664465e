// One slider from average to ensemble (chapter 13): members that are trained on average error - kappa * ambiguity.

import { drawBars, membersContent, sweepContent } from "./drawing.js";
import { curvesOf, drawPoints, errorsOf, fitTogether, prepare } from "./members.js";
import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, more } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { createFrame } from "../kit/frame.js";
import { pointLayer } from "../kit/points.js";

const X_RANGE = /** @type {[number, number]} */ ([-1, 1]);
const Y_RANGE = /** @type {[number, number]} */ ([-2, 2]);
const KAPPAS = Array.from({ length: 21 }, (_, i) => i / 20);

/**
 * @typedef {{kappa: number, penalty: number, members: number, share: number, gate: boolean, seed: number,
 *   points: [number, number][], selected: number}} Values  points: empty before the reader has moved one
 */

/** Whether a value is points that the reader has moved, or empty before. */
function isPoints(/** @type {unknown} */ value) {
  const right = (/** @type {number[]} */ point) =>
    Array.isArray(point) && point.length === 2 && Math.abs(point[0]) <= 1 && Math.abs(point[1]) <= 2;
  return Array.isArray(value) && (value.length === 0 || value.length === drawPoints(0).length) && value.every(right);
}

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { fields } = context;
    const frame = createFrame(context, {
      title: "One slider from average to ensemble",
      first: "Move κ slowly from 0 to 1, and watch the three bars. Then drag a point.",
      then:
        "the members fly apart, and on the points their mean gets better all the way. " +
        "Against the dashed curve, the lower chart shows where it is best. " +
        "Switch the gate on and try again: each member now counts where its bumps are, and little is left to gain.",
      fields: { points: { start: [], check: isPoints } },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    const { slider, toggle } = controlsOf(frame);
    const points = () => (values.points.length ? values.points : drawPoints(values.seed));
    /** What is fitted to the present points. @type {ReturnType<typeof fitted>} */
    let now;

    slider("kappa", { label: "κ", step: 0.05, format: nameOf });
    button(frame.controls, {
      label: "Draw other points",
      onClick: () => state.set({ seed: (values.seed + 1) % 1000, points: [], selected: 0 }),
    });
    toggle("gate", { label: "Gate: a member counts near its bumps" });
    const parent = more(frame, "More: penalty, members, share of the data");
    slider("penalty", {
      parent,
      label: "Penalty λ",
      min: Math.log10(fields.penalty.min),
      max: Math.log10(fields.penalty.max),
      step: 0.25,
      show: Math.log10,
      take: (power) => Number((10 ** power).toPrecision(6)),
      format: (power) => String(Number((10 ** power).toPrecision(2))),
    });
    slider("members", { parent, label: "Members" });
    slider("share", {
      parent,
      label: "Share of the members that see a point",
      step: 0.1,
      take: (share) => Number(share.toFixed(2)),
      format: (share) => `${Math.round(100 * share)}\u00a0%`,
    });

    const chart = lineChart(frame, {
      title: "The members and their mean",
      label: "Points, the curve that they were drawn around, and the fitted curves of the members and of their mean",
      height: (width) => Math.min(270, 165 + width / 6),
      full: true,
      content: () => ({ ...membersContent(now.curves, points()), xRange: X_RANGE, yRange: Y_RANGE }),
      onPaint: () => placePoints(),
    });
    const placePoints = pointLayer(chart, {
      points,
      chosen: () => values.selected,
      xRange: X_RANGE,
      yRange: Y_RANGE,
      look: () => ({ color: THEMED.ink }),
      onChoose: (selected) => state.set({ selected }),
      onMove: (moved) => state.set({ points: moved }),
    });
    legend(chart.panel, () => [
      { name: "members", color: THEMED.series[1] },
      { name: "their mean", color: THEMED.series[0] },
      { name: "the curve behind the points", color: THEMED.ink, dashed: true },
    ]);
    const bars = /** @type {const} */ ([
      { title: "On the points", name: "onPoints" },
      { title: "Against the dashed curve", name: "onNew" },
    ]).map(({ title, name }) =>
      drawing(frame, {
        title,
        label: `${title}: average error, ambiguity and ensemble error as bars`,
        height: 78,
        draw: (pen, width) =>
          drawBars(pen, frame.colors, {
            errors: now.errors[name],
            most: Math.max(now.errors.onPoints.average, now.errors.onNew.average),
            width,
          }),
      }),
    );
    const sweep = lineChart(frame, {
      title: "Ensemble error for every κ",
      label: "The squared error of the mean over kappa, on the points and against the dashed curve",
      height: 170,
      full: true,
      content: () => sweepContent(KAPPAS, now.sweep, values.kappa),
    });
    legend(sweep.panel, () => [
      { name: "on the points", color: THEMED.series[4], dashed: true },
      { name: "against the dashed curve", color: THEMED.series[0] },
    ]);

    function fitted() {
      const data = prepare(points(), values.members, values.share, values.gate);
      const weights = fitTogether(data, values.kappa, values.penalty);
      const errorsAt = (/** @type {number} */ each) => errorsOf(data, fitTogether(data, each, values.penalty));
      return { curves: curvesOf(data, weights), errors: errorsOf(data, weights), sweep: KAPPAS.map(errorsAt) };
    }

    function update() {
      now = fitted();
      for (const each of [chart, ...bars, sweep]) each.redraw();
      frame.describe(description(values, now.errors));
    }

    update();
    return frame.remove;
  },
};

function nameOf(/** @type {number} */ kappa) {
  if (kappa === 0) return "0, each member alone";
  return kappa === 1 ? "1, only their mean" : kappa.toFixed(2);
}

/** @type {(values: Values, errors: ReturnType<typeof errorsOf>) => string} */
function description({ kappa, members, penalty, share, gate }, { onPoints, onNew }) {
  const terms = (/** @type {import("./members.js").Errors} */ { average, ambiguity, ensemble }) =>
    `average error ${average.toFixed(3)} − ambiguity ${ambiguity.toFixed(3)} = ensemble error ${ensemble.toFixed(3)}`;
  const who = members === 1 ? "One member" : `${members} members`;
  const part = share < 1 ? `, each point seen by ${Math.round(100 * share)}\u00a0% of them` : "";
  const weights = gate ? "a gate (thick: more than an equal weight)" : "equal weights";
  const { shared } = onNew;
  const sign = Number(shared) < 0 ? "\u2212" : "";
  const pairs =
    shared === null ? "" : ` The errors of two members have a mean product of ${sign}${Math.abs(shared).toFixed(3)}.`;
  return (
    `${who}, κ = ${kappa.toFixed(2)}, penalty ${Number(penalty.toPrecision(2))}${part}, ${weights}. ` +
    `On the points: ${terms(onPoints)}. Against the dashed curve: ${terms(onNew)}.${pairs}`
  );
}
