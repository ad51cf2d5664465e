// A matrix as a table: colored cells with numbers, which can be edited if asked for, and rows that can be chosen.

import { inkOn } from "./colors.js";
import { create } from "./frame.js";
import { written } from "./numbers.js";

/** The style of these tables; a figure that has some adds it once to its root. */
export const MATRIX_STYLE = `
.matrix { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 0; font-size: 0.8rem; line-height: 1.2; }
.matrix :is(th, td) { padding: 0; border: 0; text-align: center; font-weight: 400; }
.matrix col.axis { width: 1.05rem; } .matrix col.name { width: 2.75rem; } .matrix col.sum { width: 2.2rem; }
.matrix thead :is(th, td) { height: 1.35rem; color: var(--note); font-size: 0.75rem; white-space: nowrap; }
.matrix th.axis { color: var(--axis, var(--note)); font-size: 0.8rem; }
.matrix tbody th.axis span { writing-mode: vertical-rl; transform: rotate(180deg); }
.matrix tbody th.name { text-align: right; padding-right: 0.35rem; white-space: nowrap; }
.matrix .word { min-height: 1.6rem; padding: 0 0.3rem; border-color: transparent; background: none; font-size: 0.85rem; line-height: 1.2; }
.matrix .word[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
.matrix td.cell { position: relative; height: 2.1rem; border: 1px solid var(--line); border-width: 0 1px 1px 0; transition: background-color 0.25s;
  font-variant-numeric: tabular-nums; }
.matrix tbody tr:first-child td.cell { border-top-width: 1px; } .matrix td.first { border-left-width: 1px; }
.matrix td.masked { color: var(--note); background-image: repeating-linear-gradient(135deg, transparent 0 5px, var(--line) 5px 6px); }
.matrix td.on { box-shadow: inset 0 2.5px var(--row), inset 0 -2.5px var(--row); }
.matrix td.on.first { box-shadow: inset 0 2.5px var(--row), inset 0 -2.5px var(--row), inset 2.5px 0 var(--row); }
.matrix td.on.last { box-shadow: inset 0 2.5px var(--row), inset 0 -2.5px var(--row), inset -2.5px 0 var(--row); }
.matrix td.leak::before { content: ""; position: absolute; inset: 3px; border: 2.5px solid var(--leak); pointer-events: none; }
.matrix :is(td, thead th).long { font-size: 0.66rem; letter-spacing: -0.03em; }
.matrix td.leak::after { content: ""; position: absolute; right: 0; top: 0; border: 0.35rem solid;
  border-color: var(--leak) var(--leak) transparent transparent; }
.matrix td.sum { padding-left: 0.2rem; color: var(--note); } .matrix td.sum.wrong { color: var(--error); font-weight: 600; }
.matrix input { width: 100%; height: 2.05rem; min-height: 0; padding: 0; border: 0; border-radius: 0; background: none; color: inherit; font-size: 0.8rem;
  text-align: center; appearance: textfield; cursor: text; }
.matrix input::-webkit-inner-spin-button { appearance: none; margin: 0; }
.matrix input:hover { box-shadow: inset 0 0 0 1.5px currentColor; } .matrix input:focus-visible { outline-offset: -3px; }
@container (max-width: 36rem) { .matrix tr.room { display: none; } }
.matrix input[aria-invalid="true"] { box-shadow: inset 0 0 0 2.5px var(--error); }
`;

/**
 * Add a matrix to a part of a figure.
 * @param {import("./frame.js").Frame} frame
 * @param {Element} parent
 * @param {object} options
 * @param {string} options.label  what it is, for screen readers
 * @param {string[]} options.rows  names
 * @param {string[]} options.columns  names
 * @param {string} [options.rowTitle]  such as "query"
 * @param {string} [options.columnTitle]  such as "key"; a space keeps the room of a title
 * @param {[string, string]} [options.roles]  whose colors the titles of rows and columns have
 * @param {boolean} [options.sums]  whether the sum of each row is shown beside it
 * @param {number} [options.limit]  of the absolute values that can be typed, where the cells can be edited
 * @param {((row: number, column: number, value: number) => void) | null} [options.onEdit]  makes the cells editable
 * @param {((row: number) => void) | null} [options.onRow]  makes the names of the rows buttons
 */
