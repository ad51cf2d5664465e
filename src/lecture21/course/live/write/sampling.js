// The controls of sampling: the temperature, and top-k and top-p, which are out of sight at first unless they do something.

import { find } from "../kit/frame.js";
import { controlsOf } from "../kit/bound.js";
import { more } from "../kit/controls.js";

const CUT = "Leave out the improbable";

/**
 * @param {import("../kit/frame.js").Frame} frame, with `temperature`, `top_k` (0: all) and `top_p` in its state
 * @param {() => number} size  of the vocabulary
 * @param {(values: object) => void} change  the state
 */
export function samplingControls(frame, size, change) {
  const area = more(frame, CUT);
  const details = /** @type {HTMLDetailsElement} */ (area.parentElement);
  const { slider } = controlsOf(frame);
  const onInput = (/** @type {string} */ name) => (/** @type {number} */ value) => change({ [name]: value });
  const temperature = slider("temperature", {
    ...{ label: "Temperature", min: 0.1, max: 2, step: 0.05, onInput: onInput("temperature") },
    format: (value) => value.toFixed(2),
  });
  const k = slider("top_k", {
    ...{ parent: area, label: "top-k", min: 1, max: size(), onInput: onInput("top_k") },
    show: () => options().topK ?? size(),
    take: (value) => (value >= size() ? 0 : value),
    format: (value) => (value >= size() ? "all" : String(value)),
  });
  slider("top_p", {
    ...{ parent: area, label: "top-p", min: 0.05, step: 0.05, onInput: onInput("top_p") },
    format: (value) => (value >= 1 ? "all" : value.toFixed(2)),
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

  /** What the temperature does to the bars. */
  function says() {
    const { temperature } = options();
    if (temperature === 1) return "";
    return `at this temperature the filled bars are ${temperature > 1 ? "more" : "less"} alike than the hollow ones.`;
  }

  details.open = options().topK !== null || options().topP !== null;
  return {
    options,
    isPlain,
    says,
    update(/** @type {boolean} */ isUsed) {
      temperature.node.hidden = details.hidden = !isUsed;
      const { topK, topP } = options();
      k.input.max = String(size());
      k.set(topK ?? size());
      const cuts = [...(topK ? [`top-k ${topK}`] : []), ...(topP ? [`top-p ${topP.toFixed(2)}`] : [])];
      find(details, "summary").textContent = cuts.length ? `${CUT}: ${cuts.join(", ")}` : CUT;
    },
  };
}
