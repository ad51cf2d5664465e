// The two stacks as buttons, from bottom to top as in the paper, and the masks of the three attentions.

import { create } from "../kit/frame.js";
import { FILLED, HIDDEN, PIECES, PREDICTED, SOURCE, TARGET, may, nameOf } from "./pieces.js";

/** The place of each piece: column and row of the grid. */
const PLACES = [
  [1, 6], [1, 5], [1, 4], [3, 6], [3, 5], [3, 4], [3, 3], [3, 2],
]; // prettier-ignore

/**
 * Put a node into the grid.
 * @template {HTMLElement} Node
 * @param {Node} node
 * @param {number} column
 * @param {string | number} row
 */
function place(node, column, row) {
  node.style.gridColumn = String(column);
  node.style.gridRow = String(row);
  return node;
}

/**
 * @typedef {object} Shown
 * @property {number} placed  how many pieces there are
 * @property {number} piece  the one that is explained
 * @property {(piece: number) => boolean} isOut  whether a piece is crossed out
 * @property {boolean} isBert  whether the encoder alone is left
 */

/**
 * @param {(piece: number) => void} onPress
 * @param {(piece: number) => void} onPoint  at a piece of the whole, with the mouse or the keyboard
 */
export function stacks(onPress, onPoint) {
  const words = (/** @type {number} */ column, /** @type {number} */ row) =>
    place(create("p", { class: "words" }), column, row);
  let isWhole = false;
  const [reads, writes, predicts] = [words(1, 7), words(3, 7), words(3, 1)];
  const pieces = PIECES.map(({ name }, i) => {
    const node = create("button", { type: "button", class: "piece" }, name);
    node.addEventListener("click", () => onPress(i + 1));
    for (const act of ["focus", "pointerenter"]) node.addEventListener(act, () => isWhole && onPoint(i + 1));
    return place(node, PLACES[i][0], PLACES[i][1]);
  });
  const memory = place(create("p", { class: "memory" }, "keys, values"), 2, 4);
  const blocks = [
    place(create("p", { class: "block" }, "× 6"), 1, "4 / 6"),
    place(create("p", { class: "block" }, "× 6"), 3, "3 / 6"),
  ];
  const node = create("div", { class: "stacks" }, ...blocks, reads, writes, memory, ...pieces, predicts);
  return {
    node,
    focus: (/** @type {number} */ piece) => pieces[piece - 1].focus({ preventScroll: true }),
    update(/** @type {Shown} */ { placed, piece, isOut, isBert }) {
      isWhole = placed === PIECES.length;
      node.classList.toggle("whole", isWhole);
      pieces.forEach((button, i) => {
        const isThere = i < placed;
        button.disabled = !isThere;
        button.classList.toggle("out", isOut(i + 1));
        const isChosen = piece === i + 1;
        button.classList.toggle("chosen", isChosen);
        if (isWhole) button.removeAttribute("aria-pressed");
        else button.setAttribute("aria-pressed", String(isChosen));
        button.setAttribute("aria-label", `${nameOf(i + 1)}${isOut(i + 1) ? ", crossed out" : ""}`);
      });
      const [stack, output] = [isBert ? 1 : 3, isBert ? 3 : 2];
      place(pieces[7], stack, output);
      place(predicts, stack, output - 1);
      memory.classList.toggle("gone", placed < 6 || isOut(6) || [1, 2, 3].every(isOut));
      reads.textContent = isOut(1) ? "" : (isBert ? HIDDEN : SOURCE).join(" ");
      writes.textContent = placed < 4 || isOut(4) ? "" : TARGET.join(" ");
      predicts.textContent = placed < 8 || isOut(8) ? "" : (isBert ? FILLED : PREDICTED).join(" ");
    },
  };
}

/** The masks: that of the encoder, and the two of the decoder, in one row for each word that is predicted. */
export function masks() {
  /** @type {Map<number, HTMLElement[]>} */
  const parts = new Map([2, 5, 6].map((piece) => [piece, []]));
  const part = (/** @type {number} */ piece, /** @type {HTMLElement} */ node) => {
    /** @type {HTMLElement[]} */ (parts.get(piece)).push(node);
    return node;
  };
  const table = (
    /** @type {string} */ label,
    /** @type {string[]} */ rows,
    /** @type {{piece: number, title: string, keys: string[]}[]} */ groups,
  ) => {
    const gap = (/** @type {number} */ g) => (g ? [create("td", { class: "gap" })] : []);
    const titles = groups.flatMap(({ piece, title, keys }, g) => [
      ...gap(g),
      part(piece, create("th", { class: "over", colSpan: keys.length, scope: "colgroup" }, title)),
    ]);
    const names = groups.flatMap(({ piece, keys }, g) => [
      ...gap(g),
      ...keys.map((key) => part(piece, create("th", { class: "key", scope: "col" }, create("span", {}, key)))),
    ]);
    const body = rows.map((row, i) =>
      create(
        "tr",
        {},
        create("th", { scope: "row" }, row),
        ...groups.flatMap(({ piece, keys }, g) => [
          ...gap(g),
          ...keys.map((_, j) => {
            const sees = may(piece, i, j);
            const word = create("span", { class: "hidden" }, sees ? "sees" : "hidden");
            return part(piece, create("td", { class: sees ? "cell" : "cell unseen" }, word));
          }),
        ]),
      ),
    );
    const head = create(
      "thead",
      {},
      create("tr", {}, create("td", {}), ...titles),
      create("tr", {}, create("td", {}), ...names),
    );
    return create("table", { class: "masks", "aria-label": label }, head, create("tbody", {}, ...body));
  };
  const predicted = PREDICTED.map((word) => `→ ${word === "<eos>" ? "end" : word}`);
  const encoder = table("Mask of the encoder", SOURCE, [
    { piece: 2, title: "encoder: softmax over the source", keys: SOURCE },
  ]);
  const decoder = table("Masks of the decoder", predicted, [
    { piece: 5, title: "softmax over the target", keys: TARGET },
    { piece: 6, title: "softmax over the source", keys: SOURCE },
  ]);
  return {
    node: create("div", { class: "both" }, encoder, decoder),
    update(/** @type {Shown} */ { placed, piece, isOut }) {
      for (const [each, nodes] of parts) {
        for (const node of nodes) {
          node.classList.toggle("absent", each > placed);
          node.classList.toggle("out", isOut(each));
          node.classList.toggle("chosen", each === piece);
        }
      }
      decoder.hidden = placed < 5;
      encoder.classList.toggle("gone", isOut(2));
      decoder.classList.toggle("gone", isOut(5) && isOut(6));
    },
  };
}

