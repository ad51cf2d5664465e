// The image of a digit and the grid of its patches: the reader draws with the mouse, a finger or the keyboard.

import { interpolate } from "../kit/colors.js";
import { drawing } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { PATCH, SIDE } from "./reader.js";

const INK = 16;

/**
 * Return the color of a count of ink.
 * @param {import("../kit/colors.js").Colors} colors
 * @param {number} count  from 0 to 16
 */
export function gray(colors, count) {
  return interpolate([colors.paper, colors.ink], count / INK);
}

/**
 * Add the image to the stage.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{pixels: () => number[], onStroke: () => void, onPaint: (inks: Map<number, number>) => void}} options
 *   onStroke: a pointer begins a stroke; onPaint: pixels get other counts of ink
 */
export function picture(frame, { pixels, onStroke, onPaint }) {
  let cursor = 0; // the pixel of the keyboard
  /** Where the pen was. @type {number[] | null} */
  let last = null;

  const target = drawing(frame, {
    label: "The image with the grid of its patches",
    height: (width) => width,
    draw(pen, width) {
      const cell = width / SIDE;
      pixels().forEach((count, i) => {
        pen.fillStyle = gray(frame.colors, count);
        pen.fillRect((i % SIDE) * cell, Math.floor(i / SIDE) * cell, cell + 0.5, cell + 0.5);
      });
      pen.lineWidth = 1.5;
      pen.strokeStyle = frame.colors.key;
      pen.beginPath();
      for (let at = 0; at <= SIDE; at += PATCH) {
        const place = Math.min(Math.max(at * cell, 0.75), width - 0.75);
        pen.moveTo(place, 0);
        pen.lineTo(place, width);
        pen.moveTo(0, place);
        pen.lineTo(width, place);
      }
      pen.stroke();
      if (node.matches(":focus-visible")) {
        pen.lineWidth = 2;
        pen.strokeStyle = frame.colors.output;
        pen.strokeRect((cursor % SIDE) * cell + 2, Math.floor(cursor / SIDE) * cell + 2, cell - 4, cell - 4);
      }
    },
  });
  target.panel.classList.add("picture");
  const node = create("button", { type: "button", class: "pen" });
  target.area.append(node);

  /** Where an event is, in pixels of the image. */
  function at(/** @type {MouseEvent} */ event) {
    const box = target.area.getBoundingClientRect();
    const place = (/** @type {number} */ value) => Math.min(Math.max(value * SIDE, 0), SIDE - 0.01);
    return [place((event.clientX - box.left) / box.width), place((event.clientY - box.top) / box.height)];
  }

  /** Draw a soft stroke from where the pen was. */
  function stroke(/** @type {number[]} */ to) {
    const from = last ?? to;
    last = to;
    /** @type {Map<number, number>} */
    const inks = new Map();
    for (let step = 0; step <= 6; step++) {
      const [x, y] = [0, 1].map((axis) => from[axis] + (step / 6) * (to[axis] - from[axis]));
      for (let pixel = 0; pixel < SIDE ** 2; pixel++) {
        const distance = Math.hypot((pixel % SIDE) + 0.5 - x, Math.floor(pixel / SIDE) + 0.5 - y);
        const ink = Math.round(INK * Math.min(1, Math.max(0, 1.3 - 1.2 * distance)));
        if (ink > Math.max(pixels()[pixel], inks.get(pixel) ?? 0)) inks.set(pixel, ink);
      }
    }
    if (inks.size) onPaint(inks);
  }

  const opposite = (/** @type {number} */ pixel) => (pixels()[pixel] < INK / 2 ? INK : 0);

  function name() {
    const [row, column] = [Math.floor(cursor / SIDE) + 1, (cursor % SIDE) + 1];
    const ink = `ink ${pixels()[cursor]} of ${INK}`;
    const label = `Pixel in row ${row}, column ${column}: ${ink}. Arrow keys move, Space draws or erases.`;
    node.setAttribute("aria-label", label);
  }

  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    last = null;
    onStroke();
    stroke(at(event));
  });
  node.addEventListener("pointermove", (event) => {
    if (node.hasPointerCapture(event.pointerId)) stroke(at(event));
  });
  node.addEventListener("click", (event) => {
    if (!event.detail) onPaint(new Map([[cursor, opposite(cursor)]])); // a pointer has drawn already
  });
  node.addEventListener("keydown", (event) => {
    /** @type {Record<string, number[]>} */
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const row = Math.min(Math.max(Math.floor(cursor / SIDE) + move[0], 0), SIDE - 1);
    const column = Math.min(Math.max((cursor % SIDE) + move[1], 0), SIDE - 1);
    cursor = row * SIDE + column;
    name();
    target.redraw();
  });
  for (const event of ["focus", "blur"]) node.addEventListener(event, target.redraw);

  return {
    panel: target.panel,
    update() {
      name();
      target.redraw();
    },
  };
}
