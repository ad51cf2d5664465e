// Small multiples: what each expert processes of the text. Pointing at one, or choosing it, keeps its letters in color.

import { inkOn } from "../kit/colors.js";
import { written } from "../kit/numbers.js";
import { create } from "../kit/frame.js";
import { sign } from "./letters.js";

const SHOWN = 6; // different letters of an expert

/**
 * Return the letters of each expert, the most frequent first.
 * @param {string[]} characters
 * @param {number[][]} experts  of each character, from 0
 * @param {number} count  number of experts
 * @returns {[string, number][][]}  pairs of a letter and how often the expert processes it
 */
export function lettersOf(characters, experts, count) {
  return Array.from({ length: count }, (_, expert) => {
    /** @type {Map<string, number>} */
    const found = new Map();
    characters.forEach((each, i) => {
      if (experts[i].includes(expert)) found.set(each, (found.get(each) ?? 0) + 1);
    });
    return [...found].sort(([, a], [, b]) => b - a);
  });
}

/**
 * Add a tile for each expert.
 * @param {Element} parent
 * @param {{onPoint: (expert: number) => void, onChoose: (expert: number) => void}} options
 *   onPoint: called with -1 when the mouse leaves an expert
 */
export function expertTiles(parent, { onPoint, onChoose }) {
  const field = create("div", { class: "experts", role: "group", "aria-label": "Experts" });
  parent.append(field);
  /** @type {HTMLButtonElement[]} */
  let tiles = [];

  function build(/** @type {number} */ count) {
    tiles = Array.from({ length: count }, (_, expert) => {
      const tile = create("button", { type: "button", class: "expert" });
      tile.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && onPoint(expert));
      tile.addEventListener("pointerleave", () => onPoint(-1));
      tile.addEventListener("click", () => onChoose(expert));
      return tile;
    });
    field.replaceChildren(...tiles);
  }

  return {
    /**
     * @param {[string, number][][]} letters  of `lettersOf`
     * @param {number[]} load  share of the work of each expert
     * @param {(expert: number) => string} color
     * @param {number} chosen  or -1
     */
    update(letters, load, color, chosen) {
      if (tiles.length !== letters.length) build(letters.length);
      tiles.forEach((tile, expert) => {
        const name = create("b", {}, String(expert + 1));
        name.style.background = color(expert);
        name.style.color = inkOn(color(expert));
        const bar = create("span", { class: "load" });
        bar.style.width = `${100 * load[expert]}%`;
        bar.style.background = color(expert);
        const own = letters[expert].slice(0, SHOWN).map(([each, times]) => {
          const letter = create("span", {}, sign(each));
          letter.style.fontSize = `${Math.min(1.5, 0.8 + times / 14)}rem`; // frequent letters are large
          return letter;
        });
        const share = create("span", { class: "share" }, `${written(100 * load[expert], 0)} %`);
        tile.replaceChildren(
          create("span", { class: "head" }, name, share),
          bar,
          create("span", { class: "own" }, ...(own.length ? own : ["–"])),
        );
        tile.setAttribute("aria-pressed", String(expert === chosen));
      });
    },
  };
}

export const EXPERT_STYLE = `
.experts { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.7rem, 1fr)); gap: 0.4rem; }
.expert { display: flex; flex-direction: column; gap: 0.15rem; padding: 0.3rem; min-height: 4.4rem; text-align: left; }
.expert[aria-pressed="true"] { background: var(--paper); color: var(--ink); outline: 3px solid var(--ink); outline-offset: -2px; }
.expert .head { display: flex; justify-content: space-between; font-size: 0.8rem; }
.expert b { padding: 0 0.4rem; border-radius: 3px; } .expert .load { height: 5px; border-radius: 2px; }
.expert .own { display: flex; flex-wrap: wrap; gap: 0 0.3rem; align-items: baseline; font-family: ui-monospace, monospace; line-height: 1.15; }
.letter.dim { background: none !important; color: var(--note) !important; }
`;
