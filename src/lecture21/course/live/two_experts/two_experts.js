// Two experts and a gate (chapter 12): drag the data, and fit the mixture by EM or by gradient.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button, more } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { player } from "../kit/player.js";
import { pointLayer } from "../kit/points.js";
import { arrayOf, integerIn } from "../kit/state.js";
import { X_RANGE, Y_RANGE, climbContent, gateContent, linesContent, mixed } from "./drawing.js";
import { explain } from "./fit.js";
import { FIRST, STYLE, advice, fitTable, sentence } from "./readings.js";
import { createSession } from "./session.js";
import { FEWEST, METHODS, MOST, NAMES, freshFits, isFits, isPoints, isShares, parametersOf, stepsOf } from "./state.js";

const FRAME = { em: 83, competitive: 16, cooperative: 16 }; // milliseconds of a picture of a run
const START = [0, 0.5, 0, 0, -0.5, 0, 0, 0];

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
      first: FIRST.em,
      fields: {
        start: { start: 1, check: isStart },
        points: { start: [-0.8, -0.4, 0.4, 0.8].map((x) => [x, x < 0 ? 1 : -0.5]), check: isPoints },
        shares: { start: [], check: isShares },
        fits: { start: freshFits(starts[isStart(first) ? first - 1 : 0]), check: isFits },
      },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {import("./state.js").Values} */ (state.values);
    const { choice, slider } = controlsOf(frame);
    const session = createSession(frame, starts);
    let shown = { start: values.start, fits: values.fits };
    /** An action of the reader, which ends a run. */
    const ending = (/** @type {() => void} */ action) => () => {
      movie.stop();
      action();
    };

    choice("method", {
      label: "Fit with",
      options: METHODS.map((name) => [name, NAMES[name]]),
      onInput: (method) => ending(() => session.choose(method))(),
    });
    const eButton = button(frame.controls, { label: "E-step", onClick: ending(session.eStep) });
    const mButton = button(frame.controls, { label: "M-step", onClick: ending(session.step) });
    const stepButton = button(frame.controls, { label: "One step", main: true, onClick: ending(session.step) });
    const movie = player(frame, {
      label: "Run",
      pause: () => FRAME[values.method],
      onPlay: session.begin,
      advance() {
        const goesOn = session.advance();
        if (goesOn) draw();
        return goesOn;
      },
      onStop: session.keep,
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
    button(rest, { label: "Restart the fits", onClick: session.restart });
    const addButton = button(rest, { label: "Add a point", onClick: session.addPoint });
    const removeButton = button(rest, { label: "Remove the chosen point", onClick: session.removePoint });
    const chart = lineChart(frame, {
      title: "Each point has the color of the expert that is responsible for it",
      label: "Data, the lines of two experts and the mean of the mixture, over x",
      height: (width) => Math.min(330, 190 + width / 5),
      full: true,
      content: () =>
        linesContent({
          parameters: parametersOf(session.row),
          before: session.run ? null : session.ghost,
          points: values.points,
          responsible: session.colored,
          bands: values.method !== "cooperative", // which does not train the standard deviations
        }),
      onPaint: () => placePoints(),
    });
    const placePoints = pointLayer(chart, {
      points: () => values.points,
      chosen: () => session.selected,
      xRange: X_RANGE,
      yRange: Y_RANGE,
      look: lookOf,
      onChoose: (index) => state.set({ selected: index }),
      onMove: (points) => session.changePoints({ points }),
      onDelete: session.removePoint,
    });
    legend(chart.panel, () => [
      { name: "expert 1 (round points)", color: THEMED.series[0] },
      { name: "expert 2 (square points)", color: THEMED.series[1] },
      { name: "mean of the mixture", color: THEMED.ink },
    ]);
    chart.panel.append(
      create("p", { class: "note" }, "Pale: both are responsible. Bold line: where the gate prefers it."),
    );
    const gateChart = lineChart(frame, {
      title: "The gate: which expert, where",
      label: "Probability of each expert over x",
      height: 150,
      content: () => gateContent(parametersOf(session.row)),
    });
    const climbChart = lineChart(frame, {
      title: "What the fit has reached",
      label: "What the fit has reached, by its steps",
      height: 150,
      content: () => climbContent(session.climb, values.method === "cooperative" ? "error" : "nats"),
    });
    const fillTable = fitTable(frame.stage);
    frame.root.append(create("style", {}, STYLE));

    function lookOf(/** @type {number} */ i) {
      const { gate } = explain(parametersOf(session.row), values.points)[i];
      const share = session.colored?.[i];
      const [first, second] = THEMED.series;
      return {
        color: share ? mixed(first, second, share[1]) : THEMED.masked,
        square: share !== undefined && share[1] > 0.5,
        says: `; expert 1: gate ${gate[0].toFixed(2)}${share ? `, responsibility ${share[0].toFixed(2)}` : ""}`,
      };
    }

    function draw() {
      chart.redraw();
      gateChart.redraw();
      climbChart.redraw();
      fillTable(session.fits, values.points, METHODS.indexOf(values.method));
    }

    function update() {
      if (values.start !== shown.start && values.fits === shown.fits) {
        shown = { start: values.start, fits: values.fits };
        session.restart();
        return;
      }
      // Reset, a new start, or Python has replaced the fits: what a run has reached does not count any more.
      if (session.run && values.fits !== session.run.since) {
        session.run = null;
        movie.halt();
      }
      if (values.fits.every((each) => stepsOf(each) === 0) && !values.shares.length) session.outcome = "";
      shown = { start: values.start, fits: values.fits };
      const em = values.method === "em";
      const due = em && !session.isColoredNow();
      stepButton.hidden = em;
      eButton.hidden = mButton.hidden = !em;
      eButton.classList.toggle("main", due);
      mButton.classList.toggle("main", em && !due);
      mButton.disabled = em && !session.colored;
      addButton.disabled = values.points.length >= MOST;
      removeButton.disabled = values.points.length <= FEWEST;
      draw();
      const next = advice(session.row, values.method, values.points, {
        moved: session.climb.x.length > 1,
        colored: session.colored !== null,
      });
      frame.advise(next);
      if (next.then) frame.acted();
      if (!session.run)
        frame.describe(
          create("span", { class: "hidden" }, sentence(session.row, values.method, values.points, session.colored)),
          ` ${session.outcome}`,
        );
    }

    update();
    return frame.remove;
  },
};
