// The weights of one word, or of two, as bars, and the average that they make.

import { create, headings } from "../kit/frame.js";
import { written } from "../kit/numbers.js";

export const WEIGHTS_STYLE = `
.weights { width: 100%; margin-bottom: 0.4rem; }
.weights :is(th, td) { padding: 0.25rem 0.4rem; } .weights thead th { font-size: 0.8rem; font-weight: 400; color: var(--note); }
.weights :is(.share, thead th:last-child) { width: 50%; text-align: left; } .weights .share span { display: inline-block; min-width: 2.6rem; }
.weights .share i { display: inline-block; height: 0.8rem; vertical-align: -0.1rem; background: var(--right); }
.weights tr { transition: background-color 0.25s; } .weights .moved { background: color-mix(in srgb, var(--right) 22%, transparent); }
.sum { font-size: 0.9rem; font-variant-numeric: tabular-nums; } .sum b { font-weight: 600; color: var(--sum); }
.sum + .panel-title { margin-top: 0.9rem; }
`;

/** @typedef {{word: string, scores: number[], weights: number[], output: number[]}} Row */

/**
 * Add the weights of some words.
 * @param {HTMLElement} parent
 * @param {string[]} queries
 */
export function weightBars(parent, queries) {
  const parts = queries.map((word) => {
    const body = create("tbody");
    const table = create("table", { class: "weights", "aria-label": `Weights of ${word}` });
    table.append(headings("word", "dot product", "weight"), body);
    const sum = create("p", { class: "sum" });
    parent.append(create("p", { class: "panel-title" }, `The weights of “${word}”`), table, sum);
    return { body, sum };
  });
  return {
    node: parent,
    /** @param {string[]} words @param {Row[]} rows @param {string} moved  the word whose row glows */
    update(words, rows, moved) {
      rows.forEach(({ word, scores, weights, output }, n) => {
        const { body, sum } = parts[n];
        body.replaceChildren(
          ...words.map((each, j) => {
            const bar = create("i");
            bar.style.width = `calc((100% - 3rem) * ${weights[j]})`;
            const share = create(
              "td",
              { class: "share", "data-value": weights[j] },
              create("span", {}, weights[j].toFixed(2)),
              bar,
            );
            const kind = each === moved ? "moved" : "";
            return create(
              "tr",
              { class: kind },
              create("th", { scope: "row" }, each),
              create("td", {}, written(scores[j])),
              share,
            );
          }),
        );
        const terms = words.map((each, j) => `${weights[j].toFixed(2)} ${each}`);
        const vector = create("b", {}, `(${output.map((each) => written(each)).join(", ")})`);
        sum.replaceChildren(`new ${word} = ${terms.join(" + ")} = `, vector);
      });
    },
  };
}
