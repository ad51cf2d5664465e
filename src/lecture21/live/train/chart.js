// The losses of a run against its steps, with the lines of the n-grams and the stored run of PyTorch.

import { legend, lineChart } from "../kit/chart.js";
import { drawing } from "../kit/draw.js";

/**
 * The stored run whose number of steps is nearest, in ratio, to a planned number.
 * @param {{steps: number, x: number[], y: number[]}[]} curves
 * @param {number} wanted
 */
export function storedRun(curves, wanted) {
  const distance = (/** @type {{steps: number}} */ { steps }) => Math.abs(Math.log(steps / wanted));
  return [...curves].sort((a, b) => distance(a) - distance(b))[0];
}

/**
 * Add the chart to a figure.
 * @param {any} frame
 * @param {object} options
 * @param {any} options.session
 * @param {() => any[]} options.curves  stored runs
 * @param {() => {name: string, nats: number}[]} options.levels
 * @param {() => number} options.planned  steps
 */
export function lossChart(frame, { session, curves, levels, planned }) {
  const lines = () => {
    const { series } = frame.colors;
    const stored = storedRun(curves(), planned());
    const found = [
      { name: "training batches", x: session.steps, y: session.train, color: series[2], width: 1.5 },
      { name: "validation text", x: session.steps, y: session.validation, color: series[0], width: 2.5 },
    ];
    if (stored) {
      const name = `PyTorch: GPT-0's shape, ${stored.steps.toLocaleString("en")} steps`;
      found.unshift({ name, x: stored.x, y: stored.y, color: series[1], dashed: true, width: 2 });
    }
    return found;
  };
  const chart = drawing(frame, {
    label: "Loss against training steps",
    height: (width) => Math.min(340, 210 + width / 6),
    full: true,
    draw(pen, width, height) {
      const shown = levels();
      const drawn = lines();
      const most = session.planned || drawn[0].x.at(-1) || 1000;
      const highest = Math.max(...shown.map(({ nats }) => nats));
      const lowest = Math.min(
        ...shown.map(({ nats }) => nats - 0.3),
        ...drawn.flatMap(({ y }) => [...y].filter(Number.isFinite)),
      );
      lineChart(pen, frame.colors, {
        curves: drawn,
        levels: shown.map(({ name, nats }) => ({ name: `${name} ${nats.toFixed(2)}`, y: nats })),
        levelsBeside: 92,
        xRange: [0, most],
        yRange: [Math.max(0, Math.floor(lowest * 5 - 1e-9) / 5), highest * 1.06],
        xTitle: "training step",
        yTitle: "nats per character",
        width,
        height,
      });
    },
  });
  const key = legend(frame, chart.panel, lines);
  return {
    redraw() {
      chart.redraw();
      key.update();
    },
  };
}
