// Parts of the attention figure: titled tables, and the calculation of one row.

import { create } from "../kit/frame.js";
import { written } from "../kit/numbers.js";

export const PARTS_STYLE = `
.block { flex: 1 1 100%; min-width: 0; }
.kept { position: sticky; top: 3.5rem; z-index: 2; background: var(--paper); } .more input { scroll-margin-top: 22rem; } .asks { margin: 0.3rem 0 0; } .asks b { color: var(--query); }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.17fr); gap: 1rem; align-items: start; }
.control.wide { flex: 1 1 14rem; } .control.wide input { width: 100%; }
.matrix td.chosen { box-shadow: inset 0 0 0 3px var(--accent); }
.step { min-width: 0; align-self: start; }
.step-title { font-size: 0.9rem; margin: 0; font-weight: 600; line-height: 1.35rem; min-height: 1.35rem; color: var(--role, var(--ink)); }
.formula :is(sub, sup) { font-size: 0.75em; line-height: 0; }
.step .formula { font-size: 0.8rem; margin: 0 0 0.15rem; color: var(--note); line-height: 1.35; min-height: 1.35em; }
.calculation { width: 100%; font-size: 0.85rem; }
.calculation :is(th, td) { padding: 0.25rem 0.3rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: 400; }
.calculation thead th { color: var(--note); font-size: 0.75rem; line-height: 1.2; vertical-align: bottom; }
.calculation :is(th:first-child, .products) { text-align: left; } .calculation .products { color: var(--note); font-size: 0.8rem; }
.calculation td.share { width: 5.2rem; }
.share { position: relative; } .share span { position: relative; }
.share .bar { position: absolute; left: 0.5rem; right: 0.3rem; bottom: 0.1rem; height: 4px; background: var(--line); }
.share .bar i { display: block; height: 100%; background: var(--value); transition: width 0.25s; }
.sum { font-size: 0.85rem; margin: 0.4rem 0 0; line-height: 1.5; font-variant-numeric: tabular-nums; }
.sum b { color: var(--output); font-weight: 600; }
.presets { display: flex; flex-wrap: wrap; gap: 0.4rem; }
.talk .matrix td.cell, .talk .matrix td.cell input { font-size: 1.5rem; letter-spacing: -0.08em; }
.talk .matrix td.cell.long { font-size: 1.1rem; }
@container (max-width: 36rem) {
  .finds .tag { min-height: 2.6em; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .step { width: 100%; max-width: 24rem; justify-self: center; }
}
`;

/**
 * Add a titled part with a formula, and return it.
 * @param {Element} parent
 * @param {{title: string, formula: string, role?: string}} options  role: whose color the title has
 */
export function step(parent, { title, formula, role = "" }) {
  const heading = create("p", { class: "step-title" }, title);
  if (role) heading.style.setProperty("--role", `var(--${role})`);
  const node = create("div", { class: "step" }, heading, create("p", { class: "formula" }, ...withIndices(formula)));
  node.style.setProperty("--row", "var(--query)");
  parent.append(node);
  return node;
}

/**
 * Return the nodes of a formula in which _ and ^ stand before a lowered or raised letter.
 * @param {string} formula  such as "q_i · k_j"
 */
function withIndices(formula) {
  return formula.split(/([_^]\w)/).map((part) => {
    if (!/^[_^]\w$/.test(part)) return part;
    return create(part[0] === "_" ? "sub" : "sup", {}, part[1]);
  });
}

/**
 * Add the calculation of one row: its dot products, scores and weights, and the weighted sum.
 * @param {Element} parent
 * @param {string[]} tokens
 */
export function calculation(parent, tokens) {
  const heading = create("p", { class: "step-title" });
  const titles = ["key", "dot product", "score", "weight"].map((title) => create("th", { scope: "col" }, title));
  titles[1].className = "products";
  const rows = tokens.map((token) => {
    const [products, score, weight, fill] = /** @type {const} */ (["td", "td", "span", "i"]).map((name) =>
      create(name),
    );
    products.className = "products";
    const share = create("td", { class: "share" }, weight, create("span", { class: "bar" }, fill));
    return {
      node: create("tr", {}, create("th", { scope: "row" }, token), products, score, share),
      products,
      score,
      weight,
      fill,
    };
  });
  const table = create(
    "table",
    { class: "calculation" },
    create("thead", {}, create("tr", {}, ...titles)),
    create("tbody", {}, ...rows.map(({ node }) => node)),
  );
  const sum = create("p", { class: "sum" });
  parent.append(create("div", { class: "step block" }, heading, table, sum));
  return {
    /**
     * @param {number} query
     * @param {import("./compute.js").Head} head
     * @param {string} division  by what the dot products are divided
     */
    update(query, head, division) {
      heading.textContent = `Row “${tokens[query]}” step by step`;
      titles[1].textContent = `dot product${division}`;
      rows.forEach((row, j) => {
        row.products.textContent = head.q[query]
          .map((part, c) => `${factor(part)}·${factor(head.k[j][c])}`)
          .join(" + ");
        row.score.textContent = written(head.scores[query][j]);
        row.weight.textContent = written(head.weights[query][j]);
        row.fill.style.width = `${100 * head.weights[query][j]}%`;
      });
      const terms = head.weights[query].map((weight, j) => `${written(weight)} v(${tokens[j]})`);
      const result = create("b", {}, `(${head.output[query].map((part) => written(part)).join(", ")})`);
      sum.replaceChildren(`Output: ${terms.join(" + ")} = `, result);
    },
  };
}

function factor(/** @type {number} */ value) {
  const text = written(value);
  return value < 0 ? `(${text})` : text;
}
