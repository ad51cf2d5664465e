// Merges (chapter 09): a text of the reader's own, cut into tokens by the first merges of a byte-pair encoding.

import { bars } from "../characters/bars.js";
import { WRITE_STYLE } from "../characters/style.js";
import { controlsOf } from "../kit/bound.js";
import { button } from "../kit/controls.js";
import { create, createFrame, panel } from "../kit/frame.js";
import { encode, mostFrequent, pairCounts, visible } from "./bpe.js";

const STYLE = `
.control:has(textarea) { flex: 1 1 100%; }
.pairs { display: grid; grid-template-columns: repeat(4, 1fr); } .pairs button { padding: 0.3rem; font-family: ui-monospace, monospace; } .pairs small { font: 0.8rem system-ui, sans-serif; margin-left: 0.4rem; }
@container (max-width: 36rem) { .pairs { grid-template-columns: 1fr 1fr; } }
.bars { --names: 9.5rem; } .bars .name { font-family: inherit; } .tokens { line-height: 2; }
.tokens span { display: inline-block; line-height: 1.5; padding: 0.1rem 0.15rem; margin-right: 2px; border-radius: 3px; }
`;

const FIRST =
  "Merge a pair of your text, several times. Can you save more tokens than the merges of Shakespeare's plays do?";
const CHOICES = 8; // pairs from which the reader chooses
const MOST = 40; // merges of the reader's own

/** @typedef {import("./bpe.js").Pair} Pair */

