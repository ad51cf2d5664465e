// Parts of the attention figure: steps with arrows between them, the calculation of one row, and the maps of all heads.

import { create } from "../kit/frame.js";
import { argmax, written } from "../kit/numbers.js";

export const PARTS_STYLE = `
.block { flex: 1 1 100%; min-width: 0; }
.flow { display: grid; grid-template-columns: minmax(0, 1fr) auto minmax(0, 1fr) auto minmax(0, 1fr); gap: 0.35rem; align-items: center; }
.pair { display: grid; grid-template-columns: minmax(0, 1.08fr) minmax(0, 1fr); gap: 1rem; align-items: start; }
.pair.even { grid-template-columns: minmax(0, 1fr) minmax(0, 1.17fr); } .matrix td.chosen { box-shadow: inset 0 0 0 3px var(--accent); }
.control.wide { flex: 1 1 14rem; } .control.wide input { width: 100%; }
.three { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem 0.9rem; }
.flow.sums { grid-template-columns: minmax(0, 1fr) auto minmax(0, 1.17fr) auto minmax(0, 1fr); }
.step { min-width: 0; align-self: start; } .step .step + .step { margin-top: 0.8rem; }
.step-title { font-size: 0.9rem; margin: 0; font-weight: 600; line-height: 1.35rem; min-height: 1.35rem; color: var(--role, var(--ink)); }
.step .choice { margin-bottom: 0.4rem; } .formula :is(sub, sup) { font-size: 0.75em; line-height: 0; }
.step .formula { font-size: 0.8rem; margin: 0 0 0.15rem; color: var(--note); line-height: 1.35; min-height: 1.35em; }
.step .note:not([hidden]) { display: flex; gap: 0.5rem; align-items: center; margin: 0; }
.note .leak { width: 1.3rem; height: 1.1rem; border: 3px solid var(--leak); }
.number { display: inline-block; min-width: 1.3rem; height: 1.3rem; line-height: 1.3rem; margin-right: 0.35rem; border-radius: 0.65rem; text-align: center;
  font-size: 0.75rem; background: var(--ink); color: var(--paper); }
.arrow { color: var(--note); font-size: 1.3rem; line-height: 1; padding: 3rem 0.1rem 0; text-align: center; }
.arrow::before { content: "→"; }
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
.heads { display: flex; flex-wrap: wrap; gap: 0.6rem; }
.heads button { padding: 0.35rem; font-size: 0.85rem; line-height: 1.2; background: var(--paper); border-color: var(--line); color: var(--ink); }
.heads button[aria-pressed="true"] { background: var(--paper); color: var(--ink); border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
.heads .map { display: grid; gap: 1px; margin-top: 0.25rem; background: var(--line); border: 1px solid var(--line); }
.heads .map span { width: 1.35rem; height: 1.35rem; transition: background-color 0.25s; }
.presets { display: flex; flex-wrap: wrap; gap: 0.4rem; }
details.more > .controls { align-items: end; }
.talk .matrix td.cell, .talk .matrix td.cell input { font-size: 1.5rem; letter-spacing: -0.08em; }
.talk .matrix td.cell.long { font-size: 1.1rem; } .talk .matrix td.sum { font-size: 0.8rem; }
@container (max-width: 36rem) {
  .flow, .flow.sums, .pair, .pair.even, .three { grid-template-columns: minmax(0, 1fr); }
  .arrow { padding: 0.2rem 0 0; } .arrow::before { content: "↓"; }
  .step { width: 100%; max-width: 24rem; justify-self: center; }
}
`;

/**
 * Add a step: a number, a title, a formula, and room for what it computes.
 * @param {Element} parent
 * @param {{number?: number, title: string, formula?: string, role?: string, row?: string}} options
 *   role: whose color the title has; row: whose color the chosen row has
 */
