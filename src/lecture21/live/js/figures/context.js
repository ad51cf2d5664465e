// Available context (chapter 01): the loss of an RNN, a GPT and others when the context is cut.

import { legend, lineChart } from "../kit/chart.js";
import { slider } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { createFrame } from "../kit/frame.js";
import { integerIn } from "../kit/state.js";

const CONTEXTS = [1, 2, 4, 8, 16, 32, 64];

export default {
  /** @param {{model: any, el: HTMLElement}} context */
  render(context) {
    const curves = context.model.get("curves");
    const frame = createFrame(context, {
      title: "How much context does each model use?",
      first: "Move the slider from 64 characters down to 4.",
      then: "between 64 and 8 characters, no loss changes by more than a few thousandths; below 8, all losses rise.",
      fields: { index: { start: CONTEXTS.length - 1, check: integerIn(0, CONTEXTS.length - 1) } },
      onChange: update,
    });
    const { state } = frame;
    const count = (i) => `${CONTEXTS[i]} ${CONTEXTS[i] === 1 ? "character" : "characters"}`;
    const control = slider(frame.controls, {
      label: "Context that the models are given",
      min: 0,
      max: CONTEXTS.length - 1,
      step: 1,
      value: state.values.index,
      format: count,
      onInput: (index) => state.set({ index }),
    });
    const chart = drawing(frame, {
      label: "Loss at the last position against the number of characters of context",
      height: (width) => Math.min(340, 200 + width / 5),
      full: true,
      draw(pen, width, height) {
        const { colours } = frame;
        lineChart(pen, colours, {
          curves: curves.map(({ contexts, nats }, i) => ({ x: contexts, y: nats, points: true, ...look(i) })),
          xRange: [1, 64],
          yRange: [1.6, 2.7],
          logX: true,
          xTicks: CONTEXTS,
          xTitle: "characters of context",
          yTitle: "nats per character",
          cursor: CONTEXTS[state.values.index],
          width,
          height,
        });
      },
    });

    legend(frame, chart.panel, () => curves.map(({ name }, i) => ({ name, ...look(i) })));

    function look(i) {
      return { colour: frame.colours.series[i], dashed: curves[i].name === "n-gram" };
    }

    function update() {
      const { index } = state.values;
      control.set(index);
      chart.redraw();
      const losses = curves.map(({ name, contexts, nats }) => [name, nats[contexts.indexOf(CONTEXTS[index])]]);
      const known = losses.filter(([, loss]) => loss !== undefined).map(([name, loss]) => `${name} ${loss.toFixed(3)}`);
      frame.describe(`With ${count(index)} of context, nats per character: ${known.join(", ")}.`);
    }

    update();
    return frame.remove;
  },
};
