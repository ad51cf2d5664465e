// The controls that are out of sight at first: the initialization, the learning rate, and the number of points.

import { button, more, slider } from "../kit/controls.js";
import { FEWEST, MOST } from "./state.js";

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{starts: number[][], rates: number[], restart: () => void, addPoint: () => void, removePoint: () => void}} options
 */
export function restControls(frame, { starts, rates, restart, addPoint, removePoint }) {
  const { state } = frame;
  const values = /** @type {import("./state.js").Values} */ (state.values);
  const rest = more(frame, "More: initialization, learning rate, points");
  const startSlider = slider(rest, {
    label: "Random initialization",
    min: 1,
    max: starts.length,
    step: 1,
    value: values.start,
    onInput: (start) => state.set({ start }),
  });
  const rate = slider(rest, {
    label: "Learning rate of Adam",
    min: 0,
    max: rates.length - 1,
    step: 1,
    value: rates.indexOf(values.learning_rate),
    format: (index) => String(rates[index]),
    onInput: (index) => state.set({ learning_rate: rates[index] }),
  });
  button(rest, { label: "Restart the fits", onClick: restart });
  const addButton = button(rest, { label: "Add a point", onClick: addPoint });
  const removeButton = button(rest, { label: "Remove the chosen point", onClick: removePoint });

  return {
    update() {
      startSlider.set(values.start);
      rate.set(rates.indexOf(values.learning_rate));
      addButton.disabled = values.points.length >= MOST;
      removeButton.disabled = values.points.length <= FEWEST;
    },
  };
}
