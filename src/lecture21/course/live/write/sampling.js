// The controls of sampling: temperature, top-k and top-p, out of sight at first unless they do something.

import { find } from "../kit/frame.js";
import { more, slider } from "../kit/controls.js";

/**
 * @param {import("../kit/frame.js").Frame} frame, with `temperature`, `top_k` (0: all) and `top_p` in its state
 * @param {() => number} size  of the vocabulary
 * @param {(values: object) => void} change  the state
 */
export function samplingControls(frame, size, change) {
  const { values } = frame.state;
  const area = more(frame, "Sampling");
  const details = /** @type {HTMLDetailsElement} */ (area.parentElement);
  const heat = slider(area, {
    label: "Temperature",
    min: 0.1,
    max: 2,
    step: 0.05,
    value: values.temperature,
    format: (value) => value.toFixed(2),
    onInput: (temperature) => change({ temperature }),
  });
  const k = slider(area, {
    label: "top-k",
    min: 1,
    max: size(),
    step: 1,
    value: values.top_k || size(),
    format: (value) => (value >= size() ? "all" : String(value)),
    onInput: (value) => change({ top_k: value >= size() ? 0 : value }),
  });
  const p = slider(area, {
    label: "top-p",
    min: 0.05,
    max: 1,
    step: 0.05,
    value: values.top_p,
    format: (value) => (value >= 1 ? "all" : value.toFixed(2)),
    onInput: (value) => change({ top_p: value }),
  });

  /** As `nextTokenProbabilities` takes them. */
  function options() {
    const { temperature, top_k, top_p } = frame.state.values;
    const topK = top_k > 0 && top_k < size() ? top_k : null;
    return { temperature, topK, topP: top_p < 1 ? top_p : null };
  }

  function isPlain() {
    const { temperature, topK, topP } = options();
    return temperature === 1 && topK === null && topP === null;
  }

  details.open = !isPlain();
  return {
    options,
    isPlain,
    update() {
      const { temperature, topK, topP } = options();
      heat.set(temperature);
      k.input.max = String(size());
      k.set(topK ?? size());
      p.set(topP ?? 1);
      const cuts = [...(topK ? [`top-k ${topK}`] : []), ...(topP ? [`top-p ${topP.toFixed(2)}`] : [])];
      const text = `Sampling: temperature ${temperature.toFixed(2)}, ${cuts.join(", ") || "nothing cut"}`;
      find(details, "summary").textContent = text;
    },
  };
}
