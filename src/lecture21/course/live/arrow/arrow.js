// One word as an arrow in the plane (chapter 02): attention pulls it toward the words of its sentence that are like it.

import { meter, METER_STYLE } from "./meter.js";
import { plane, PLANE_STYLE } from "./plane.js";
import { weightBars, WEIGHTS_STYLE } from "./weights.js";
import { controlsOf } from "../kit/bound.js";
import { create, createFrame, panel } from "../kit/frame.js";
import { dot, matmul, softmax, written } from "../kit/numbers.js";
import { arrayOf } from "../kit/state.js";

/** Every component of a vector is at least the first number, and at most the second. */
const LIMITS = /** @type {[number, number]} */ ([-1, 3]);
/** Moves after which the view of two words says that it can't be done; a drag counts as much as some presses of a key. */
const [ENOUGH, DRAG] = [20, 5];

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
    frame.root.prepend(create("style", {}, PLANE_STYLE + WEIGHTS_STYLE + METER_STYLE));
    if (view === "sentence") {
      const controls = controlsOf(frame);
      controls.choice("subject", { label: "Who sat?" });
      controls.choice("ending", { label: "And how?" });
    }
    let moved = ""; // the word that the reader moved last
    let tries = 0;
    let hasMoved = false; // since the last try was counted
    const drawn = plane(frame, {
      limits: LIMITS,
      axes,
      words: all,
      onMove(word, vector) {
        moved = word;
        hasMoved = true;
        const i = all.indexOf(word);
        state.set({
          vectors: state.values.vectors.map((/** @type {number[]} */ old, /** @type {number} */ j) =>
            j === i ? vector : old,
          ),
        });
      },
    });
    const side = panel(frame, "");
    side.classList.remove("full");
    const near = view === "pair" ? meter(side, queries) : null;
    const bars = weightBars(side, queries);
    if (near)
      for (const [act, count] of /** @type {[string, number][]} */ ([
        ["pointerup", DRAG],
        ["keyup", 1],
      ]))
        frame.stage.addEventListener(act, () => {
          if (!hasMoved) return;
          hasMoved = false;
          tries += count;
          update();
          frame.acted();
        });

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
      near?.update(words.map((_, i) => weights[i][1 - i]));
      if (near) frame.advise({ first, then: tries >= ENOUGH ? whyNot(scores) : "" });
      else frame.advise({ first, then: state.values.subject === "committee" && !isMoved ? then : "" });
      frame.describe(...(view === "pair" ? describePair(words, weights) : describeSentence(words, shown[0], weights)));
    }

    frame.onReset(() => {
      moved = "";
      tries = 0;
      near?.reset();
    });
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

/** Say why neither drag nor key can do it. @param {number[][]} scores  dot products of the two words */
function whyNot([[own, shared], [, other]]) {
  const [a, b, c] = [own, other, shared].map((each) => written(each));
  return (
    `it can’t be done. The products of each word with itself, ${a} + ${b}, are never less than twice the one that ` +
    `both share, 2 × ${c}. The way out: queries and keys, in chapter 03.`
  );
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
