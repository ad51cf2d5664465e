// The words of a sentence, with the weight that one of them gives to each as a bar.

import { create } from "./frame.js";

export const FINDS_STYLE = `
.finds { display: grid; grid-template-columns: repeat(auto-fit, minmax(3.4rem, 1fr)); gap: 0.5rem 0.2rem; align-items: end; --tall: 5.5rem; }
.finds > div { min-width: 0; display: flex; flex-direction: column; align-items: center; font-size: 0.9rem; line-height: 1.3; text-align: center; }
.finds .column { position: relative; width: 100%; max-width: 5rem; height: calc(var(--tall) + 1.3rem); border-bottom: 2px solid var(--line); }
.finds .column i { position: absolute; left: 20%; right: 20%; bottom: 0; height: calc(var(--share) * var(--tall)); background: var(--right); transition: height 0.25s; }
.finds .column .was { left: 12%; right: 12%; background: none; border: 2px dashed var(--note); border-bottom: 0; }
.finds .column b { position: absolute; left: 0; right: 0; bottom: calc(var(--share) * var(--tall)); font-weight: 600; font-variant-numeric: tabular-nums; }
.finds .word:is(.right, .wrong) { font-weight: 700; } .finds .word.right:not([aria-pressed="true"]) { color: var(--right); } .finds .word.wrong:not([aria-pressed="true"]) { color: var(--error); }
.finds .word { margin-top: 0.2rem; min-height: 1.9rem; min-width: 1.75rem; padding: 0.1rem 0.3rem; white-space: nowrap; border-color: transparent; background: none; font-size: 0.95rem; line-height: 1.2; }
.finds .word[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); }
.finds .tag { font-size: 0.8rem; color: var(--note); min-height: 1.3em; }
.finds .later { opacity: 0.7; } .finds .later .column { display: none; }
`;

/**
 * @typedef {object} Found
 * @property {number} query  the word that asks
 * @property {(number | null)[]} weights  null for a word that it does not see
 * @property {string[]} tags  below the words
 * @property {(boolean | null)[]} [right]  of a word that is judged: whether it is right
 * @property {number[] | null} [before]  the weights before the last change, as hollow bars
 */

/**
 * Add the words to a part of a figure.
 * @param {Element} parent
 * @param {{label: string, words: string[], onQuery: (query: number) => void}} options
 */
export function wordsFound(parent, { label, words, onQuery }) {
  const columns = words.map((word, i) => {
    const [was, now, number] = [create("i", { class: "was" }), create("i"), create("b")];
    const column = create("span", { class: "column" }, was, now, number);
    const button = create("button", { type: "button", class: "word" }, word);
    button.addEventListener("click", () => onQuery(i));
    const tag = create("span", { class: "tag" });
    return { node: create("div", {}, column, button, tag), column, was, number, button, tag };
  });
  const node = create("div", { class: "finds", role: "group", "aria-label": label });
  node.append(...columns.map((each) => each.node));
  parent.append(node);
  return {
    node,
    update(/** @type {Found} */ { query, weights, tags, right = [], before = null }) {
      columns.forEach(({ node, column, was, number, button, tag }, i) => {
        const weight = weights[i];
        node.classList.toggle("later", weight === null);
        column.style.setProperty("--share", String(weight ?? 0));
        column.dataset.value = String(weight ?? "");
        number.textContent = weight === null ? "" : weight < 0.005 ? "0" : weight.toFixed(2);
        was.hidden = !before;
        if (before) {
          was.style.setProperty("--share", String(before[i]));
          was.dataset.value = String(before[i]);
        }
        button.setAttribute("aria-pressed", String(i === query));
        const isRight = right[i] ?? null;
        button.textContent = isRight === null ? words[i] : `${words[i]} ${isRight ? "✓" : "✗"}`;
        button.classList.toggle("right", isRight === true);
        button.classList.toggle("wrong", isRight === false);
        tag.textContent = tags[i];
      });
    },
  };
}
