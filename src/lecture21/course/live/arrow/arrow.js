// One word as an arrow in the plane (chapter 02): attention pulls it toward the words of its sentence that are like it.

import { plane, PLANE_STYLE } from "./plane.js";
import { weightBars, WEIGHTS_STYLE } from "./weights.js";
import { controlsOf } from "../kit/bound.js";
import { create, createFrame, panel } from "../kit/frame.js";
import { dot, matmul, softmax, written } from "../kit/numbers.js";
import { arrayOf } from "../kit/state.js";

/** Every component of a vector is at least the first number, and at most the second. */
const LIMITS = /** @type {[number, number]} */ ([-1, 3]);

/**
 * What each view has: its texts, the names of the two axes, and the words whose weights are shown.
 * @type {Record<string, {title: string, first: string, then: string, axes: string[], queries: string[]}>}
 */
const VIEWS = {
  sentence: {
    title: "An arrow that its neighbors pull",
    first: "Let the committee sit in place of the cat. Then drag any word.",
    then: "the pink arrow, the new vector of “sat”, swings to the committee’s side. “Sat” itself has not moved.",
    axes: ["body", "meeting"],
    queries: ["sat"],
  },
  pair: {
    title: "Can each of two words prefer the other?",
    first: "Drag the two words until each gives the other more weight than itself.",
    then: "",
    axes: ["", ""],
    queries: ["pilot", "window"],
  },
};

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const view = context.model.get("view") === "pair" ? "pair" : "sentence";
    const { title, first, then, axes, queries } = VIEWS[view];
    /** @type {string[]} */
    const all = context.model.get("words");
    const parameters = view === "pair" ? [] : ["subject", "ending"];
    const frame = createFrame(
      { ...context, fields: Object.fromEntries(parameters.map((name) => [name, context.fields[name]])) },
      {
        title,
        first,
        fields: { vectors: { start: all.map(() => [1, 1]), check: arrayOf([all.length, 2], ...LIMITS) } },
        onChange() {
          update();
          frame.acted();
        },
      },
    );
    const { state } = frame;
    frame.root.prepend(create("style", {}, PLANE_STYLE + WEIGHTS_STYLE));
    if (view === "sentence") {
      const controls = controlsOf(frame);
      controls.choice("subject", { label: "Who sat?" });
      controls.choice("ending", { label: "And how?" });
    }
    let moved = ""; // the word that the reader moved last
    const drawn = plane(frame, {
      limits: LIMITS,
      axes,
      words: all,
      onMove(word, vector) {
        moved = word;
        const i = all.indexOf(word);
        state.set({
          vectors: state.values.vectors.map((/** @type {number[]} */ old, /** @type {number} */ j) =>
            j === i ? vector : old,
          ),
        });
      },
    });
    const bars = weightBars(panel(frame, ""), queries);
    bars.node.classList.remove("full");

    /** The words of the sentence, in their order. */
    function sentence() {
      const { subject, ending } = state.values;
      return view === "pair" ? all : ["the", subject, "sat", ending];
    }

    function update() {
      const words = sentence();
      const x = words.map((word) => state.values.vectors[all.indexOf(word)]);
      const scores = x.map((query) => x.map((key) => dot(query, key)));
      const weights = scores.map(softmax);
      const output = matmul(weights, x);
      const shown = queries.map((word) => {
        const i = words.indexOf(word);
        return { word, old: x[i], scores: scores[i], weights: weights[i], output: output[i] };
      });
      drawn.update({ words, x, shown });
      bars.update(words, shown, moved);
      const isMoved = JSON.stringify(state.values.vectors) !== JSON.stringify(state.first.vectors);
      frame.advise({ first, then: state.values.subject === "committee" && !isMoved ? then : "" });
      frame.describe(...(view === "pair" ? describePair(words, weights) : describeSentence(words, shown[0], weights)));
    }

    frame.onReset(() => (moved = ""));
    frame.onTheme(update);
    update();
    return frame.remove;
  },
};

/**
 * @param {string[]} words
 * @param {{word: string, old: number[], output: number[]}} shown
 * @param {number[][]} weights
 */
function describeSentence(words, { word, old, output }, weights) {
  const vector = (/** @type {number[]} */ v) => `(${v.map((each) => written(each)).join(", ")})`;
  const most = words.map((each, i) => `${each} → ${favorites(words, weights[i], i)}`);
  return [
    `In “${words.join(" ")}”, the vector of “${word}” is ${vector(old)} before attention and ${vector(output)} after. `,
    `Each word gives most to: ${most.join(", ")}.`,
  ];
}

/** @param {string[]} words @param {number[][]} weights */
function describePair(words, weights) {
  return words.map((word, i) => {
    const [own, other] = [weights[i][i], weights[i][1 - i]];
    if (Math.abs(own - other) < 1e-9) return `“${word}” gives both the same weight. `;
    return `“${word}” prefers ${own > other ? "itself" : `“${words[1 - i]}”`}. `;
  });
}

/** Return to which words a word gives most. @param {string[]} words @param {number[]} weights @param {number} own */
function favorites(words, weights, own) {
  const most = Math.max(...weights);
  const found = words.flatMap((word, j) => (most - weights[j] < 1e-9 ? [j === own ? "itself" : word] : []));
  return found.join(" and ");
}
