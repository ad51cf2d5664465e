// What a design does: the map of weights with what each word writes, and the design as two small tables.

import { inkOn } from "../kit/colors.js";
import { create } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { STRENGTHS } from "./compute.js";

export const STYLE = `
.task { margin: 0.5rem 0 0.3rem; }
.finds { --tall: 3rem; } p.writes { font-weight: 600; margin: 0; } .actions { margin-top: 0.6rem; } .shown { display: grid; gap: 0.8rem; flex: 1 1 100%; } .maps { display: flex; flex-wrap: wrap; gap: 0.9rem; }
.rule { display: flex; flex-wrap: wrap; gap: 0.25rem 0.4rem; align-items: center; flex: 1 1 100%; font-size: 0.95rem; }
.rule select { padding: 0.15rem 0.3rem; min-height: 2.1rem; font-size: 0.9rem; }
.rule .layer { font-weight: 600; flex: 1 1 100%; }
.rule.off { color: var(--note); }
.map { flex: 3 1 20rem; min-width: 0; }
.forms { flex: 1 1 18rem; min-width: 0; max-width: 24rem; display: flex; gap: 0.6rem; align-items: flex-start; }
.forms > div:first-child { flex: 2 1 0; min-width: 0; } .forms > div:last-child { flex: 1 1 0; min-width: 0; }
.panel-title small { font-weight: 400; color: var(--note); display: block; line-height: 1.2; }
.weights, .form { table-layout: fixed; border-collapse: collapse; width: 100%; line-height: 1.1; }
.weights :is(th, td), .form :is(th, td) { padding: 0; border: 0; font-weight: 400; text-align: center; font-size: 0.75rem; height: 1.3rem; }
.weights col.name { width: 4.2rem; } .weights col.writes { width: 6.2rem; } .form col.name { width: 4.7rem; }
.weights thead th, .form thead th { height: 4.3rem; vertical-align: bottom; color: var(--note); }
.weights thead th span, .form thead th span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.weights thead th.writes { text-align: left; padding-left: 0.4rem; color: var(--ink); }
.weights tbody th, .form tbody th { text-align: right; padding-right: 0.35rem; white-space: nowrap; overflow: hidden; }
.weights td.cell, .form td.cell { border: 1px solid var(--line); }
.weights td.writes { text-align: left; padding-left: 0.4rem; white-space: nowrap; overflow: hidden; font-size: 0.8rem; }
.weights tr.first td.cell { border-top: 2px solid var(--error); border-bottom: 2px solid var(--error); }
.weights tr.first th, .weights tr.wrong .writes { color: var(--error); } .weights tr.first th { font-weight: 700; }
.weights tr.right .writes { color: var(--right); }
.weights tr.idle td.writes { color: var(--note); }
.form td.none { border-color: transparent; }
.hints { display: flex; flex-wrap: wrap; gap: 0 1.2rem; } .hints details[open] { flex-basis: 100%; }
.hints p { margin: 0.2rem 0 0.5rem; }
@container (max-width: 30rem) { .weights col.name { width: 3.6rem; } .weights col.writes { width: 5.8rem; }
  .weights td.cell { font-size: 0; } .map, .forms { flex-basis: 100%; }
  .weights :is(th, td) { height: 1.2rem; } }
`;

/**
 * The weights of a head on one sentence, a row for each word, and what each word writes.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("./compute.js").Word[]} words
 * @param {{weights: number[][]}} head
 * @param {{title: string, writes: string, rows: {text: string, tone: string}[]}} options
 */
