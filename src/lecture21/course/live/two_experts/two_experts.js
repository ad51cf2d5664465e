// Two experts and a gate (chapter 12): drag the data, and fit the mixture by EM or by gradient.

import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, choice } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { pointLayer } from "../kit/points.js";
import { arrayOf, fieldsFrom, integerIn } from "../kit/state.js";
import { X_RANGE, Y_RANGE, gateContent, linesContent, mixed } from "./drawing.js";
import { explain, responsibilities } from "./fit.js";
import { restControls } from "./rest.js";
import { STYLE, fitTable, sentence } from "./readings.js";
import {
  FEWEST,
  METHODS,
  NAMES,
  freshFits,
  gain,
  isFits,
  isPoints,
  isShares,
  parametersOf,
  stepped,
  stepsOf,
} from "./state.js";

const TOLERANCE = 1e-6; // nats: EM has converged after a step that changes the log-likelihood by less
const LIMIT = { em: 300, competitive: 500, cooperative: 500 }; // steps of one run
const SPEED = { em: 0.2, competitive: 4, cooperative: 4 }; // steps in each frame of the animation
const START = [0, 0.5, 0, 0, -0.5, 0, 0, 0];
const NOT_FINITE = "The fit diverged to numbers that are not finite: press Reset, or choose a smaller learning rate.";

