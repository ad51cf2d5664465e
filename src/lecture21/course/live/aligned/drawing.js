// Learned reward and judge's score of two policies on their way, as far as the reader has pushed them.

import { lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";

/** @typedef {{name: string, score: number[], reward: number[]}} Arm  a measurement for each step */

/**
 * Add one chart to the figure. The steps are at equal distances, as on the slider.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{arms: Arm[], steps: number[], value: "score" | "reward", title: string, yRange: [number, number],
 *   look: (index: number) => {color: string}, chosen: () => number}} options
 */
export function way(frame, { arms, steps, value, title, yRange, look, chosen }) {
  const places = steps.map((_, i) => i);
  return lineChart(frame, {
    title,
    label: `${value === "score" ? "judge's score" : "learned reward"} of both policies, iteration by iteration`,
    height: (width) => Math.min(280, 180 + width / 5),
    content: () => {
      const seen = chosen() + 1;
      return {
        curves: arms.map((arm, i) => ({
          name: arm.name,
          x: places.slice(0, seen),
          y: arm[value].slice(0, seen),
          points: true,
          width: 2.5,
          ...look(i),
        })),
        marks: arms.map((arm) => ({ x: chosen(), y: arm[value][chosen()], color: THEMED.ink, radius: 8, ring: 2 })),
        levels: [{ y: arms[0][value][0], name: "fine-tuned" }],
        xRange: [0, steps.length - 1],
        yRange,
        xTicks: places,
        xText: (place) => String(steps[Math.round(place)]),
        xTitle: "iteration",
        yTitle: "mean of all held-out prompts",
      };
    },
  });
}