export function mapOf(frame, words, { weights }, { title, writes, rows }) {
  const turned = (/** @type {string} */ text) => create("span", {}, text);
  const header = words.map(({ name }) => create("th", { scope: "col" }, turned(name)));
  const body = words.map(({ name }, i) => {
    const cells = words.map((_, j) => {
      if (j > i) return create("td");
      const weight = weights[i][j];
      const fill = frame.colors.magnitude(weight);
      const cell = create("td", { class: "cell" }, weight >= 0.095 ? shortened(weight) : "");
      cell.dataset.value = String(weight);
      cell.style.backgroundColor = fill;
      cell.style.color = inkOn(fill);
      return cell;
    });
    const { text, tone } = rows[i];
    return create(
      "tr",
      { class: tone },
      create("th", { scope: "row" }, name),
      ...cells,
      create("td", { class: "writes" }, text),
    );
  });
  const columns = ["name", ...words.map(() => ""), "writes"].map((kind) => create("col", { class: kind }));
  return create(
    "div",
    { class: "map" },
    create("p", { class: "panel-title" }, title),
    create(
      "table",
      { class: "weights", "aria-label": title },
      create("colgroup", {}, ...columns),
      create("thead", {}, create("tr", {}, create("td"), ...header, create("th", { class: "writes" }, writes))),
      create("tbody", {}, ...body),
    ),
  );
}

/** @param {number} weight */
const shortened = (weight) => (weight >= 0.95 ? "1" : weight.toFixed(1).replace(/^0/, ""));

/**
 * A layer as two matrices: what the score adds for a feature of the word that asks (row) and one of the word that is
 * found (column), and which feature is written where.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("./compute.js").Family} family
 * @param {import("./compute.js").Layer} layer
 */
export function formsOf(frame, family, { rules, value, slot }) {
  const reading = family.asks.map((ask, i) =>
    family.offers.map((offer, j) => {
      if (ask.kind !== offer.kind) return null;
      const here = rules.filter((rule) => rule.ask === i && rule.offer === j);
      return here.reduce((sum, { strength }) => sum + STRENGTHS[strength], 0);
    }),
  );
  const slots = family.slots.length ? family.slots.map(({ brief }) => brief) : ["output"];
  const writing = family.values.map((_, i) => slots.map((_, j) => Number(i === value && j === slot)));
  const brief = (/** @type {{brief: string}[]} */ list) => list.map((each) => each.brief);
  const title = (/** @type {string} */ text, /** @type {string} */ what) =>
    create("p", { class: "panel-title" }, text, create("small", {}, what));
  return create(
    "div",
    { class: "forms" },
    create(
      "div",
      {},
      title("Reads (QK)", "row asks, column is found: score"),
      formTable(frame, "Reads: row, a feature of the word that asks; column, of the other word", {
        rows: brief(family.asks),
        columns: brief(family.offers),
        values: reading,
        most: 8,
      }),
    ),
    create(
      "div",
      {},
      title("Writes (OV)", "from, to"),
      formTable(frame, "Writes: row, a feature of the word that is found; column, where it goes", {
        rows: brief(family.values),
        columns: slots,
        values: writing,
        most: 1,
      }),
    ),
  );
}

/** @param {import("../kit/frame.js").Frame} frame @param {string} label @param {{rows: string[], columns: string[], values: (number | null)[][], most: number}} shown */
function formTable(frame, label, { rows, columns, values, most }) {
  const header = columns.map((name) => create("th", { scope: "col" }, create("span", {}, name)));
  const body = rows.map((name, i) => {
    const cells = values[i].map((value) => {
      if (value === null) return create("td", { class: "none" });
      const fill = frame.colors.signed(value / most);
      const cell = create("td", { class: "cell" }, value ? written(value, 1) : "");
      cell.dataset.value = String(value);
      cell.style.backgroundColor = fill;
      cell.style.color = inkOn(fill);
      return cell;
    });
    return create("tr", {}, create("th", { scope: "row" }, name), ...cells);
  });
  return create(
    "table",
    { class: "form", "aria-label": label },
    create("colgroup", {}, create("col", { class: "name" }), ...columns.map(() => create("col"))),
    create("thead", {}, create("tr", {}, create("td"), ...header)),
    create("tbody", {}, ...body),
  );
}
