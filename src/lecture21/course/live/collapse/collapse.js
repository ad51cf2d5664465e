// The collapse of a router (chapter 14): the reader draws the load that they expect, and plays the film of a training,
// without a cure and with one after the other.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { inkOn, THEMED } from "../kit/colors.js";
import { more } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { create, createFrame } from "../kit/frame.js";
import { percent } from "../kit/numbers.js";
import { player } from "../kit/player.js";
import { sketch } from "../kit/sketch.js";
import { BAR, drawBar, isFilm, loadsAt, nameOf } from "./film.js";

const PAUSE = 160; // milliseconds for each picture of the film
const NOTE =
  "Each load is a mean over the ten batches before that step. An imbalance that alternates between batches, as with the " +
  "selection bias at the high learning rate, does not show in this mean.";

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    /** @type {import("./film.js").Film} */
    const film = model.get("film"); // if it is one
    const usable = isFilm(film);
    const last = usable ? film.steps.length - 1 : 0;
    const frame = createFrame(context, {
      title: "Router collapse, and what prevents it",
      first:
        "Draw the load of the busiest expert that you expect, then press Play. Then choose a cure, and play again.",
      then:
        "without a cure (seed 1), one expert processes at least 90 % of the characters from step 50 on. Which cures end " +
        "with no expert above a third?",
      onChange: update,
    });
    if (!usable) {
      frame.stop("This figure was given no complete film of a training.");
      return frame.remove;
    }
    const { values } = frame.state;
    const { choice, slider } = controlsOf(frame);
    /** How far each run has been watched: the index of its last step. @type {Map<string, number>} */
    const watched = new Map();
    const settings = film.settings.map((_, i) => i);
    const chosen = () => Math.max(0, film.settings.indexOf(values.cure));
    const keyOf = (/** @type {number} */ setting) => `${setting} ${values.rate} ${values.seed}`;
    const loadsOf = (/** @type {number} */ setting, /** @type {number} */ step) =>
      loadsAt(film, { rate: values.rate, seed: values.seed, setting, step });
    const busiest = (/** @type {number} */ setting, /** @type {number} */ step) => Math.max(...loadsOf(setting, step));
    const color = (/** @type {number} */ expert) => [...frame.colors.series, frame.colors.masked][expert % 8];

    choice("cure", {
      label: "Cure",
      options: film.settings.map((setting) => [setting, nameOf(setting)]),
      onInput: (cure) => restart({ cure }),
    });
    const movie = player(frame, {
      main: true,
      pause: () => PAUSE,
      onPlay: () => frame.state.set({ step: values.step === last ? 0 : values.step }),
      advance() {
        frame.state.set({ step: values.step + 1 });
        return values.step < last;
      },
      onStop: update,
    });
    slider("step", {
      label: "Training step",
      max: last,
      format: (index) => `${film.steps[index]} of ${film.steps[last]}`,
      onInput: (step) => restart({ step }),
    });
    const parent = more(frame, "More: learning rate, seed");
    choice("rate", {
      parent,
      label: "Learning rate",
      options: [
        ["high", String(film.high)],
        ["tuned", "tuned for each"],
      ],
      onInput: (rate) => restart({ rate }),
    });
    slider("seed", { parent, label: "Seed of weights and batches", onInput: (seed) => restart({ seed }) });
    const bar = drawing(frame, {
      title: "Who processes the characters: the eight experts of the second layer",
      label: "A bar divided by the loads of the experts",
      height: BAR,
      full: true,
      draw: (pen, width) =>
        drawBar(pen, frame.colors, { loads: loadsOf(chosen(), values.step), color, ink: inkOn, width }),
    });
    const style = (/** @type {number} */ i) => ({ color: THEMED.series[i], dashed: i > 2 });
    const lines = () => {
      const runs = settings
        .filter((i) => watched.has(keyOf(i)))
        .map((i) => {
          const steps = film.steps.slice(0, (watched.get(keyOf(i)) ?? 0) + 1);
          const name = i ? nameOf(film.settings[i]) : "no cure";
          return {
            name,
            x: steps,
            y: steps.map((_, k) => busiest(i, k)),
            width: i === chosen() ? 3 : 1.5,
            ...style(i),
          };
        });
      const mine = { ...guess.curve, name: "your guess", color: THEMED.series[4], width: 4 };
      return guess.drawn ? [mine, ...runs] : runs;
    };
    const curves = lineChart(frame, {
      title: "Load of the busiest expert",
      label: "Load of the busiest expert over training, for each cure that was played",
      height: (width) => Math.min(260, 170 + width / 8),
      full: true,
      content: () => ({
        curves: lines(),
        levels: [{ y: 1 / film.experts, name: "balanced" }],
        levelsBeside: 68, // on the line, the curves of the cures would cross the name
        xRange: [0, film.steps[last]],
        yRange: [0, 1],
        xTitle: "training step",
        yTitle: "fraction of the characters",
        cursor: watched.size ? film.steps[values.step] : null,
      }),
    });
    const guess = sketch(curves, {
      label: "The load that you expect",
      end: () => film.steps[last],
      value: (step, level) => `step ${Math.round(step)}: ${percent(level)}`,
      onChange: redraw,
    });
    const key = legend(curves.panel, lines);
    curves.panel.append(create("p", { class: "note" }, NOTE));

    /** Show another step, or another run from its first step on. */
    function restart(/** @type {import("../kit/state.js").Values} */ changes) {
      movie.halt();
      frame.state.set({ step: 0, ...changes });
    }

    function redraw() {
      guess.open(!watched.size);
      bar.redraw();
      curves.redraw();
      key.update();
    }

    function update() {
      if (values.step) watched.set(keyOf(chosen()), Math.max(values.step, watched.get(keyOf(chosen())) ?? 0));
      redraw();
      if (movie.plays) return; // while the film plays, nothing is read aloud
      const where =
        values.rate === "high" ? `learning rate ${film.high}` : `tuned learning rate ${film.tuned[chosen()]}`;
      const name = chosen() ? nameOf(values.cure) : "no cure";
      const load = percent(busiest(chosen(), values.step));
      const expected = guess.upTo(film.steps[last]);
      const end =
        values.step === last && expected !== undefined && watched.size === 1
          ? ` You expected ${percent(expected)} at the end.`
          : "";
      frame.describe(
        `Step ${film.steps[values.step]}, ${name}, ${where}, seed ${values.seed}: the busiest of ${film.experts} experts ` +
          `processes ${load} of the characters. Shared equally, it would be ${percent(1 / film.experts)}.${end}`,
      );
    }

    frame.onReset(() => {
      movie.halt();
      watched.clear();
      guess.clear();
    });
    update();
    return frame.remove;
  },
};