/** Whether a value is a list of pairs of tokens, as the reader chooses them. */
function arePairs(/** @type {unknown} */ value) {
  const isToken = (/** @type {unknown} */ each) => typeof each === "string" && /^[\0-\xff]{1,400}$/.test(each);
  const isPair = (/** @type {unknown} */ each) => Array.isArray(each) && each.length === 2 && each.every(isToken);
  return Array.isArray(value) && value.length <= MOST && value.every(isPair);
}

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Pair[]} */
    const pairs = context.model.get("pairs");
    const frame = createFrame(context, {
      title: "Byte pairs: from bytes to words",
      first: FIRST,
      fields: { own: { start: [], check: arePairs } }, // merges after those of the plays
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, WRITE_STYLE + STYLE));
    const { slider, textField } = controlsOf(frame);
    slider("merges", {
      label: "Merges learned from Shakespeare's plays",
      max: pairs.length,
      onInput: (merges) => state.set({ merges, own: [] }),
    });
    textField("text", { label: "Your text", rows: 2, onInput: (text) => state.set({ text, own: [] }) });
    const shown = create("p", { class: "text tokens" });
    const next = create("p", { class: "note" });
    const pairsTitle = create("p", { class: "panel-title" }, "Which pair next? Each with its count in your text");
    const choices = create("div", { class: "actions pairs" });
    panel(frame, "", pairsTitle, choices, next); // first: nothing above them moves them while one is pressed again and again
    panel(frame, "The tokens of the text", shown);
    const raceTitle = create("p", { class: "panel-title" });
    const won = create("p", { class: "right" });
    const race = panel(frame, "", raceTitle);
    const runners = bars(race, "Tokens saved");
    race.append(won);
    frame.onTheme(update);
    /** The pairs that are offered, each where it was. @type {string[]} */
    let offered = [];

    function update() {
      const { merges, text, own } = state.values;
      const learned = pairs.slice(0, merges);
      const made = [...learned, ...own];
      const tokens = encode(text, made);
      const order = new Map(made.map(([first, second], i) => [first + second, i]));
      shown.replaceChildren(...tokens.map((token) => piece(token, order.get(token))));
      const characters = Array.from(text).length;
      const mean = tokens.length ? (characters / tokens.length).toFixed(2) : "no";
      const total = `${count(merges, "merge")}${own.length ? ` and ${own.length} of yours` : ""}`;
      frame.describe(
        `${total}: ${count(characters, "character")}, ${count(tokens.length, "token")}, ${mean} characters per token.`,
      );
      run(text, merges, own, tokens.length);
      const counted = pairCounts(text, made).slice(0, CHOICES);
      offer(own.length < MOST ? counted : []);
      next.textContent = merges < pairs.length ? nextMerge(pairs[merges], tokens) : "All merges are made.";
    }

    /** Show how many tokens the reader's merges have saved, and how many as many others would have. */
    function run(
      /** @type {string} */ text,
      /** @type {number} */ merges,
      /** @type {Pair[]} */ own,
      /** @type {number} */ left,
    ) {
      race.hidden = !own.length;
      frame.advise({ first: FIRST, then: "" });
      if (!own.length) return;
      const learned = pairs.slice(0, merges);
      const start = encode(text, learned).length;
      const plays = encode(text, pairs.slice(0, merges + own.length)).length;
      const often = encode(text, mostFrequent(text, learned, own.length)).length;
      /** @type {[string, number][]} */
      const all = [["you", left], ["Shakespeare's plays", plays], ["most frequent pairs", often]]; // prettier-ignore
      const most = Math.max(1, ...all.map(([, each]) => start - each));
      raceTitle.textContent = `Tokens saved by ${count(own.length, "merge")} each, of ${start}`;
      runners.update(all.map(([name, each]) => ({ name, text: String(start - each), share: (start - each) / most })));
      won.hidden = left > often || left >= plays;
      won.textContent = "✓ You are ahead of the plays: they counted their pairs in another text, you in this one.";
      const [first, second] = own[own.length - 1];
      const before = [...learned, ...own.slice(0, -1)];
      const took = encode(text, before).length - left;
      const seen = pairCounts(text, before).find(({ pair }) => pair[0] === first && pair[1] === second)?.times ?? 0;
      const times = seen === 1 ? "once" : `${seen} times`;
      frame.advise({
        first: FIRST,
        then: `“${visible(first)}” + “${visible(second)}” stood there ${times}, and the text has ${count(took, "token")} fewer.`,
      });
      frame.acted();
    }

    /** Offer pairs; the keyboard stays where one was chosen. */
    function offer(/** @type {import("./bpe.js").Count[]} */ counted) {
      const at = [...choices.children].findIndex((each) => each === frame.root.activeElement);
      pairsTitle.hidden = !counted.length;
      const found = new Map(counted.map((each) => [each.pair.join("\u0100"), each]));
      const old = state.values.own.length ? offered : [];
      const fresh = [...found.keys()].filter((key) => !old.includes(key));
      // A pair stays where it was; where the chosen one was, there is another.
      offered = [...old.map((key) => (found.has(key) ? key : (fresh.shift() ?? ""))), ...fresh].filter(Boolean);
      choices.replaceChildren();
      for (const { pair, times } of offered.flatMap((key) => found.get(key) ?? [])) {
        const node = button(choices, {
          label: `${visible(pair[0])} + ${visible(pair[1])}`,
          onClick: () => state.set({ own: [...state.values.own, pair] }),
        });
        node.append(" ", create("small", {}, `${times} ×`));
      }
      const there = choices.children[Math.min(at, choices.children.length - 1)];
      if (there instanceof HTMLElement) there.focus();
    }

    /** A token with a color of its own; a single byte has none. */
    function piece(/** @type {string} */ token, /** @type {number | undefined} */ rank) {
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
function nextMerge(/** @type {Pair} */ [first, second], /** @type {string[]} */ tokens) {
  const times = tokens.filter((token, i) => token === first && tokens[i + 1] === second).length;
  const here = times === 0 ? "not in your text" : times === 1 ? "once in your text" : `${times} times in your text`;
  return `The plays merge “${visible(first)}” and “${visible(second)}” next: ${here}.`;
}

function count(/** @type {number} */ number, /** @type {string} */ name) {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

/** Mix two colors such as #0072B2; `share` is that of the first. */
function mix(/** @type {string} */ one, /** @type {string} */ other, /** @type {number} */ share) {
  const parts = (/** @type {string} */ color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return `rgb(${a.map((each, i) => Math.round(share * each + (1 - share) * b[i])).join(", ")})`;
}
