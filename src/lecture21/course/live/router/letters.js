// The letters of a text above the experts of a layer, and the lines between them.

import { inkOn } from "../kit/colors.js";
import { drawing, placeIn } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { NOBODY } from "./routing.js";

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
 * @typedef {object} Lines
 * @property {string[]} characters
 * @property {number[]} experts  of each character, from 0; NOBODY for none
 * @property {ArrayLike<number>} learned  the router's choice, without a change
 * @property {number} chosen  index of the character that can be sent elsewhere
 * @property {number} count  number of experts
 */

/**
 * Add letters, lines and experts to the stage of a figure.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{onLetter: (index: number) => void, onExpert: (expert: number) => void}} options
 */
export function routeLines(frame, { onLetter, onExpert }) {
  /** @type {Lines | null} */
  let lines = null;
  /** @type {HTMLElement[]} */
  let cells = [];
  /** @type {HTMLButtonElement[]} */
  let places = [];
  const colorOf = (/** @type {number} */ expert) =>
    expert === NOBODY ? frame.colors.line : [...frame.colors.series, frame.colors.masked][expert % 8];
  // One control for all letters, which are narrower than a finger: chosen with the pointer or the arrow keys.
  const letters = create("div", { class: "letters", role: "slider", tabIndex: 0, "aria-label": "Letter" });
  const choose = (/** @type {number} */ index) => onLetter(Math.min(Math.max(index, 0), cells.length - 1));
  letters.addEventListener("click", (event) => {
    choose(Math.floor((placeIn(letters, event).x / letters.offsetWidth) * cells.length));
  });
  letters.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !lines) return;
    event.preventDefault();
    choose(lines.chosen + step);
  });
  const experts = create("div", {
    class: "experts",
    role: "group",
    "aria-label": "Send the chosen letter to",
  });
  const target = drawing(frame, {
    title: "Each letter, and the expert that processes it",
    label: "A line from each letter to its expert",
    height: 120,
    full: true,
    draw,
  });
  target.area.before(letters);
  target.panel.append(experts);

  function draw(
    /** @type {CanvasRenderingContext2D} */ pen,
    /** @type {number} */ width,
    /** @type {number} */ height,
  ) {
    if (!lines) return;
    const { characters, experts, learned, chosen, count } = lines;
    const line = (/** @type {number} */ i, /** @type {number} */ expert) => {
      const from = ((i + 0.5) / characters.length) * width;
      const to = (((expert === NOBODY ? count : expert) + 0.5) / (count + 1)) * width;
      pen.beginPath();
      pen.moveTo(from, 0);
      pen.bezierCurveTo(from, height / 2, to, height / 2, to, height);
      pen.stroke();
    };
    const order = [...characters.keys()].sort((a, b) => Number(a === chosen) - Number(b === chosen)); // it is on top
    for (const i of order) {
      if (i === chosen && experts[i] !== learned[i]) {
        pen.lineWidth = 2;
        pen.strokeStyle = frame.colors.note;
        pen.setLineDash([5, 4]);
        line(i, learned[i]);
        pen.setLineDash([]);
      }
      if (i === chosen) {
        pen.lineWidth = 7;
        pen.strokeStyle = frame.colors.ink;
        line(i, experts[i]);
      }
      pen.lineWidth = i === chosen ? 4 : 1.5;
      pen.strokeStyle = colorOf(experts[i]);
      line(i, experts[i]);
    }
  }

  return {
    panel: target.panel,
    /** @param {Lines} next */
    update(next) {
      lines = next;
      const { characters, experts: to, chosen, count } = next;
      if (cells.length !== characters.length) {
        cells = characters.map(() => create("span", { class: "letter" }));
        letters.style.gridTemplateColumns = `repeat(${characters.length}, minmax(0, 1fr))`;
        letters.replaceChildren(...cells);
      }
      if (places.length !== count + 1) {
        places = Array.from({ length: count + 1 }, (_, e) =>
          create("button", { type: "button", class: "expert" }, e < count ? String(e + 1) : "none"),
        );
        places.forEach((place, e) => place.addEventListener("click", () => onExpert(e < count ? e : NOBODY)));
        experts.style.gridTemplateColumns = `repeat(${count + 1}, minmax(0, 1fr))`;
        experts.replaceChildren(...places);
      }
      cells.forEach((cell, i) => {
        cell.textContent = sign(characters[i]);
        cell.style.background = colorOf(to[i]);
        cell.style.color = inkOn(colorOf(to[i]));
        cell.classList.toggle("chosen", i === chosen);
        cell.dataset.expert = to[i] === NOBODY ? "none" : String(to[i] + 1);
      });
      const owner = to[chosen] === NOBODY ? "no expert" : `expert ${to[chosen] + 1}`;
      letters.setAttribute("aria-valuemin", "1");
      letters.setAttribute("aria-valuemax", String(characters.length));
      letters.setAttribute("aria-valuenow", String(chosen + 1));
      letters.setAttribute("aria-valuetext", `${sign(characters[chosen])}, ${owner}`);
      places.forEach((place, e) => {
        const expert = e < count ? e : NOBODY;
        place.style.background = colorOf(expert);
        place.style.color = inkOn(colorOf(expert));
        place.setAttribute("aria-pressed", String(to[chosen] === expert));
      });
      target.redraw();
    },
  };
}

export const STYLE = `
.control.wide { flex: 1 1 100%; } .wide input { width: 24rem; max-width: 100%; }
.letters, .experts { display: grid; gap: 1px; }
.letters { cursor: pointer; border-radius: 3px; } .letters:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.letter { min-width: 0; padding: 0.5rem 0; border-radius: 3px; overflow: hidden; font: 1rem/1 ui-monospace, monospace; text-align: center; }
.experts { gap: 4px; } .experts button { min-width: 0; min-height: 2rem; padding: 0; border: 0; border-radius: 3px; overflow: hidden; font-weight: 600; }
.letter.chosen, .experts [aria-pressed="true"] { outline: 3px solid var(--ink); outline-offset: -2px; }
.bars { --names: 11rem; } .bars .name { font-family: inherit; } .next { margin-top: 0.6rem; } .next + .bars { min-height: 3rem; }
@container (max-width: 36rem) { .letter { font-size: 0.8rem; } .experts button { font-size: 0.7rem; } .bars { --names: 8.5rem; } }
`;
