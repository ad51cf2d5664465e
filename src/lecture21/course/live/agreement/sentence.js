// A sentence whose nouns are buttons, with a bar below each word for each model's attention to it.

import { create } from "../kit/frame.js";
import { isPlural } from "./task.js";

const LONGEST = 7; // phrases that are all shown; of more, only the first and the last two
const ENDS = 2;

export const STYLE = `
.sentence { display: flex; flex-wrap: wrap; gap: 0 0.3rem; align-items: flex-start; align-content: flex-start; line-height: 1.3; min-height: 5.8rem; }
.head { display: flex; gap: 0.5rem; justify-content: space-between; align-items: center; margin-bottom: 0.4rem; }
.head .panel-title { margin: 0; } .head button { font-size: 0.85rem; min-height: 2rem; padding: 0.15rem 0.6rem; }
.word { display: inline-flex; flex-direction: column; align-items: stretch; min-height: 1.9rem; }
.word > span:first-child { padding: 0.1rem; border: 1px solid transparent; white-space: nowrap; }
.word button { font-size: 1rem; line-height: 1.3; padding: 0.05rem 0.35rem; min-height: 1.55rem; border-radius: 5px; }
.word.subject button { font-weight: 700; border: 2px solid var(--ink); }
.word.verb > span:first-child { font-weight: 700; color: var(--right); border: 1px dashed var(--right); border-radius: 5px; padding: 0.05rem 0.35rem; }
.word.gone { color: var(--note); }
.looks { display: flex; gap: 1px; height: 24px; align-items: flex-start; justify-content: center; margin-top: 1px; }
.looks i { flex: 0 1 12px; }
@container (max-width: 30rem) { .looks { height: 16px; } }
.says { width: 100%; }
.says th, .says td { padding: 0.25rem 0.3rem; line-height: 1.2; }
.says th:first-child { padding-left: 0; } .says td:last-child { padding-right: 0; }
.says thead th { font-size: 0.8rem; color: var(--note); font-weight: 400; white-space: nowrap; }
.says td { white-space: nowrap; } .says .bar { width: 26%; min-width: 4rem; }
.track { position: relative; height: 1.1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 3px; overflow: hidden; }
.track i { position: absolute; inset: 0 auto 0 0; }
.track b { position: absolute; left: 50%; top: 0; bottom: 0; border-left: 2px dashed var(--ink); }
`;

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{words: string[], onFlip: (noun: number) => void}} options  words: the vocabulary
 */
export function sentenceView(frame, { words: vocabulary, onFlip }) {
  const node = create("div", { class: "sentence", role: "group", "aria-label": "The sentence" });

  const bars = (/** @type {{color: string, weight: number}[]} */ looks) => {
    if (!looks.length) return [];
    const parts = looks.map(({ color, weight }) => {
      const bar = create("i");
      bar.style.background = color;
      bar.style.height = `${100 * weight}%`;
      return bar;
    });
    return [create("span", { class: "looks", "aria-hidden": "true" }, ...parts)];
  };

  return {
    node,
    /**
     * @param {import("./task.js").Sentence} sentence
     * @param {{color: string, weights: Float64Array}[]} attention  of each model that has some
     */
    update({ words, nouns, rest }, attention) {
      const active = /** @type {ShadowRoot} */ (node.getRootNode()).activeElement;
      const focused = active && node.contains(active) ? active.getAttribute("data-noun") : null;
      const looksAt = (/** @type {number} */ from, to = from + 1) =>
        attention.map(({ color, weights }) => ({ color, weight: sum(weights.subarray(from, to)) }));
      const word = (/** @type {number} */ t) => {
        const text = vocabulary[[...words, ...rest][t]];
        const noun = nouns.indexOf(t);
        if (noun < 0) {
          const kind = t === words.length ? "word verb" : t > words.length ? "word gone" : "word";
          return create("span", { class: kind }, create("span", {}, text), ...bars(looksAt(t)));
        }
        const number = isPlural(words[t]) ? "plural" : "singular";
        const button = create("button", { type: "button", "data-noun": noun }, text);
        button.setAttribute("aria-label", `${text}, ${noun ? "" : "the subject, "}${number}: change its number`);
        button.addEventListener("click", () => onFlip(noun));
        return create("span", { class: noun ? "word" : "word subject" }, button, ...bars(looksAt(t)));
      };
      const phrases = nouns.length - 1;
      const range = (/** @type {number} */ from, /** @type {number} */ to) =>
        Array.from({ length: to - from }, (_, i) => word(from + i));
      const all = words.length + rest.length;
      if (phrases <= LONGEST) {
        node.replaceChildren(...range(0, all));
      } else {
        const [from, to] = [nouns[ENDS] + 1, nouns[phrases - ENDS] + 1];
        const gap = create("span", {}, `… ${phrases - 2 * ENDS} more phrases …`);
        const middle = create("span", { class: "word gone" }, gap, ...bars(looksAt(from, to)));
        node.replaceChildren(...range(0, from), middle, ...range(to, all));
      }
      if (focused !== null) {
        const again = /** @type {HTMLElement | null} */ (node.querySelector(`[data-noun="${focused}"]`));
        again?.focus({ preventScroll: true });
      }
    },
  };
}

function sum(/** @type {Float64Array} */ values) {
  return values.reduce((total, value) => total + value, 0);
}
