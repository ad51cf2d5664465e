// What the plane of the attention figure shows: the vectors of level 1, which are dragged, or one head of level 2.

import { controlsOf } from "../kit/bound.js";
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

/** @param {import("./settings.js").Playground} playground @param {Element} parent */
export function rolePlane({ frame, state, tokens, slots, valueSlots, updates, results }, parent) {
  const side = box(parent, "step");
  controlsOf(frame).choice("view", {
    parent: side,
    label: "In the plane",
    options: [
      ["query", "query and keys"],
      ["value", "values and output"],
    ],
  });
  const part = plane(frame, side, {
    label: "Two coordinates of one head: its query and keys, or its values and output",
    tallest: 230,
    names: tokens,
    onMove: null,
    scene() {
      const { query, view } = state.values;
      const { shown, start, width } = results();
      const place = (/** @type {number[]} */ row) => ({ x: row[0], y: row[1] ?? 0 });
      const first = view === "query";
      const role = first ? "key" : "value";
      const names = (first ? slots : valueSlots).slice(start, start + width);
      const look = { color: frame.colors[role], textColor: frame.colors.text[role] };
      return {
        points: (first ? shown.k : shown.v).map((row, i) => ({
          ...place(row),
          name: tokens[i],
          ...look,
        })),
        arrow: first ? { ...place(shown.q[query]), name: `query of ${tokens[query]}` } : null,
        output: first ? null : { ...place(shown.output[query]), name: "output" },
        weights: shown.weights[query],
        xName: names[0],
        yName: names[1] ?? "",
      };
    },
  });
  const note = create("p", { class: "formula" });
  side.append(note);
  updates.push(({ width }) => {
    const two = width > 2 ? " Only the first two coordinates are drawn." : "";
    const keys = "A key in the direction of the query has a high score.";
    const values = "Green lines: the weights. Pink: the output, the weighted mean of the values.";
    note.textContent = (state.values.view === "query" ? keys : values) + two;
    part.update();
  });
}
