// Three masks (chapter 06): which positions an output depends on, what it predicts, and what the loss sums over.

import { choice } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";

const STYLE = `
.masks { table-layout: auto; }
.masks th, .masks td { text-align: center; padding: 0.2rem 0.35rem; border-bottom: 0; }
.masks th:first-child { text-align: right; }
.masks thead th { font-weight: 400; } .masks thead th.used { font-weight: 700; }
.masks .cell { min-width: 2.4rem; border: 1px solid var(--line); }
.masks .may { background: var(--panel); }
.masks .chosen .may { background: var(--accent); color: var(--on-accent); }
.masks .first-target > * { border-top: 2px solid var(--ink); }
.masks td:last-child { text-align: left; white-space: nowrap; }
.masks button { min-width: 3.6rem; padding: 0.15rem 0.5rem; min-height: 2rem; }
@container (max-width: 30rem) { .masks th, .masks td { padding: 0.15rem; } .masks .cell { min-width: 1.6rem; }
  .masks button { min-width: 2.6rem; padding: 0.15rem 0.2rem; }
  .masks th, .masks td:last-child, .masks button { font-size: 0.75rem; padding: 0.15rem 0.1rem; } }
.masks .side { color: var(--note); font-size: 0.85rem; text-align: left; }
`;

const START = "<bos>";
const END = "<eos>";
const MASK = "▢";

/** The three families: their input, where the target begins in it, what each position predicts, and their loss. */
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

/** Whether the output at position i depends on the input at position j. */
function depends(nSource, i, j) {
  return j < nSource || (i >= nSource && j <= i);
}

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "Three masks, three objectives",
      first: "Choose “encoder”, and then a token that is not masked.",
      then: "each output depends on all tokens, and only the masked position is in the loss.",
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, STYLE));
    const families = choice(frame.controls, {
      label: "Family",
      options: Object.entries(FAMILIES).map(([key, { name }]) => [key, name]),
      value: state.values.family,
      onInput: (family) => state.set({ family, token: Math.min(state.values.token, last(family)) }),
    });
    const table = create("table", { class: "masks" });
    const summary = create("p", { class: "note" });
    frame.stage.append(
      create(
        "div",
        { class: "panel full" },
        create("p", { class: "panel-title" }, "Row: an output. Column: an input. ●: the output depends on it"),
        create("div", { class: "scroll" }, table),
        summary,
      ),
    );
    let drawn = "";

    function last(family) {
      return FAMILIES[family].inputs.length - 1;
    }

    /** Draw the table of a family; its buttons stay while only the position changes, so that the focus does. */
    function build(family) {
      const { inputs, nSource, predicts } = FAMILIES[family];
      const border = (i) => (nSource && i === nSource ? "first-target" : "");
      const rows = inputs.map((input, i) => {
        const choose = create("button", { type: "button", "aria-label": `${input}, position ${i + 1}` }, input);
        choose.addEventListener("click", () => state.set({ token: i }));
        const cells = inputs.map((_, j) =>
          create("td", { class: depends(nSource, i, j) ? "cell may" : "cell" }, depends(nSource, i, j) ? "●" : ""),
        );
        const predicted = predicts[i] === null ? "–" : `→ ${predicts[i]}`;
        return create(
          "tr",
          { class: border(i) },
          create("th", { scope: "row" }, choose),
          ...cells,
          create("td", { class: predicts[i] === null ? "side" : "" }, predicted),
        );
      });
      const heads = inputs.map((input) => create("th", { scope: "col" }, input));
      table.replaceChildren(
        create("thead", {}, create("tr", {}, create("td", {}), ...heads, create("th", { scope: "col" }, "predicts"))),
        create("tbody", {}, ...rows),
      );
      drawn = family;
    }

    function update() {
      const { family } = state.values;
      const token = Math.min(state.values.token, last(family));
      const { inputs, nSource, predicts, loss, models, name } = FAMILIES[family];
      families.set(family);
      if (drawn !== family) build(family);
      [...table.querySelectorAll("tbody tr")].forEach((row, i) => {
        row.classList.toggle("chosen", i === token);
        row.querySelector("button").setAttribute("aria-pressed", String(i === token));
      });
      const used = inputs.map((_, j) => depends(nSource, token, j));
      [...table.querySelectorAll("thead th")].forEach((head, j) => head.classList.toggle("used", Boolean(used[j])));
      summary.textContent =
        family === "both" ? `The first ${nSource} rows are the encoder's, the others the decoder's.` : "";
      const list = inputs.filter((_, j) => used[j]).join(", ");
      const side = family === "both" ? (token < nSource ? " of the encoder" : " of the decoder") : "";
      const predicted = predicts[token] === null ? "It is not in the loss." : `It predicts “${predicts[token]}”.`;
      const [kind] = name.split(" (");
      frame.describe(
        `In the ${kind}, the output${side} at position ${token + 1}, “${inputs[token]}”, depends on ${list}. `,
        `${predicted} ${loss} ${models}`,
      );
    }

    update();
    return frame.remove;
  },
};
