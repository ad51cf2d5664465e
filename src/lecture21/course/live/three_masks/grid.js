// The grid that the reader paints: each row is the text as one position sees it.

import { create } from "../kit/frame.js";

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {(row: number, column: number, may: boolean) => void} onPaint
 */
export function paintedGrid(frame, onPaint) {
  const table = create("table", { class: "masks", "aria-label": "Rows: positions. Columns: what each of them sees." });
  /** @type {HTMLButtonElement[][]} */
  let cells = [];
  /** @type {HTMLElement[]} */
  let verdicts = [];
  let inputs = "";
  /** @type {boolean | null} */
  let brush = null; // while a finger or the mouse is down: what it paints

  const placeOf = (/** @type {EventTarget | null} */ node) => {
    const row = cells.findIndex((line) => line.includes(/** @type {HTMLButtonElement} */ (node)));
    return row < 0 ? null : { row, column: cells[row].indexOf(/** @type {HTMLButtonElement} */ (node)) };
  };
  const isOn = (/** @type {number} */ row, /** @type {number} */ column) =>
    cells[row][column].getAttribute("aria-pressed") === "true";

  table.addEventListener("pointerdown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.button) return;
    /** @type {Element} */ (event.target).releasePointerCapture(event.pointerId); // a finger moves on to other cells
    brush = !isOn(place.row, place.column);
    paint(place);
  });
  table.addEventListener("pointermove", (event) => {
    if (brush === null) return;
    const place = placeOf(frame.root.elementFromPoint(event.clientX, event.clientY));
    if (place && isOn(place.row, place.column) !== brush) paint(place);
  });
  const lift = () => (brush = null);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, lift);
  frame.onRemove(() => ["pointerup", "pointercancel"].forEach((name) => document.removeEventListener(name, lift)));
  table.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place && !event.detail) onPaint(place.row, place.column, !isOn(place.row, place.column)); // not by a pointer
  });
  table.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    const [down, right] =
      { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
    const next = place && down !== undefined && cells[place.row + down]?.[place.column + right];
    if (!next) return;
    event.preventDefault();
    focusable(next);
    next.focus();
  });

  function paint(/** @type {{row: number, column: number}} */ { row, column }) {
    focusable(cells[row][column]);
    onPaint(row, column, Boolean(brush));
  }

  /** Of the cells, Tab reaches one; the arrows reach the others. */
  function focusable(/** @type {HTMLButtonElement} */ cell) {
    for (const each of cells.flat()) each.tabIndex = each === cell ? 0 : -1;
  }

  function build(/** @type {string[]} */ words, /** @type {number} */ nSource) {
    cells = words.map(() => words.map(() => create("button", { type: "button", tabIndex: -1 })));
    verdicts = words.map(() => create("td", { class: "verdict" }));
    cells[0][0].tabIndex = 0;
    const body = words.map((word, i) =>
      create(
        "tr",
        { class: nSource && i === nSource ? "target" : "" },
        create("th", { scope: "row" }, word),
        ...cells[i].map((cell) => create("td", {}, cell)),
        verdicts[i],
      ),
    );
    table.replaceChildren(create("tbody", {}, ...body));
    inputs = words.join(" ");
  }

  return {
    node: table,
    /**
     * @param {object} shown
     * @param {string[]} shown.words
     * @param {number} shown.nSource  a line is drawn below so many rows
     * @param {boolean[][]} shown.mask
     * @param {boolean[][]} shown.reached  of `reach`
     * @param {{text: string, wrong: boolean}[]} shown.verdicts  of each row
     */
    update({ words, nSource, mask, reached, verdicts: said }) {
      if (inputs !== words.join(" ")) build(words, nSource);
      mask.forEach((row, i) => {
        row.forEach((may, j) => {
          const cell = cells[i][j];
          cell.textContent = words[j];
          cell.classList.toggle("unseen", !reached[i][j] || (!may && i === j));
          cell.setAttribute("aria-pressed", String(may));
          cell.setAttribute("aria-label", `${words[i]}, position ${i + 1}, sees ${words[j]}, position ${j + 1}`);
          cell.classList.toggle("own", i === j);
          cell.classList.toggle("indirect", !may && reached[i][j] && i !== j);
        });
        verdicts[i].textContent = said[i].text;
        verdicts[i].classList.toggle("wrong", said[i].wrong);
      });
    },
  };
}

export const STYLE = `
.masks { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 3px; touch-action: none; user-select: none; }
.masks :is(th, td) { padding: 0; border: 0; text-align: center; } .masks tbody th { width: 3.4rem; text-align: right; padding-right: 0.4rem;
  font-weight: 600; }
.masks td.verdict { width: 8.2rem; text-align: left; padding-left: 0.4rem; color: var(--note); line-height: 1.2; }
.masks td.verdict.wrong { color: var(--error); font-weight: 600; }
.masks tr.target > * { padding-top: 0.6rem; }
.masks button { display: block; width: 100%; height: 2.4rem; min-height: 0; padding: 0; border: 1px solid var(--line); border-radius: 4px; overflow: hidden;
  background-image: repeating-linear-gradient(135deg, transparent 0 6px, var(--line) 6px 7px); }
.masks button { cursor: pointer; } .masks button:hover { border-color: var(--ink); }
.masks button[aria-pressed="true"] { background-image: none; }
.masks button.unseen { color: var(--note); text-decoration: line-through; }
.masks button.indirect { border-style: dashed; border-color: var(--note); background-image: none; font-style: italic; }
.masks button.own { box-shadow: inset 0 -4px var(--ink); }
@container (max-width: 30rem) { .masks { font-size: 0.75rem; border-spacing: 1px; } .masks td.verdict { width: 2.9rem; padding-left: 0.15rem; }
  .masks button { font-size: 0.7rem; letter-spacing: -0.06em; height: 2.2rem; }
  .masks tbody th { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); } }
`;
