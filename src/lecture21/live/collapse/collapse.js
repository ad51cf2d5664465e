// The collapse of a router (chapter 14): a film of the experts' loads over training, without a cure and with each.

import { legend, lineChart } from "../kit/chart.js";
import { inkOn } from "../kit/colors.js";
import { button, choice, more, slider } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { create, createFrame } from "../kit/frame.js";
import { ROW, drawBars, isFilm, loadsAt, nameOf, percent } from "./film.js";

const PAUSE = 160; // milliseconds for each picture of the film

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const film = model.get("film");
    const usable = isFilm(film);
    const last = usable ? film.steps.length - 1 : 0;
    const frame = createFrame(context, {
      title: "Router collapse, and what prevents it",
      first: "Press Play to see the training from its first step, or move the slider.",
      then:
        "with seed 1 and without a cure, one expert processes at least 90 % of the characters from step 50 on; with " +
        "the balance loss, no expert has a third of them at the end.",
      onChange: update,
    });
    if (!usable) {
      frame.stop("This figure was given no complete film of a training.");
      return frame.remove;
    }
    const { values } = frame.state;
    let timer = 0;
    const color = (expert) => [...frame.colors.series, frame.colors.masked][expert % 8];
    const settings = film.settings.map((_, i) => i);
    const loadsOf = (setting, step = values.step) => loadsAt(film, { ...values, setting, step });
    const busiest = (setting, step) => Math.max(...loadsOf(setting, step));

    const playButton = button(frame.controls, { label: "Play", main: true, onClick: () => (timer ? stop() : play()) });
    const stepSlider = slider(frame.controls, {
      label: "Training step",
      min: 0,
      max: last,
      step: 1,
      value: values.step,
      format: (index) => `${film.steps[index]} of ${film.steps[last]}`,
      onInput(step) {
        stop();
        frame.state.set({ step });
      },
    });
    const rate = choice(frame.controls, {
      label: "Learning rate",
      options: [
        ["high", String(film.high)],
        ["tuned", "tuned for each"],
      ],
      value: values.rate,
      onInput: (next) => frame.state.set({ rate: next }),
    });
    const seed = slider(more(frame, "More: seed"), {
      label: "Seed of weights and batches",
      min: 0,
      max: film.seeds - 1,
      step: 1,
      value: values.seed,
      onInput: (next) => frame.state.set({ seed: next }),
    });
    const bars = drawing(frame, {
      title: "Fraction of the characters that each expert of the second layer processes",
      label: "For each cure, a bar divided by the loads of the experts",
      height: settings.length * ROW,
      full: true,
      draw(pen, width) {
        const rows = settings.map((i) => ({ name: nameOf(film.settings[i]), loads: loadsOf(i) }));
        drawBars(pen, frame.colors, { rows, color, ink: inkOn, width });
      },
    });
    const style = (i) => ({ color: frame.colors.series[i], dashed: i > 2 });
    const curves = drawing(frame, {
      title: "Load of the busiest expert",
      label: "Load of the busiest expert over training, for each cure",
      height: (width) => Math.min(260, 170 + width / 8),
      full: true,
      draw(pen, width, height) {
        lineChart(pen, frame.colors, {
          curves: settings.map((i) => ({
            x: film.steps,
            y: film.steps.map((_, step) => busiest(i, step)),
            ...style(i),
          })),
          levels: [{ y: 1 / film.experts, name: "balanced" }],
          levelsBeside: 68, // on the line, the curves of the cures would cross the name
          xRange: [film.steps[0], film.steps[last]],
          yRange: [0, 1],
          xTitle: "training step",
          yTitle: "load",
          cursor: film.steps[values.step],
          width,
          height,
        });
      },
    });
    legend(frame, curves.panel, () => settings.map((i) => ({ name: nameOf(film.settings[i]), ...style(i) })));
    const note =
      "Each load is a mean over the ten batches before that step. An imbalance that alternates between batches, " +
      "as with the selection bias at the high learning rate, does not show in this mean.";
    curves.panel.append(create("p", { class: "note" }, note));

    function play() {
      const step = values.step === last ? 0 : values.step;
      playButton.textContent = "Pause";
      timer = setInterval(advance, PAUSE);
      frame.state.set({ step });
    }

    function advance() {
      if (!frame.visible) return;
      if (values.step >= last) stop();
      else frame.state.set({ step: values.step + 1 });
    }

    function stop() {
      clearInterval(timer);
      timer = 0;
      playButton.textContent = "Play";
      update();
    }

    function update() {
      if (timer && values.step >= last) {
        stop();
        return;
      }
      stepSlider.set(values.step);
      rate.set(values.rate);
      seed.set(values.seed);
      bars.redraw();
      curves.redraw();
      if (timer) return; // while the film plays, nothing is read aloud
      const loads = settings.map((i) => `${nameOf(film.settings[i])}: ${percent(busiest(i, values.step))}`);
      const where = values.rate === "high" ? `learning rate ${film.high}` : "each at its tuned learning rate";
      frame.describe(
        `Step ${film.steps[values.step]}, ${where}, seed ${values.seed}. The busiest of ${film.experts} experts ` +
          `processes: ${loads.join("; ")}. At balance it would be ${percent(1 / film.experts)}.`,
      );
    }

    frame.onRemove(() => clearInterval(timer));
    update();
    return frame.remove;
  },
};