export function matrix(frame, parent, options) {
  const {
    label,
    rows,
    columns,
    rowTitle = "",
    columnTitle = "",
    roles = ["query", "key"],
    sums = false,
    limit = 9,
    onEdit = null,
    onRow = null,
  } = options;
  const columnNames = columns.map((name) =>
    create("th", { scope: "col", className: name.length > 3 ? "long" : "" }, name),
  );
  /** Write into a cell, smaller where its width may not do. */
  const write = (/** @type {HTMLElement} */ node, /** @type {string} */ text, /** @type {number} */ most) => {
    node.textContent = text;
    node.classList.toggle("long", text.length > most);
  };
  const cells = rows.map((row, i) => columns.map((column, j) => cellFor(row, column, i, j)));
  const sumCells = rows.map(() => create("td", { class: "sum" }));
  const buttons = rows.map((name, i) => {
    if (!onRow) return null;
    const button = create("button", { type: "button", class: "word" }, name);
    button.addEventListener("click", () => onRow(i));
    return button;
  });
  const lead = (rowTitle ? 1 : 0) + 1;
  const groups = [...(rowTitle ? ["axis"] : []), "name", ...columns.map(() => ""), ...(sums ? ["sum"] : [])];
  const head = [
    create(
      "tr",
      {},
      create("td", { colSpan: lead }),
      ...columnNames,
      ...(sums ? [create("th", { scope: "col" }, "sum")] : []),
    ),
  ];
  if (columnTitle) {
    const properties = { class: "axis", colSpan: columns.length };
    const title = columnTitle.trim()
      ? create("th", { ...properties, scope: "colgroup" }, columnTitle)
      : create("td", properties);
    title.style.setProperty("--axis", `var(--${roles[1]})`);
    const kind = columnTitle.trim() ? "titled" : "room"; // the room of a title, where tables stand side by side
    head.unshift(create("tr", { class: kind }, create("td", { colSpan: lead }), title));
  }
  const body = rows.map((name, i) => {
    const line = create(
      "tr",
      {},
      create("th", { class: "name", scope: "row" }, buttons[i] ?? name),
      ...cells[i].map(({ node }) => node),
    );
    if (sums) line.append(sumCells[i]);
    if (rowTitle && i === 0) {
      const title = create(
        "th",
        { class: "axis", scope: "rowgroup", rowSpan: rows.length },
        create("span", {}, rowTitle),
      );
      title.style.setProperty("--axis", `var(--${roles[0]})`);
      line.prepend(title);
    }
    return line;
  });
  const table = create(
    "table",
    { class: "matrix", "aria-label": label },
    create("colgroup", {}, ...groups.map((kind) => create("col", { class: kind }))),
    create("thead", {}, ...head),
    create("tbody", {}, ...body),
  );
  parent.append(table);

  /** @type {(row: string, column: string, i: number, j: number) => {node: HTMLElement, input: HTMLInputElement | null, show?: (value: number) => void}} */
  function cellFor(row, column, i, j) {
    const node = create("td", { class: "cell" });
    if (!onEdit) return { node, input: null };
    const input = create("input", {
      type: "number",
      step: "any",
      min: -limit,
      max: limit,
      "aria-label": `${label}: ${row}, ${column}`,
    });
    let current = 0;
    const take = () => {
      const found = input.value.trim() === "" ? NaN : Number(input.value);
      const right = Math.abs(found) <= limit;
      input.setAttribute("aria-invalid", String(!right));
      frame.fail(right ? "" : `A number here must be from ${written(-limit)} to ${limit}.`);
      if (right) onEdit(i, j, found);
    };
    input.addEventListener("input", take);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 0.5, ArrowDown: -0.5 }[event.key];
      if (!step) return;
      event.preventDefault();
      input.value = String(Math.max(-limit, Math.min(limit, Number((current + step).toFixed(6)))));
      take();
    });
    input.addEventListener("blur", () => {
      if (input.getAttribute("aria-invalid") === "true") frame.fail("");
      input.setAttribute("aria-invalid", "false");
      input.value = String(Number(current.toFixed(3)));
    });
    node.append(input);
    const show = (/** @type {number} */ value) => {
      current = value;
      if (frame.root.activeElement !== input) input.value = String(Number(value.toFixed(3)));
      else if (Number(input.value) !== value && input.getAttribute("aria-invalid") !== "true")
        input.value = String(value);
    };
    return { node, input, show };
  }

  /**
   * Show numbers.
   * @param {object} shown
   * @param {number[][]} shown.values
   * @param {(value: number) => string} shown.color  of a cell, #RRGGBB
   * @param {(value: number) => string} [shown.text]  three or four digits if it is not given
   * @param {number} [shown.row]  the chosen row, which is outlined
   * @param {(row: number, column: number) => boolean} [shown.masked]  hatched
   * @param {(row: number, column: number) => boolean} [shown.leak]  outlined as a leak
   */
  function update({
    values,
    color,
    text = (value) => written(value, Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0),
    row = -1,
    masked = () => false,
    leak = () => false,
  }) {
    cells.forEach((line, i) => {
      buttons[i]?.setAttribute("aria-pressed", String(i === row));
      line.forEach(({ node, show }, j) => {
        const value = values[i][j];
        const fill = masked(i, j) || Number.isNaN(value) ? frame.colors.paper : color(value);
        node.dataset.value = String(value);
        node.style.backgroundColor = fill;
        node.style.color = masked(i, j) ? "" : inkOn(fill);
        node.classList.toggle("masked", masked(i, j));
        node.classList.toggle("leak", leak(i, j));
        node.classList.toggle("on", i === row);
        node.classList.toggle("first", j === 0);
        node.classList.toggle("last", j === columns.length - 1);
        if (show) show(value);
        else write(node, text(value), 4);
      });
      if (!sums) return;
      const total = values[i].reduce((sum, value) => sum + value, 0);
      sumCells[i].textContent = written(total);
      sumCells[i].dataset.value = String(total);
      sumCells[i].classList.toggle("wrong", !(Math.abs(total - 1) < 1e-9));
    });
  }
  return { node: table, update };
}
