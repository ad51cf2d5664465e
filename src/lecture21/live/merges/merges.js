// Merges (chapter 09): a text of the reader's own, cut into tokens by the first merges of a byte-pair encoding.

import { slider, textField } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { encode, visible } from "./bpe.js";

const STYLE = `
.control:has(textarea) { flex: 1 1 100%; }
.tokens { line-height: 2; }
.tokens span { display: inline-block; line-height: 1.5; padding: 0.1rem 0.15rem; margin-right: 2px; border-radius: 3px; }
`;

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {[string, string][]} */
    const pairs = context.model.get("pairs");
    const frame = createFrame(context, {
      title: "Byte pairs: from bytes to words",
      first: "Move the slider from 0 to the right, then type a word in another language.",
      then: "the tokens grow into pieces of English words, and the foreign word stays in small pieces.",
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, STYLE));
    const control = slider(frame.controls, {
      label: "Merges",
      min: 0,
      max: pairs.length,
      step: 1,
      value: state.values.merges,
      onInput: (merges) => state.set({ merges }),
    });
    const box = textField(frame.controls, {
      label: "Your text",
      value: state.values.text,
      rows: 2,
      longest: context.fields.text.longest,
      onInput: (text) => state.set({ text }),
    });
    const shown = create("p", { class: "text tokens" });
    const next = create("p", { class: "note" });
    frame.stage.append(
      create(
        "div",
        { class: "panel full" },
        create("p", { class: "panel-title" }, "The tokens of the text"),
        shown,
        next,
      ),
    );
    frame.onTheme(update);

    function update() {
      const { merges, text } = state.values;
      control.set(merges);
      box.set(text);
      const made = pairs.slice(0, merges);
      const tokens = encode(text, made);
      const order = new Map(made.map(([first, second], i) => [first + second, i]));
      shown.replaceChildren(...tokens.map((token) => piece(token, order.get(token))));
      const characters = Array.from(text).length;
      const mean = tokens.length ? (characters / tokens.length).toFixed(2) : "no";
      frame.describe(
        `${count(merges, "merge")}: ${count(characters, "character")}, ${count(tokens.length, "token")}, ` +
          `${mean} characters per token.`,
      );
      next.textContent = merges < pairs.length ? nextMerge(pairs[merges], merges, tokens) : "All merges are made.";
    }

    /** A token with a color of its own; a single byte has none. */
    function piece(token, rank) {
      const node = create("span", {}, visible(token));
      const { series, paper, line } = frame.colors;
      node.style.background = rank === undefined ? mix(line, paper, 0.35) : mix(series[rank % 6], paper, 0.25);
      return node;
    }

    update();
    return frame.remove;
  },
};

/** Say which merge is the next one, and how often the text has its pair. */
function nextMerge([first, second], merges, tokens) {
  const times = tokens.filter((token, i) => token === first && tokens[i + 1] === second).length;
  const here = times === 0 ? "not in your text" : times === 1 ? "once in your text" : `${times} times in your text`;
  return `Merge ${merges + 1} joins “${visible(first)}” and “${visible(second)}”: ${here}.`;
}

function count(number, name) {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

/** Mix two colors such as #0072B2; `share` is that of the first. */
function mix(one, other, share) {
  const parts = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return `rgb(${a.map((each, i) => Math.round(share * each + (1 - share) * b[i])).join(", ")})`;
}
