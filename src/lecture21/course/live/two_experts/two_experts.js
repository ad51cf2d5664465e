// Two experts and a gate (chapter 12): drag the data, and fit the mixture by EM or by gradient.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, more } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { player } from "../kit/player.js";
import { pointLayer } from "../kit/points.js";
import { arrayOf, integerIn } from "../kit/state.js";
import { X_RANGE, Y_RANGE, gateContent, linesContent, mixed } from "./drawing.js";
import { explain, responsibilities } from "./fit.js";
import { STYLE, fitTable, sentence } from "./readings.js";
import {
  FEWEST,
  METHODS,
  MOST,
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
const FRAME = { em: 83, competitive: 16, cooperative: 16 }; // milliseconds of a picture of a run
const STEPS = { em: 1, competitive: 4, cooperative: 4 }; // from one picture to the next
const START = [0, 0.5, 0, 0, -0.5, 0, 0, 0];
const NOT_FINITE = "The fit diverged to numbers that are not finite: press Reset, or choose a smaller learning rate.";

/**
 * @typedef {import("./state.js").Row} Row
 * @typedef {import("./state.js").Values} Values
 * @typedef {{fits: Row[], since: Row[], steps: number, end?: string}} Run
 *   the fits so far, those at its beginning, its steps, and why it has ended
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
        start: { start: 1, check: isStart },
        points: { start: [-0.8, -0.4, 0.4, 0.8].map((x) => [x, x < 0 ? 1 : -0.5]), check: isPoints },
        shares: { start: [], check: isShares },
        fits: { start: freshFits(starts[isStart(first) ? first - 1 : 0]), check: isFits },
      },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    const { choice, slider } = controlsOf(frame);
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

    choice("method", {
      label: "Fit with",
      options: METHODS.map((name) => [name, NAMES[name]]),
      onInput(method) {
        movie.stop();
        outcome = "";
        ghost = null;
        state.set({ method });
      },
    });
    const eButton = button(frame.controls, { label: "E-step", onClick: eStep });
    const mButton = button(frame.controls, { label: "M-step", onClick: oneStep });
    const stepButton = button(frame.controls, { label: "One step", main: true, onClick: oneStep });
    const movie = player(frame, {
      label: "Run",
      pause: () => FRAME[values.method],
      onPlay() {
        run = { fits: values.fits, since: values.fits, steps: 0 };
        frame.fail("");
      },
      advance,
      onStop: keep,
    });
    const rest = more(frame, "More: initialization, learning rate, points");
    slider("start", { parent: rest, label: "Random initialization", min: 1, max: starts.length });
    slider("learning_rate", {
      parent: rest,
      label: "Learning rate of Adam",
      min: 0,
      max: rates.length - 1,
      show: (rate) => rates.indexOf(rate),
      take: (index) => rates[index],
      format: (index) => String(rates[index]),
    });
    button(rest, { label: "Restart the fits", onClick: restart });
    const addButton = button(rest, { label: "Add a point", onClick: addPoint });
    const removeButton = button(rest, { label: "Remove the chosen point", onClick: removePoint });
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
      onPaint: () => placePoints(),
    });
    const placePoints = pointLayer(chart, {
      points: () => values.points,
      chosen: selected,
      xRange: X_RANGE,
      yRange: Y_RANGE,
      look: lookOf,
      onChoose: (index) => state.set({ selected: index }),
      onMove: (points) => changePoints({ points }),
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

    function lookOf(/** @type {number} */ i) {
      const { gate } = explain(parametersOf(row()), values.points)[i];
      const share = colored()?.[i];
      const [first, second] = THEMED.series;
      return {
        color: share ? mixed(first, second, share[1]) : THEMED.masked,
        square: share !== undefined && share[1] > 0.5,
        says: `; expert 1: gate ${gate[0].toFixed(2)}${share ? `, responsibility ${share[0].toFixed(2)}` : ""}`,
      };
    }

    function changePoints(/** @type {{points: [number, number][], selected?: number}} */ changes) {
      outcome = "";
      ghost = null;
      frame.fail("");
      // Once there was an E-step, the colors follow the points.
      const shares = values.shares.length ? sharesOf(values.fits[0], changes.points) : [];
      state.set({ ...changes, shares });
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
      movie.stop();
      frame.fail("");
      ghost = null;
      outcome = "The E-step left the lines where they were.";
      state.set({ shares: sharesOf(row()) });
    }

    function oneStep() {
      movie.stop();
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

    /** Make the next steps of a run; returns whether there are more. */
    function advance() {
      for (let i = 0; run && i < STEPS[values.method]; i++) {
        const before = row();
        const next = stepped(before, values.points, values.method, values.learning_rate);
        if (!next) {
          frame.fail(NOT_FINITE);
          return false;
        }
        run.fits = replaced(run.fits, next);
        run.steps += 1;
        const change = Math.abs(gain(before, next, values.points));
        if (values.method === "em" && change < TOLERANCE)
          run.end = `EM has converged: its last step changed the log-likelihood by less than ${TOLERANCE.toFixed(6)} nats.`;
        else if (run.steps >= LIMIT[values.method]) run.end = `The run took ${run.steps} steps.`;
        if (run.end) return false;
      }
      draw();
      return true;
    }

    /** Keep what a run has reached. */
    function keep() {
      if (!run) return;
      const { fits, steps, end } = run;
      run = null;
      outcome = end ?? `Paused after ${steps} more ${steps === 1 ? "step" : "steps"}.`;
      ghost = null;
      state.set({ fits, ...(values.method === "em" ? { shares: sharesOf(fits[0]) } : {}) });
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
      if (run && values.fits !== run.since) {
        run = null;
        movie.halt();
      }
      if (values.fits.every((each) => stepsOf(each) === 0) && !values.shares.length) outcome = "";
      shown = { start: values.start, fits: values.fits };
      const em = values.method === "em";
      const due = em && !isColoredNow();
      stepButton.hidden = em;
      eButton.hidden = mButton.hidden = !em;
      eButton.classList.toggle("main", due);
      mButton.classList.toggle("main", em && !due);
      mButton.disabled = em && !colored();
      addButton.disabled = values.points.length >= MOST;
      removeButton.disabled = values.points.length <= FEWEST;
      draw();
      if (!run) frame.describe(`${sentence(row(), values.method, values.points, colored())} ${outcome}`.trim());
    }

    update();
    return frame.remove;
  },
};
