// Three masks (chapter 06): the reader paints what each position sees, and the figure says whose mask it is.

import { STYLE, paintedGrid } from "./grid.js";
import { familyMask, nameOf, reach, square } from "./masks.js";
import { controlsOf } from "../kit/bound.js";
import { button } from "../kit/controls.js";
import { create, createFrame, panel } from "../kit/frame.js";

const START = "<bos>";
const END = "<eos>";
const MASK = "▢";

/**
 * The three families: their input, where the target begins in it, what each position predicts, and their loss.
 * @type {Record<string, {name: string, inputs: string[], nSource: number, predicts: (string | null)[], loss: string,
 *   models: string}>}
 */
const FAMILIES = {
  encoder: {
    name: "encoder (BERT)",
    inputs: ["the", MASK, "slept"],
    nSource: 3,
    predicts: [null, "cat", null],
    loss: "The loss sums over the masked positions only: here −log P(cat | the ▢ slept).",
    models:
      "The model is neither P(X) nor P(Y|X): it predicts each hidden token given the rest of the text, and these " +
      "predictions do not multiply to the probability of a sentence.",
  },
  decoder: {
    name: "decoder (GPT)",
    inputs: [START, "the", "cat", "slept"],
    nSource: 0,
    predicts: ["the", "cat", "slept", END],
    loss: "The loss sums −log P(next token | tokens so far) over all positions, 4 here. The sum is −log P(X).",
    models: "The model is P(X), a distribution over texts.",
  },
  both: {
    name: "encoder–decoder (BART, T5)",
    inputs: ["the", MASK, START, "the", "cat", "slept"],
    nSource: 2,
    predicts: [null, null, "the", "cat", "slept", END],
    loss:
      "The loss sums −log P(next token | target so far, source) over the target's positions, 4 here. " +
      "The sum is −log P(Y|X).",
    models: "The model is P(Y|X), a distribution over targets for each source.",
  },
};

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "What may each position see?",
      first: "Paint cells: show each position all that helps it to predict, and never its answer.",
      then: "a position that sees its answer copies it, also when the answer comes through another position.",
      onChange: update,
    });
    const { state } = frame;
    const linked = context.model.get("_linked") ?? {};
    if ("family" in linked && !("mask" in linked)) state.values.mask = "own"; // a link of an earlier edition
    frame.root.append(create("style", {}, STYLE));
    controlsOf(frame).choice("family", {
      label: "Model",
      options: Object.entries(FAMILIES).map(([key, { name }]) => [key, name]),
      onInput: (family) => state.set({ family, mask: "" }),
    });
    button(frame.controls, { label: "Show its mask", onClick: () => state.set({ mask: "own" }) });
    const grid = paintedGrid(frame, (row, column, may) => {
      const mask = painted();
      mask[row][column] = may;
      state.set({ mask: mask.flat().map(Number).join("") });
    });
    panel(frame, "Each row: the text as one position sees it, and what that position predicts", grid.node);

    /** The mask of the state: the reader's, the family's own, or at first each position sees itself. */
    function painted() {
      const { family, mask } = state.values;
      const { inputs, nSource } = FAMILIES[family];
      if (mask === "own") return familyMask(inputs.length, nSource);
      if (mask.length !== inputs.length ** 2 || /[^01]/.test(mask)) return square(inputs.length, (i, j) => i === j);
      return square(inputs.length, (i, j) => mask[i * inputs.length + j] === "1");
    }

    function update() {
      const { family } = state.values;
      const { inputs, nSource, predicts, loss, models } = FAMILIES[family];
      const mask = painted();
      const reached = reach(mask);
      const own = familyMask(inputs.length, nSource);
      // The answer is the next token of the input; the last position and a masked one predict what is not in it.
      const copies = (/** @type {number} */ i) =>
        predicts[i] !== null && predicts[i] === inputs[i + 1] && reached[i][i + 1];
      const verdicts = inputs.map((_, i) => {
        if (predicts[i] === null) return { text: "", wrong: false };
        return copies(i) ? { text: `copies ${predicts[i]}`, wrong: true } : { text: `→ ${predicts[i]}`, wrong: false };
      });
      grid.update({ words: inputs, nSource, mask, reached, verdicts });
      const copying = inputs.filter((_, i) => copies(i)).length;
      const name = nameOf(mask);
      const parts = inputs.map((word, i) => {
        const seen = inputs.filter((_, j) => mask[i][j]).join(" ");
        return `${word}: ${seen || "nothing"}`;
      });
      const solved = own.every((row, i) => row.every((may, j) => may === mask[i][j]));
      const called = name ? `This is ${name}. ` : "";
      const hidden = own.flatMap((row, i) => row.filter((may, j) => may && !reached[i][j])).length;
      let verdict = `${loss} ${models}`;
      if (copying) {
        const who =
          copying === 1
            ? "One position sees its answer and copies it"
            : `${copying} positions see their answers and copy them`;
        verdict = `${who}: the loss is low, and nothing is learned.`;
      } else if (!solved) {
        verdict = hidden
          ? `No position sees its answer; ${hidden === 1 ? "one more word" : `${hidden} more words`} could be shown.`
          : "No position sees its answer, and through several layers each one sees all that it may.";
      }
      frame.describe(
        `${called}${verdict} `,
        create("span", { class: "hidden" }, `Each position sees: ${parts.join("; ")}.`),
      );
    }

    update();
    return frame.remove;
  },
};