export const STYLE = `
.stacks { display: grid; grid-template-columns: 1fr 3.6rem 1fr; grid-template-rows: repeat(7, auto); gap: 1rem 0; align-items: center; max-width: 26rem; }
.stacks p { margin: 0; text-align: center; z-index: 1; }
.words { font-size: 0.9rem; min-height: 1.25em; color: var(--note); line-height: 1.25; }
.piece { position: relative; z-index: 1; min-height: 2.4rem; padding: 0.15rem 0.3rem; line-height: 1.1; margin: 0 0.4rem; }
.piece::after { content: ""; position: absolute; left: 50%; bottom: 100%; height: 1rem; border-left: 2px solid var(--note); }
.piece:disabled { border-style: dashed; color: transparent; opacity: 1; } .piece:disabled::after { opacity: 0.3; }
.piece.out { text-decoration: line-through 2px; color: var(--note); border-style: dashed; }
.whole .piece::before { content: "✕" / ""; position: absolute; right: 0.25rem; top: 0.1rem; font-size: 0.7rem; line-height: 1; color: var(--error); } .whole .piece.out::before { content: "↺" / ""; color: var(--right); }
.whole .piece.chosen { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.stacks .block { align-self: stretch; border: 1px dashed var(--line); border-radius: 8px; margin: -0.85rem 0 -0.4rem; z-index: 0; font-size: 0.75rem;
  color: var(--note); text-align: right; padding: 0.05rem 0.3rem; line-height: 1; }
.stacks .memory { position: relative; align-self: center; font-size: 0.7rem; line-height: 1; color: var(--right); height: 2.4rem; }
.memory::before { content: ""; position: absolute; left: -0.4rem; right: -0.1rem; top: 50%; border-top: 2px solid; margin-top: 0.5rem; }
.memory::after { content: ""; position: absolute; right: -0.4rem; top: 50%; margin-top: calc(0.5rem - 4px); border: 5px solid transparent; border-left-color: currentColor; border-right: 0; }
.memory.gone { visibility: hidden; }
.shapes { margin: 0 0 0.6rem; } .shapes td:last-child { white-space: nowrap; }
.both { display: flex; flex-wrap: wrap; gap: 0.8rem 1.4rem; align-items: end; }
@container (min-width: 36.01rem) { .about { order: 1; flex-basis: 100%; } .shapes tbody { display: flex; flex-wrap: wrap; gap: 0 1.2rem; } .shapes td { border: 0; padding: 0.1rem 0.5rem 0.1rem 0; } }
.masks { border-collapse: separate; border-spacing: 2px; font-size: 0.8rem; } .masks :is(th, td) { border: 0; padding: 0; text-align: center; font-weight: 400; }
.masks tbody th { text-align: right; padding-right: 0.35rem; white-space: nowrap; }
.masks .over { font-size: 0.75rem; line-height: 1.1; padding-bottom: 0.2rem; vertical-align: bottom; } .masks .gap { width: 0.5rem; }
.masks .key span { writing-mode: vertical-rl; transform: rotate(180deg); line-height: 1.1; }
.masks .cell { width: 1.55rem; height: 1.55rem; border-radius: 3px; background: var(--series-0); }
.masks .cell.unseen { background: repeating-linear-gradient(135deg, transparent 0 5px, var(--line) 5px 6px); box-shadow: inset 0 0 0 1px var(--line); }
.masks .chosen.over { font-weight: 700; } .masks .cell.chosen:not(.unseen) { background: var(--series-1); }
.masks .absent { visibility: hidden; } .masks.gone tbody th { color: var(--note); text-decoration: line-through; } .masks .out { text-decoration: line-through; color: var(--note); } .masks .cell.out { opacity: 0.15; }
.holds { min-height: 3em; margin: 0; }
@container (max-width: 30rem) { .stacks { grid-template-columns: 1fr 2.9rem 1fr; gap: 0.8rem 0; }
  .piece { font-size: 0.8rem; margin: 0 0.25rem; min-height: 2.1rem; } .piece::after { height: 0.8rem; } .words { font-size: 0.75rem; }
  .both { gap: 0.6rem; } .masks { font-size: 0.75rem; } .masks .cell { width: 1.2rem; height: 1.2rem; } .holds { min-height: 6em; } }
`;
