// The plane of the attention figure: the vectors of the words, which are dragged.

import { create } from "../kit/frame.js";
import { box } from "./parts.js";
import { plane } from "./plane.js";

/** @param {import("./settings.js").Playground} playground @param {Element} parent */
export function vectorPlane({ frame, state, tokens, features, updates, results }, parent) {
  const side = box(parent, "step");
  const part = plane(frame, side, {
    label: "The vectors of the words in a plane of two coordinates",
    tallest: 380,
    names: tokens,
    onMove(i, x, y) {
      const { across, up } = state.values;
      const moved = state.values.x.map((/** @type {number[]} */ row) => [...row]);
      if (up !== across) moved[i][up] = y;
      moved[i][across] = x;
      state.set({ x: moved });
    },
    scene() {
      const { x, across, up, query } = state.values;
      const { text, note, ink, query: blue } = frame.colors;
      const place = (/** @type {number[]} */ row) => ({ x: row[across], y: row[up] });
      const { weights, output } = results().shown;
      const look = (/** @type {number} */ i) =>
        i === query ? { color: blue, textColor: text.query } : { color: note, textColor: ink };
      return {
        points: x.map((/** @type {number[]} */ row, /** @type {number} */ i) => ({
          ...place(row),
          name: tokens[i],
          ...look(i),
        })),
        arrow: null,
        output: { ...place(output[query]), name: "output" },
        weights: weights[query],
        xName: features[across],
        yName: features[up],
      };
    },
  });
  const note = create("p", { class: "formula" });
  side.append(note);
  updates.push(() => {
    const token = tokens[state.values.query];
    note.textContent = `Green lines: the weights of row “${token}”. Pink: its output, the weighted mean of the words.`;
    part.update();
  });
}
