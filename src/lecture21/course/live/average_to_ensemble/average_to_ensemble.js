// One slider from average to ensemble (chapter 13): members that are trained on average error - kappa * ambiguity.

import { drawBars, drawMap, membersContent } from "./drawing.js";
import { KAPPAS, PENALTIES, curvesOf, drawPoints, errorsOf, fitTogether, mapOf, prepare } from "./members.js";
import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { create, createFrame } from "../kit/frame.js";
import { pointLayer } from "../kit/points.js";

const X_RANGE = /** @type {[number, number]} */ ([-1, 1]);
const HIGHEST = 2; // of a point
const SOLVED =
  "You are at the ring: the members err in different places, and no other place on the map has a smaller ensemble error.";
const FIRST =
  "Ten members learn the same points. Move κ slowly, and watch their mean and the bars. Then find the ring on the map.";

/**
 * @typedef {{kappa: number, penalty: number, seed: number, points: [number, number][], selected: number}} Values  points: empty
 *   before the reader has moved one
 */

/** Whether a value is points that the reader has moved, or empty before. */
function isPoints(/** @type {unknown} */ value) {
  const right = (/** @type {number[]} */ point) =>
    Array.isArray(point) && point.length === 2 && Math.abs(point[0]) <= 1 && Math.abs(point[1]) <= HIGHEST;
  return Array.isArray(value) && (value.length === 0 || value.length === drawPoints(0).length) && value.every(right);
}

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { fields } = context;
    const frame = createFrame(context, {
      title: "One slider from average to ensemble",
      first: FIRST,
      fields: { points: { start: [], check: isPoints } },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    const { slider } = controlsOf(frame);
    const points = () => (values.points.length ? values.points : drawPoints(values.seed));
    /** What is fitted to the present points. @type {ReturnType<typeof fitted>} */
    let now;
    let mapped = { of: "", map: /** @type {ReturnType<typeof mapOf> | null} */ (null) };

    const ends = ["trained alone", "trained together"].map((end) => create("span", {}, end));
    slider("kappa", { label: "κ", step: 0.05, format: (kappa) => kappa.toFixed(2) }).node.append(
      create("span", { class: "ends note" }, ...ends),
    );
    slider("penalty", {
      label: "λ, the penalty on weights",
      min: Math.log10(fields.penalty.min),
      max: Math.log10(fields.penalty.max),
      step: 0.25,
      show: Math.log10,
      take: (power) => Number((10 ** power).toPrecision(6)),
      format: (power) => String(Number((10 ** power).toPrecision(2))),
    });
    button(frame.controls, {
      label: "Draw other points",
      onClick: () => state.set({ seed: (values.seed + 1) % 1000, points: [], selected: 0 }),
    });

    const chart = lineChart(frame, {
      title: "The members and their mean",
      label: "Points, the curve that they were drawn around, and the fitted curves of the members and of their mean",
      height: 270,
      content: () => ({ ...membersContent(now.curves, points()), xRange: X_RANGE, yRange: yRange() }),
      onPaint: () => placePoints(),
    });
    const placePoints = pointLayer(chart, {
      points,
      chosen: () => values.selected,
      xRange: X_RANGE,
      yRange: [-HIGHEST, HIGHEST],
      look: () => ({ color: THEMED.ink }),
      onChoose: (selected) => state.set({ selected }),
      onMove: (moved) => state.set({ points: moved }),
    });
    legend(chart.panel, () => [
      { name: "members", color: THEMED.series[1] },
      { name: "their mean", color: THEMED.series[0] },
      { name: "the curve behind the points", color: THEMED.ink, dashed: true },
    ]);
    const map = drawing(frame, {
      title: "Ensemble error against the dashed curve",
      label: "A map of the squared error of the mean over kappa and lambda, with its minimum",
      height: 270,
      draw: (pen, width, height) =>
        drawMap(pen, frame.colors, { ...values, map: errorMap(), width: Math.min(width, 460), height }),
    });
    map.panel.classList.add("map");
    frame.root.append(create("style", {}, STYLE));
    const scale = create("span", { class: "scale" });
    const tint = () => {
      scale.style.background = `linear-gradient(to right, ${[0, 0.3, 0.6, 0.9].map((share) => frame.colors.magnitude(share))})`;
    };
    tint();
    frame.onTheme(tint);
    map.panel.append(create("p", { class: "note" }, "Small error ", scale, " large"));
    map.panel.append(
      create("p", { class: "note" }, "Frame: you are here. Dot: the best κ for its λ. Ring: the least of all."),
    );
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
    frame.stage.append(create("p", { class: "note full" }, "Ambiguity: how much the members disagree."));

    /** The range of y in whole steps, so that no member leaves the picture. */
    function yRange() {
      const most = Math.max(HIGHEST, ...now.curves.members.flat().map(Math.abs));
      return /** @type {[number, number]} */ ([-Math.ceil(most), Math.ceil(most)]);
    }

    /** The map changes with the points only. */
    function errorMap() {
      const of = JSON.stringify(points());
      if (!mapped.map || mapped.of !== of) mapped = { of, map: mapOf(prepare(points())) };
      return /** @type {ReturnType<typeof mapOf>} */ (mapped.map);
    }

    function fitted() {
      const data = prepare(points());
      const weights = fitTogether(data, values.kappa, values.penalty);
      return { curves: curvesOf(data, weights), errors: errorsOf(data, weights) };
    }

    function update() {
      now = fitted();
      for (const each of [chart, ...bars, map]) each.redraw();
      const then = told(values, now.errors.onNew, errorMap());
      frame.advise({ first: FIRST, then, solved: then === SOLVED });
      frame.describe(create("span", { class: "hidden" }, description(values, now.errors, errorMap())));
    }

    update();
    return frame.remove;
  },
};

