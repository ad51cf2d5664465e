// A text whose characters have the color and the number of the expert that processes them.

import { inkOn } from "../kit/colors.js";
import { create } from "../kit/frame.js";

/** @type {Record<string, string>} */
const SIGNS = { " ": "␣", "\n": "⏎", "\t": "⇥" };

/**
 * Return a character as it is shown.
 * @param {string} character
 */
export function sign(character) {
  return SIGNS[character] ?? character;
}

/**
 * Add a text to a panel, and return the functions that fill it and mark one of its characters.
 * @param {Element} parent
 * @param {(index: number) => void} onPoint  called with the character that mouse or finger points to
 */
export function letterField(parent, onPoint) {
  const field = create("div", { class: "letters", role: "img", "aria-label": "The text, colored by expert" });
  /** @type {HTMLElement[]} */
  let cells = [];
  /** @type {number[][]} */
  let owners = [];
  let marked = -1;
  const point = (/** @type {PointerEvent} */ event) => {
    const letter = /** @type {Element} */ (event.target).closest(".letter");
    const index = cells.findIndex((cell) => cell === letter);
    if (index >= 0 && index !== marked) onPoint(index);
  };
  field.addEventListener("pointerover", point);
  parent.append(field);
  return {
    /**
     * @param {string[]} characters
     * @param {number[][]} experts  of each character, from 0, the best first
     * @param {(expert: number) => string} color
     */
    fill(characters, experts, color) {
      cells = characters.map((character, i) => {
        const numbers = experts[i].map((expert) => expert + 1).join("+");
        const cell = create("span", { class: "letter" }, sign(character), create("small", {}, numbers));
        cell.style.background = color(experts[i][0]);
        cell.style.color = inkOn(color(experts[i][0]));
        return cell;
      });
      owners = experts;
      field.replaceChildren(...cells.flatMap((cell, i) => (characters[i] === "\n" ? [cell, create("br")] : [cell])));
      marked = -1;
    },
    /** Keep the letters of one expert in color; -1: of all. */
    show(/** @type {number} */ expert) {
      cells.forEach((cell, i) => cell.classList.toggle("dim", expert >= 0 && !owners[i].includes(expert)));
    },
    /** @param {number} index */
    mark(index) {
      cells[marked]?.classList.remove("marked");
      marked = index;
      cells[index]?.classList.add("marked");
    },
  };
}

export const STYLE = `
.letters { line-height: 1; cursor: default; }
.letter { display: inline-flex; flex-direction: column; align-items: center; min-width: 1.05rem; padding: 0.15rem 0.1rem; margin: 0 1px 2px 0;
  border-radius: 3px; font: 1rem/1.1 ui-monospace, monospace; vertical-align: top; }
.letter small { font: 0.75rem/1 system-ui, sans-serif; }
.letter.marked { outline: 3px solid var(--ink); outline-offset: -1px; }
.controls > .control:has(textarea) { flex: 1 1 100%; }
`;
