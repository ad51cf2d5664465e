// The losses of the runs against time, with the lines of the n-grams, PyTorch's run, and what the reader expected.

import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { sketch } from "../kit/sketch.js";
import { PLAIN } from "./plain.js";
import { isRecipe, runName } from "./words.js";

const EARLIER = [3, 5, 6]; // their colors among the series

/** @typedef {{steps: number, x: number[], y: number[]}} Stored  a run of the recipe in PyTorch */

/**
 * The stored run whose number of steps is nearest, in ratio, to a planned number.
 * @param {Stored[]} curves
 * @param {number} wanted
 */
export function storedRun(curves, wanted) {
  const distance = (/** @type {{steps: number}} */ { steps }) => Math.abs(Math.log(steps / wanted));
  return [...curves].sort((a, b) => distance(a) - distance(b))[0];
}

/**
 * Add the chart to a figure.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {import("./session.js").Session} options.session
 * @param {Stored[]} options.curves
 * @param {() => import("./session.js").Level[]} options.levels
 * @param {() => number} options.expected  seconds of a run that begins now
 * @param {boolean} options.plain  whether the reader has read no chapter yet: one curve, and no guess of it
 */
export function lossChart(frame, { session, curves, levels, expected, plain }) {
  const started = () => session.times.length > 0;
  const drawn = () => (guess.drawn ? guess.span : 0); // what the reader drew before a run stays in sight
  const ends = () => session.earlier.map(({ times }) => times[times.length - 1]);
  // Of the time, that is the same before a run and in it, so that a guess shows nothing of what comes.
  const most = () =>
    Math.max(session.expected || expected(), session.seconds, session.expected ? drawn() : 0, ...ends());

  const lines = () => {
    const { series } = THEMED;
    const { settings, planned, earlier, number, times } = session;
    /** @type {(import("../kit/chart.js").Curve & {name: string, x: number[], y: number[]})[]} */
    const found = earlier.map((run, i) => ({
      name: plain ? `run ${run.number}` : runName(run),
      x: run.times,
      y: run.validation,
      color: series[EARLIER[i % EARLIER.length]],
      width: 2,
    }));
    if (guess.drawn) found.push({ ...guess.curve, name: "your guess", color: series[4], width: 4 });
    if (!settings || !started()) return found;
    const measured = { x: times, y: session.validation, color: series[0], width: 2.5, grows: true };
    if (plain) return [...found, { ...measured, name: PLAIN.curve }];
    const stored = isRecipe(settings) ? storedRun(curves, planned) : undefined;
    if (stored) {
      const name = `this recipe in PyTorch, ${stored.steps.toLocaleString("en")} steps`;
      const x = stored.x.map((step) => (step / stored.steps) * session.expected); // as if it took as long
      found.push({ name, x, y: stored.y, color: series[1], dashed: true, width: 2 });
    }
    const name = earlier.length ? `${runName({ number, settings, planned })}: validation text` : "validation text";
    found.push({
      name: "training batches",
      x: times,
      y: session.train,
      color: series[2],
      width: 1.5,
      grows: true,
    });
    found.push({ ...measured, name });
    return found;
  };

  const chart = lineChart(frame, {
    label: "Loss against time",
    height: (width) => Math.min(260, 180 + width / 8),
    content() {
      const shown = levels();
      const curves = lines();
      const highest = Math.max(...shown.map((level) => level.nats));
      let lowest = plain ? 0 : Math.min(...shown.map((level) => level.nats - 0.3));
      let top = highest;
      for (const { y } of curves) {
        for (const loss of y) {
          if (loss < lowest) lowest = loss;
          if (loss > top) top = Math.min(loss, 2 * highest); // a loss that explodes is seen to leave
        }
      }
      top *= 1.06;
      const end = session.seconds;
      return {
        curves,
        levels: shown.map((level) => ({ name: `${level.name} ${level.nats.toFixed(2)}`, y: level.nats })),
        levelsBeside: 92,
        xRange: [0, most()],
        yRange: [Math.max(0, Math.floor(lowest * 5 - 1e-9) / 5), top],
        marks: session.status === "broken" ? [{ x: end, y: top, color: "var(--error)", radius: 5, square: true }] : [],
        notes: session.status === "broken" ? [{ x: end, y: 0.9 * top, text: "no number" }] : [],
        xTitle: "seconds",
        yTitle: plain ? PLAIN.yTitle : "loss, nats per character",
      };
    },
  });
  chart.panel.classList.add("losses");
  const guess = sketch(chart, {
    label: "The curve that you expect",
    end: most,
    value: (seconds, level) => `${Math.round(seconds)} s: ${level.toFixed(2)} nats`,
    onChange: redraw,
  });
  const key = legend(chart.panel, lines);

  function redraw() {
    guess.open(!plain && !started());
    chart.redraw();
    key.update();
  }
  return { redraw, guess, panel: chart.panel };
}