export function step(parent, { number, title, formula = "", role = "", row = "query" }) {
  const name = create("span", {}, title);
  const heading = create(
    "p",
    { class: "step-title" },
    ...(number ? [create("span", { class: "number", "aria-hidden": "true" }, String(number))] : []),
    name,
  );
  const line = create("p", { class: "formula" }, ...withIndices(formula));
  const node = create("div", { class: "step" }, heading, line);
  if (role) heading.style.setProperty("--role", `var(--${role})`);
  node.style.setProperty("--row", `var(--${row})`);
  parent.append(node);
  return {
    node,
    rename(/** @type {string} */ next, /** @type {string} */ formula) {
      name.textContent = next;
      line.replaceChildren(...withIndices(formula));
    },
  };
}

/**
 * Return the nodes of a formula in which _ and ^ stand before a lowered or raised letter.
 * @param {string} formula  such as "q_i · k_j"
 */
export function withIndices(formula) {
  return formula.split(/([_^]\w)/).map((part) => {
    if (!/^[_^]\w$/.test(part)) return part;
    return create(part[0] === "_" ? "sub" : "sup", {}, part[1]);
  });
}

/**
 * Add a box to an element.
 * @param {Element} parent
 * @param {string} kind  its class
 */
export function box(parent, kind) {
  const node = create("div", { class: kind });
  parent.append(node);
  return node;
}

/** @param {Element} parent */
export function arrow(parent) {
  parent.append(create("span", { class: "arrow", "aria-hidden": "true" }));
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
  const step = create("div", { class: "step" }, heading, table, sum);
  parent.append(step);
  return {
    node: step,
    /**
     * @param {number} query
     * @param {import("./compute.js").Head} head
     * @param {{divided: string, value: (token: string) => string}} texts  by what the dot products are divided; what is summed
     */
    update(query, head, { divided, value }) {
      heading.textContent = `Row “${tokens[query]}” step by step`;
      titles[1].replaceChildren(...withIndices(`dot product${divided}`));
      rows.forEach((row, j) => {
        row.products.textContent = head.q[query]
          .map((part, c) => `${factor(part)}·${factor(head.k[j][c])}`)
          .join(" + ");
        row.score.textContent = written(head.masked[query][j]);
        row.weight.textContent = written(head.weights[query][j]);
        row.fill.style.width = `${100 * (head.weights[query][j] || 0)}%`;
      });
      const terms = head.weights[query].map((weight, j) => `${written(weight)} ${value(tokens[j])}`);
      const result = create("b", {}, `(${head.output[query].map((part) => written(part)).join(", ")})`);
      sum.replaceChildren(`Output: ${terms.join(" + ")} = `, result);
    },
  };
}

function factor(/** @type {number} */ value) {
  const text = written(value);
  return value < 0 ? `(${text})` : text;
}

/**
 * Add the maps of all heads, of which one is chosen.
 * @param {Element} parent
 * @param {string[]} tokens
 * @param {(head: number) => void} onChoose
 */
export function headMaps(parent, tokens, onChoose) {
  const area = create("div", { class: "heads" });
  const buttons = [0, 1, 2, 3].map((h) => {
    const map = create(
      "span",
      { class: "map", "aria-hidden": "true" },
      ...tokens.flatMap(() => tokens.map(() => create("span", {}))),
    );
    map.style.gridTemplateColumns = `repeat(${tokens.length}, auto)`;
    const button = create("button", { type: "button" }, `Head ${h + 1}`, map);
    button.addEventListener("click", () => onChoose(h));
    area.append(button);
    return { button, cells: /** @type {HTMLElement[]} */ ([...map.children]) };
  });
  parent.append(area);
  return {
    node: area,
    /**
     * @param {number} chosen
     * @param {number[][][]} weights  of every head
     * @param {(share: number) => string} color
     */
    update(chosen, weights, color) {
      buttons.forEach(({ button, cells }, h) => {
        button.hidden = h >= weights.length;
        if (button.hidden) return;
        button.setAttribute("aria-pressed", String(h === chosen));
        const most = weights[h].map((row, i) => `${tokens[i]} most to ${tokens[argmax(row)]}`).join(", ");
        button.setAttribute("aria-label", `Head ${h + 1}: ${most}`);
        weights[h].flat().forEach((weight, n) => (cells[n].style.backgroundColor = color(weight)));
      });
    },
  };
}
