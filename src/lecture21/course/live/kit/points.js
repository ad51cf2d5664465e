// Points on a chart that are dragged with mouse or finger; the chosen one is moved with the arrow keys.

import { placeIn } from "./draw.js";
import { create } from "./frame.js";

const REACH = 24; // CSS pixels: the farthest that a finger may be from the point that it takes

/**
 * Add a layer of points to a drawing. One button stands for the chosen point, so that Tab passes all of them at once.
 * @param {import("./draw.js").Target} target
 * @param {object} options
 * @param {(index: number) => void} options.onSelect
 * @param {(place: {x: number, y: number}) => void} options.onDrag  of the chosen point, in CSS pixels of the drawing
 * @param {(dx: number, dy: number) => void} options.onArrow  of the chosen point, in steps, y upwards
 * @param {() => void} [options.onDelete]  of the chosen point
 */
export function pointLayer(target, { onSelect, onDrag, onArrow, onDelete }) {
  const { area } = target;
  const button = create("button", { type: "button", class: "handle" });
  /** @type {HTMLElement[]} */
  const grips = [];
  /** @type {[number, number][]} */
  let places = [];
  let chosen = 0;

  const inArea = (/** @type {PointerEvent} */ event) => placeIn(area, event);
  const onDown = (/** @type {PointerEvent} */ event) => {
    if (![button, ...grips].some((node) => node === event.target)) return;
    const at = inArea(event);
    const distances = places.map(([x, y]) => Math.hypot(x - at.x, y - at.y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (!(distances[nearest] <= REACH)) return;
    event.preventDefault();
    area.setPointerCapture(event.pointerId);
    button.focus({ preventScroll: true });
    if (nearest !== chosen) onSelect(nearest);
  };
  area.addEventListener("pointerdown", onDown);
  area.addEventListener("pointermove", (event) => {
    if (area.hasPointerCapture(event.pointerId)) onDrag(inArea(event));
  });
  /** @type {Record<string, number[]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  button.addEventListener("keydown", (event) => {
    const size = event.shiftKey ? 5 : 1;
    if (event.key in arrows) onArrow(arrows[event.key][0] * size, arrows[event.key][1] * size);
    else if (event.key === "PageDown") onSelect((chosen + 1) % places.length);
    else if (event.key === "PageUp") onSelect((chosen + places.length - 1) % places.length);
    else if (event.key === "Delete" && onDelete) onDelete();
    else return;
    event.preventDefault();
  });
  area.append(button);

  return {
    button,
    /**
     * Put the points where they are drawn.
     * @param {[number, number][]} next  in CSS pixels of the drawing
     * @param {number} index  the chosen point
     * @param {string} color  of its dot
     * @param {string} name  of the chosen point, for screen readers
     * @param {boolean} square  whether the chosen point is drawn as a square
     */
    place(next, index, color, name, square) {
      [places, chosen] = [next, index];
      while (grips.length > next.length) grips.pop()?.remove();
      while (grips.length < next.length) {
        const grip = create("span", { class: "grip", "aria-hidden": "true" });
        grips.push(grip);
        button.before(grip);
      }
      grips.forEach((grip, i) => move(grip, next[i]));
      move(button, next[index]);
      button.style.setProperty("--handle", color);
      button.classList.toggle("square", square);
      if (button.title !== name) {
        button.title = name;
        button.setAttribute("aria-label", name);
      }
    },
  };
}

function move(/** @type {HTMLElement} */ node, /** @type {[number, number]} */ [x, y]) {
  node.style.left = `${x}px`;
  node.style.top = `${y}px`;
}
