// The chart of the scores: the reader's prediction, the trainings, and the guess by the majority, which needs no model.

import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { create } from "../kit/frame.js";
import { sketch } from "../kit/sketch.js";
import { BAG } from "./chapters.js";

export const FARTHEST = 100;
export const DISTANCES = Array.from({ length: 34 }, (_, i) => 1 + 3 * i);

/** @typedef {{kind: string, name: string, color: string}} Shown  a model */

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {Shown[]} options.models
 * @param {number[]} options.majority  the score of a guess by the majority of the nouns, at each distance
 * @param {() => import("./runs.js").Run[]} options.runs  the last one is the one in use
 */
export function scoreChart(frame, { models, majority, runs }) {
  const { values } = frame.state;
  const { note, series } = THEMED;
  const chart = lineChart(frame, {
    title: "Score: right verbs in 600 sentences",
    label: "Score against the distance from the subject to the verb",
    height: (width) => Math.min(230, 120 + width / 5),
    content: () => ({
      curves: [voted, ...expected(), ...runs().flatMap(trained)],
      marks: runs().flatMap(trainings),
      xRange: [0, 1.03 * FARTHEST],
      yRange: [0.4, 1.02],
      xTicks: [1, 25, 50, 75, 100],
      xTitle: "words from the subject to the verb",
      yTitle: "score",
      cursor: values.distance,
      notes: guess.drawn || runs().length ? [] : [{ x: FARTHEST / 2, y: 0.92, text: "✎ draw here what you expect" }],
    }),
  });
  const prediction = { name: "your prediction", color: series[6], width: 3 };
  const voted = { name: "majority of the nouns", x: DISTANCES, y: majority, color: note, dotted: true, width: 2 };
  const expected = () => (guess.drawn ? [{ ...guess.curve, ...prediction }] : []);
  /** Of a run that is not the last, the bag is not drawn. */
  const shownOf = (/** @type {import("./runs.js").Run} */ run) =>
    models.filter(({ kind }) => kind !== BAG || run === runs().at(-1));
  const trained = (/** @type {import("./runs.js").Run} */ run) => {
    const last = run === runs().at(-1);
    return shownOf(run).map(({ kind, name, color }) => {
      const scores = DISTANCES.map((distance) => run.scores[kind].get(distance));
      const x = DISTANCES.filter((_, i) => scores[i] !== undefined);
      const y = scores.filter((score) => score !== undefined);
      const line = kind === BAG ? { dashed: true, width: 1.5 } : { points: last, width: last ? 2.5 : 1 };
      return { name: last ? name : "", x, y, color, ...line };
    });
  };
  const trainings = (/** @type {import("./runs.js").Run} */ run) =>
    models.flatMap(({ kind, color }) => {
      const score = run.scores[kind].get(run.at);
      return kind === BAG || score === undefined ? [] : [{ x: run.at, y: score, color, radius: 7, ring: 2 }];
    });
  const redraw = () => {
    chart.redraw();
    key.update();
  };
  const guess = sketch(chart, {
    label: "The scores that you expect",
    end: () => 1.03 * FARTHEST,
    value: (distance, level) => `${Math.round(distance)} words: ${level.toFixed(2)}`,
    onChange() {
      frame.acted();
      redraw();
    },
  });
  const key = legend(chart.panel, () => [
    ...models.map((shown) => ({ ...shown, dashed: shown.kind === BAG })),
    voted,
    ...(guess.drawn ? [prediction] : []),
  ]);
  chart.panel.append(create("p", { class: "note" }, "Circle: the distance of a training."));
  return { redraw, clear: guess.clear };
}