/**
 * @typedef {import("./state.js").Row} Row
 * @typedef {import("./state.js").Values} Values
 * @typedef {{fits: Row[], since: Row[], steps: number, due: number, frame: number}} Run
 *   the fits so far, those at its beginning, its steps, those that are due now, and its place in the animation
 */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const listed = model.get("starts");
    /** @type {number[][]} */
    const starts = arrayOf([listed?.length || 1, 8], -1e6, 1e6)(listed) ? listed : [START];
    const rates = context.fields.learning_rate.choices;
    const isStart = integerIn(1, starts.length);
    const first = model.get("start");
    const frame = createFrame(context, {
      title: "Two experts and a gate",
      first: "Press E-step, then M-step, and repeat. Then drag a few points to the other line.",
      then: "the E-step colors the points, the M-step moves each line to the points of its color, and soon neither changes much.",
      fields: {
        ...fieldsFrom(context.fields),
        start: { start: 1, check: isStart },
        points: { start: [-0.8, -0.4, 0.4, 0.8].map((x) => [x, x < 0 ? 1 : -0.5]), check: isPoints },
        shares: { start: [], check: isShares },
        fits: { start: freshFits(starts[isStart(first) ? first - 1 : 0]), check: isFits },
      },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    let shown = { start: values.start, fits: values.fits };
    /** While fitting. @type {Run | null} */
    let run = null;
    let outcome = "";

    const current = () => METHODS.indexOf(values.method);
    const row = () => (run?.fits ?? values.fits)[current()];
    /** How the points are colored: in EM by the last E-step, or not yet. */
    const colored = () => {
      if (run || values.method !== "em") return responsibilities(parametersOf(row()), values.points);
      return values.shares.length === values.points.length ? values.shares.map((share) => [1 - share, share]) : null;
    };
    /** The result of an E-step, as the state has it. */
    const sharesOf = (/** @type {Row} */ fit, points = values.points) =>
      responsibilities(parametersOf(fit), points).map(([, second]) => Math.min(1, Math.max(0, second)));
    /** The parameters before the last M-step. @type {number[] | null} */
    let ghost = null;
    const selected = () => Math.min(values.selected, values.points.length - 1);

    const method = choice(frame.controls, {
      label: "Fit with",
      options: METHODS.map((name) => [name, NAMES[name]]),
      value: values.method,
      onInput(name) {
        stop();
        outcome = "";
        ghost = null;
        state.set({ method: name });
      },
    });
    const eButton = button(frame.controls, { label: "E-step", onClick: eStep });
    const mButton = button(frame.controls, { label: "M-step", onClick: oneStep });
    const stepButton = button(frame.controls, { label: "One step", main: true, onClick: oneStep });
    const runButton = button(frame.controls, {
      label: "Run",
      others: ["Pause"],
      onClick: () => (run ? stop() : startRun()),
    });
    const rest = restControls(frame, { starts, rates, restart, addPoint, removePoint });
    const chart = lineChart(frame, {
      title: "Each point has the color of the expert that is responsible for it",
      label: "Data, the lines of two experts and the mean of the mixture, over x",
      height: (width) => Math.min(330, 190 + width / 5),
      full: true,
      content: () =>
        linesContent({
          parameters: parametersOf(row()),
          before: run ? null : ghost,
          points: values.points,
          responsible: colored(),
          bands: values.method !== "cooperative", // which does not train the standard deviations
        }),
      onPaint: placePoints,
    });
    const layer = pointLayer(chart, {
      onSelect: (index) => state.set({ selected: index }),
      onDrag: (place) => moveTo(...chart.valueAt(place)),
      onArrow(dx, dy) {
        const [x, y] = values.points[selected()];
        moveTo(x + 0.05 * dx, y + 0.05 * dy);
      },
      onDelete: removePoint,
    });
    legend(chart.panel, () => [
      { name: "expert 1 (round points)", color: THEMED.series[0] },
      { name: "expert 2 (square points)", color: THEMED.series[1] },
      { name: "mean of the mixture", color: THEMED.ink },
    ]);
    const gateChart = lineChart(frame, {
      title: "The gate, before y is known",
      label: "Probability of each expert over x",
      height: 150,
      full: true,
      content: () => gateContent(parametersOf(row())),
    });
    const fillTable = fitTable(frame.stage);
    frame.root.append(create("style", {}, STYLE));

    function placePoints() {
      const i = selected();
      const [x, y] = values.points[i];
      const { gate } = explain(parametersOf(row()), values.points)[i];
      const share = colored()?.[i];
      const [first, second] = THEMED.series;
      const name =
        `Point ${i + 1} of ${values.points.length}: x ${written(x)}, y ${written(y)}; expert 1: gate ` +
        `${gate[0].toFixed(2)}${share ? `, responsibility ${share[0].toFixed(2)}` : ""}. ` +
        "Arrow keys move it, Page Up and Page Down choose another, Delete removes it.";
      const color = share ? mixed(first, second, share[1]) : THEMED.masked;
      layer.place(values.points.map(chart.placeOf), i, color, name, share !== undefined && share[1] > 0.5);
    }

    function changePoints(/** @type {{points: [number, number][], selected?: number}} */ changes) {
      outcome = "";
      ghost = null;
      frame.fail("");
      // Once there was an E-step, the colors follow the points.
      const shares = values.shares.length ? sharesOf(values.fits[0], changes.points) : [];
      state.set({ ...changes, shares });
    }

    function moveTo(/** @type {number} */ x, /** @type {number} */ y) {
      const inside = (/** @type {number} */ value, /** @type {[number, number]} */ [low, high]) =>
        Math.round(100 * Math.min(Math.max(value, low), high)) / 100;
      /** @type {[number, number]} */
      const moved = [inside(x, X_RANGE), inside(y, Y_RANGE)];
      changePoints({ points: values.points.map((point, i) => (i === selected() ? moved : point)) });
    }

    function addPoint() {
      const x = Math.round(200 * ((values.points.length * 0.618) % 1) - 100) / 100;
      changePoints({ points: [...values.points, [x, -1.5]], selected: values.points.length });
    }

    function removePoint() {
      if (values.points.length <= FEWEST) return frame.fail(`The figure needs at least ${FEWEST} points.`);
      const points = values.points.filter((_, i) => i !== selected());
      changePoints({ points, selected: Math.min(selected(), points.length - 1) });
    }

    function restart() {
      outcome = "";
      ghost = null;
      frame.fail("");
      state.set({ fits: freshFits(starts[values.start - 1]), shares: [] });
    }

    const replaced = (/** @type {Row[]} */ fits, /** @type {Row} */ next) =>
      fits.map((each, i) => (i === current() ? next : each));

    function eStep() {
      stop();
      frame.fail("");
      ghost = null;
      outcome = "The E-step left the lines where they were.";
      state.set({ shares: sharesOf(row()) });
    }

    function oneStep() {
      stop();
      const before = row();
      const shares = values.method === "em" ? (colored() ?? undefined) : undefined;
      const next = stepped(before, values.points, values.method, values.learning_rate, shares);
      frame.fail(next ? "" : NOT_FINITE);
      if (!next) return;
      const change = written(gain(before, next, values.points), 3);
      outcome =
        values.method === "cooperative" ? "" : `This step changed the log-likelihood by ${change} nats in total.`;
      ghost = parametersOf(before);
      state.set({ fits: replaced(values.fits, next) });
    }

    function startRun() {
      run = { fits: values.fits, since: values.fits, steps: 0, due: 0, frame: 0 };
      frame.fail("");
      runButton.textContent = "Pause";
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) tick();
      else while (run) forward(run);
    }

    /** Make one step of a run, which may be its last. */
    function forward(/** @type {Run} */ going) {
      const before = row();
      const next = stepped(before, values.points, values.method, values.learning_rate);
      if (!next) {
        stop();
        frame.fail(NOT_FINITE);
        return;
      }
      going.fits = replaced(going.fits, next);
      going.steps += 1;
      if (values.method === "em" && Math.abs(gain(before, next, values.points)) < TOLERANCE)
        stop(`EM has converged: its last step changed the log-likelihood by less than ${TOLERANCE.toFixed(6)} nats.`);
      else if (going.steps >= LIMIT[values.method]) stop(`The run took ${going.steps} steps.`);
    }

    function tick() {
      if (run && frame.visible) {
        for (run.due += SPEED[values.method]; run && run.due >= 1;) {
          run.due -= 1;
          forward(run);
        }
        if (run) draw();
      }
      if (run) run.frame = requestAnimationFrame(tick);
    }

    /** End a run, and keep what it has reached. */
    function stop(said = "") {
      if (!run) return;
      const { fits, steps } = run;
      abandon();
      outcome = said || `Paused after ${steps} more ${steps === 1 ? "step" : "steps"}.`;
      ghost = null;
      state.set({ fits, ...(values.method === "em" ? { shares: sharesOf(fits[0]) } : {}) });
    }

    /** End a run, and forget it. */
    function abandon() {
      if (run) cancelAnimationFrame(run.frame);
      run = null;
      runButton.textContent = "Run";
    }

    /** Whether an E-step would change no color. */
    function isColoredNow() {
      const now = sharesOf(row());
      return now.length === values.shares.length && now.every((share, n) => Math.abs(share - values.shares[n]) < 1e-6);
    }

    function draw() {
      chart.redraw();
      gateChart.redraw();
      fillTable(run?.fits ?? values.fits, values.points, current());
    }

    function update() {
      if (values.start !== shown.start && values.fits === shown.fits) {
        shown = { start: values.start, fits: values.fits };
        restart();
        return;
      }
      // Reset, a new start, or Python has replaced the fits: what a run has reached does not count any more.
      if (run && values.fits !== run.since) abandon();
      if (values.fits.every((each) => stepsOf(each) === 0) && !values.shares.length) outcome = "";
      shown = { start: values.start, fits: values.fits };
      method.set(values.method);
      const em = values.method === "em";
      const due = em && !isColoredNow();
      stepButton.hidden = em;
      eButton.hidden = mButton.hidden = !em;
      eButton.classList.toggle("main", due);
      mButton.classList.toggle("main", em && !due);
      mButton.disabled = em && !colored();
      rest.update();
      draw();
      if (!run) frame.describe(`${sentence(row(), values.method, values.points, colored())} ${outcome}`.trim());
    }

    frame.onRemove(abandon);
    update();
    return frame.remove;
  },
};