const STYLE = `
.controls { align-items: start; } .control output { display: inline-block; min-width: 4.6em; }
@container (min-width: 30.01rem) { .control:has(.ends), .control:has(.ends) input { width: 14rem; } .controls > button { margin-top: 1.4rem; } }
.ends { display: flex; justify-content: space-between; margin: 0; }
.scale { display: inline-block; width: 5rem; height: 0.7rem; border: 1px solid var(--line); }
.stage > .note { flex-basis: 100%; margin: 0; }
@container (max-width: 36rem) { .map { order: 1; } }
`;

/**
 * How good the mean is here, against κ = 0 at the same penalty, and whether it is the best place of the map.
 * @type {(values: Values, here: import("./members.js").Errors, map: ReturnType<typeof mapOf>) => string}
 */
function told({ kappa, penalty }, { ensemble }, { errors, best }) {
  if (ensemble <= errors[best.row][best.column] + 1e-9) return SOLVED;
  if (kappa === 0) return "";
  const column = PENALTIES.findIndex((each) => Math.abs(Math.log10(each / penalty)) < 1e-6);
  if (column < 0) return "";
  const alone = errors[KAPPAS.indexOf(0)][column];
  const change = ensemble < alone ? "less" : "more";
  return `against the dashed curve, the mean's error is ${ensemble.toFixed(3)}, ${change} than ${alone.toFixed(3)} at κ = 0.`;
}

/** @type {(values: Values, errors: ReturnType<typeof errorsOf>, map: ReturnType<typeof mapOf>) => string} */
function description({ kappa, penalty }, { onPoints, onNew }, { errors, best }) {
  const terms = (/** @type {import("./members.js").Errors} */ { average, ambiguity, ensemble }) =>
    `average error ${average.toFixed(3)} − ambiguity ${ambiguity.toFixed(3)} = ensemble error ${ensemble.toFixed(3)}`;
  const short = (/** @type {number} */ value) => Number(value.toPrecision(2));
  return (
    `κ = ${kappa.toFixed(2)}, λ = ${short(penalty)}. On the points: ${terms(onPoints)}. Against the dashed curve: ` +
    `${terms(onNew)}; the least is ${errors[best.row][best.column].toFixed(3)}, at κ = ${KAPPAS[best.row].toFixed(2)} and ` +
    `λ = ${short(PENALTIES[best.column])}.`
  );
}
