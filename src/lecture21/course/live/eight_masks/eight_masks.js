// Eight masks (chapter 04): what each lets through, and which loss it reaches on dice.

import { create, createFrame, panel } from "../kit/frame.js";
import { MATRIX_STYLE, matrix } from "../kit/matrix.js";
import { written } from "../kit/numbers.js";

/**
 * @typedef {object} Mask
 * @property {string} name
 * @property {number[][]} allowed  1 where a query (row) may attend to a key (column)
 * @property {(number | null)[][]} weights  null where they are 0 divided by 0
 * @property {number[][]} depends  1 where an output (row) changes with a word (column)
 * @property {number | null} nats  on dice with 26 faces; null if there is no loss
 */

const HONEST = Math.log(26);
const SCALE = 90; // percent of the bar's room that the honest loss takes

/** What a thumbnail is called, and what one sees. @type {Record<string, [string, string]>} */
const TEXTS = {
  causal: ["causal", "No output changes with a later word, and the loss is what an honest guess costs."],
  none: [
    "no mask",
    "Each output changes with every later word, the target among them. What is left of the loss is the price of the " +
      "last of 16 rolls, whose target is outside the window.",
  ],
  "one too far": [
    "one too far",
    "Each row may attend to one word too many, and that word is the target. It is all a cheat needs.",
  ],
  "upside down": [
    "upside down",
    "True and False are exchanged, so each word attends to itself and to what comes later: the past is hidden, and " +
      "the target is not.",
  ],
  "no diagonal": [
    "no diagonal",
    "No leak, but the first word has no key at all. Its softmax is 0/0, not a number, and so is the first loss: " +
      "training never begins.",
  ],
  zeros: [
    "0, not −∞",
    "A score of 0 counts as e⁰ = 1, so each later word keeps some weight. All later words weigh the same, which blurs " +
      "the target among them, and still the loss is far too good.",
  ],
  "after the softmax": [
    "after softmax",
    "The later weights are 0, and the triangle looks right. But rows no longer sum to 1, and what is missing tells of " +
      "the later words: look at the loss.",
  ],
  "skips one": [
    "skips one",
    "The target is hidden, and the words after it are not. With one layer dice notice nothing, and only the test " +
      "finds this leak. A second layer reads the target through the word behind it.",
  ],
};

const STYLE = `
.figure { --leak: var(--series-1); }
.thumbs { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 0.4rem; width: 100%; }
.thumbs label { position: relative; display: block; padding: 0.3rem; border: 1px solid var(--line); border-radius: 6px; background: var(--paper);
  font-size: 0.8rem; line-height: 1.2; text-align: center; cursor: pointer; }
.thumbs label:hover { border-color: var(--ink); } .thumbs label:has(:checked) { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
.thumbs label:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: 2px; }
.thumbs input { position: absolute; opacity: 0; pointer-events: none; }
.thumb { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; width: 3.2rem; max-width: 100%; margin: 0 auto 0.25rem; background: var(--line);
  border: 1px solid var(--line); }
.thumb i { aspect-ratio: 1; background: var(--paper); } .thumb .past { background: var(--series-0); } .thumb .future { background: var(--leak); }
.dice { position: relative; height: 1.6rem; margin: 1.5rem 0 0.3rem; background: var(--panel); border: 1px solid var(--line); }
.dice i { display: block; height: 100%; background: var(--series-0); transition: width 0.25s; } .dice i.leaks { background: var(--leak); }
.dice b { position: absolute; left: ${SCALE}%; top: -0.2rem; bottom: -0.2rem; border-left: 2px solid var(--ink); }
.dice b span { position: absolute; right: 0.2rem; top: -1.35rem; white-space: nowrap; font-size: 0.8rem; font-weight: 400; }
.verdict { font-weight: 600; margin: 0 0 0.3rem; } .verdict.leaks { color: var(--error); }
@container (max-width: 36rem) { .thumbs { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
`;

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Mask[]} */
    const masks = context.model.get("masks");
    /** @type {string[]} */
    const tokens = context.model.get("tokens");
    const frame = createFrame(context, {
      title: "Eight masks, seven mistakes",
      first: "Choose a mask. Does it leak? Then look at the marked pairs and at the loss.",
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, MATRIX_STYLE + STYLE));

    const inputs = masks.map(({ name }) => create("input", { type: "radio", name: "mask", value: name }));
    const labels = masks.map(({ name, weights }, n) => {
      const cells = weights.flatMap((row, i) => row.map((weight, j) => create("i", { class: kind(weight, i, j) })));
      const thumb = create("span", { class: "thumb", "aria-hidden": "true" }, ...cells);
      inputs[n].addEventListener("change", () => state.set({ mask: name }));
      return create("label", {}, inputs[n], thumb, TEXTS[name][0]);
    });
    const legend = create("legend", { class: "hidden" }, "Mask");
    const group = create("fieldset", { class: "thumbs" }, legend, ...labels);
    frame.controls.append(group);

    const left = panel(frame, "Weights: who attends to whom");
    left.classList.remove("full");
    const table = matrix(frame, left, {
      label: "Weights",
      rows: tokens,
      columns: tokens,
      rowTitle: "query",
      columnTitle: "key",
      sums: true,
    });
    const right = panel(frame, "Does it leak?");
    right.classList.remove("full");
    const verdict = create("p", { class: "verdict" });
    const bar = create("i");
    const honest = create("b", {}, create("span", {}, `honest: ln 26 = ${HONEST.toFixed(2)}`));
    const loss = create("p", { class: "note" });
    right.append(
      verdict,
      create("p", { class: "panel-title" }, "The loss on dice, which only a leak lowers"),
      create("div", { class: "dice", "aria-hidden": "true" }, bar, honest),
      loss,
    );
    frame.onTheme(update);
    update();
    return frame.remove;

    function update() {
      const { name, allowed, weights, depends, nats } =
        masks.find((each) => each.name === state.values.mask) ?? masks[0];
      const later = (/** @type {number} */ i, /** @type {number} */ j) => j > i && depends[i][j] === 1;
      const pairs = tokens.flatMap((_, i) => tokens.map((_, j) => later(i, j))).filter(Boolean).length;
      for (const input of inputs) input.checked = input.value === name;
      table.update({
        values: weights.map((row) => row.map((weight) => weight ?? NaN)),
        color: frame.colors.magnitude,
        text: (weight) => (Number.isNaN(weight) ? "0/0" : written(weight)),
        masked: (i, j) => !allowed[i][j],
        leak: later,
      });
      verdict.classList.toggle("leaks", pairs > 0);
      verdict.textContent = pairs
        ? `It leaks: in ${pairs} of 6 pairs, a later word changes an earlier output.`
        : "It does not leak: no later word changes an earlier output.";
      bar.style.width = `${(SCALE * (nats ?? 0)) / HONEST}%`;
      bar.classList.toggle("leaks", (nats ?? HONEST) < HONEST - 0.05);
      loss.textContent =
        nats === null
          ? "There is no loss: the first one is 0/0."
          : `${nats.toFixed(2)} nats a roll, one layer, ten seeds.`;
      frame.describe(TEXTS[name][1]);
    }
  },
};

/** How a thumbnail shows a weight: none, of a word so far, of a later word. */
function kind(/** @type {number | null} */ weight, /** @type {number} */ i, /** @type {number} */ j) {
  if (!weight) return "";
  return j > i ? "future" : "past";
}
