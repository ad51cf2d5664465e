// Points on a chart that are dragged with mouse or finger; the chosen one is moved with the arrow keys.

import { placeIn } from "./draw.js";
import { create } from "./frame.js";
import { written } from "./numbers.js";

const REACH = 24; // CSS pixels: the farthest that a finger may be from the point that it takes
const STEP = 0.05; // of an arrow key, in the units of the axes

/** @typedef {[number, number]} Point */

/**
 * Add points to a chart. One button stands for the chosen point, so that Tab passes all of them at once.
 * @param {ReturnType<typeof import("./chart.js").lineChart>} chart
 * @param {object} options
 * @param {() => Point[]} options.points
 * @param {() => number} options.chosen  index of a point
 * @param {import("./axes.js").Range} options.xRange  where a point may be
 * @param {import("./axes.js").Range} options.yRange
 * @param {(index: number) => {color: string, square?: boolean, says?: string}} options.look  of the chosen point; says:
 *   what a screen reader says of it, after its place
 * @param {(index: number) => void} options.onChoose
 * @param {(points: Point[]) => void} options.onMove  the chosen one has moved
 * @param {() => void} [options.onDelete]  of the chosen point
 */
export function pointLayer(chart, { points, chosen, xRange, yRange, look, onChoose, onMove, onDelete }) {
  const { area } = chart;
  const button = create("button", { type: "button", class: "handle" });
  /** @type {HTMLElement[]} */
  const grips = [];

  const inside = (/** @type {number} */ value, /** @type {import("./axes.js").Range} */ [low, high]) =>
    Math.round(100 * Math.min(Math.max(value, low), high)) / 100;
  const moveTo = (/** @type {number} */ x, /** @type {number} */ y) => {
    /** @type {Point} */
    const moved = [inside(x, xRange), inside(y, yRange)];
    onMove(points().map((point, i) => (i === chosen() ? moved : point)));
  };
  area.addEventListener("pointerdown", (event) => {
    if (![button, ...grips].some((node) => node === event.target)) return;
    const at = placeIn(area, event);
    const distances = points()
      .map(chart.placeOf)
      .map(([x, y]) => Math.hypot(x - at.x, y - at.y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (!(distances[nearest] <= REACH)) return;
    event.preventDefault();
    area.setPointerCapture(event.pointerId);
    button.focus({ preventScroll: true });
    if (nearest !== chosen()) onChoose(nearest);
  });
  area.addEventListener("pointermove", (event) => {
    if (area.hasPointerCapture(event.pointerId)) moveTo(...chart.valueAt(placeIn(area, event)));
  });
  /** @type {Record<string, number[]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  button.addEventListener("keydown", (event) => {
    const size = STEP * (event.shiftKey ? 5 : 1);
    const [all, i] = [points(), chosen()];
    if (event.key in arrows) moveTo(all[i][0] + arrows[event.key][0] * size, all[i][1] + arrows[event.key][1] * size);
    else if (event.key === "PageDown") onChoose((i + 1) % all.length);
    else if (event.key === "PageUp") onChoose((i + all.length - 1) % all.length);
    else if (event.key === "Delete" && onDelete) onDelete();
    else return;
    event.preventDefault();
  });
  area.append(button);

  /** Put the points where they are drawn. */
  return function place() {
    const [all, i] = [points(), chosen()];
    while (grips.length > all.length) grips.pop()?.remove();
    while (grips.length < all.length) {
      const grip = create("span", { class: "grip", "aria-hidden": "true" });
      grips.push(grip);
      button.before(grip);
    }
    all.forEach((point, n) => move(grips[n], chart.placeOf(point)));
    move(button, chart.placeOf(all[i]));
    const { color, square = false, says = "" } = look(i);
    button.style.setProperty("--handle", color);
    button.classList.toggle("square", square);
    const keys = `Arrow keys move it, Page Up and Page Down choose another${onDelete ? ", Delete removes it" : ""}.`;
    const [x, y] = all[i].map((value) => written(value));
    button.title = `Point ${i + 1} of ${all.length}: x ${x}, y ${y}${says}. ${keys}`;
    button.setAttribute("aria-label", button.title);
  };
}

function move(/** @type {HTMLElement} */ node, /** @type {Point} */ [x, y]) {
  node.style.left = `${x}px`;
  node.style.top = `${y}px`;
}
