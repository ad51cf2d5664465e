// The image of a digit and the grid of its patches: the reader chooses patches, or draws with mouse, finger or keyboard.

import { interpolate } from "../kit/colors.js";
import { drawing } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { SIDE } from "./sequence.js";

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
 * @param {{pixels: () => number[], size: () => number, chosen: () => number, allowed: (patch: number) => boolean,
 *   drawing: () => boolean, onPaint: (inks: Map<number, number>) => void, onChoose: (pixel: number) => void,
 *   onHover: (pixel: number | null) => void}} options  drawing: whether the pen draws, or chooses a patch
 */
export function picture(frame, { pixels, size, chosen, allowed, drawing: draws, onPaint, onChoose, onHover }) {
  let cursor = 0; // the pixel of the keyboard
  /** Where the pen was. @type {number[] | null} */
  let last = null;

  const target = drawing(frame, {
    title: "The image",
    label: "The image with the grid of its patches",
    height: (width) => width,
    draw(pen, width) {
      const cell = width / SIDE;
      const side = size() * cell;
      const columns = SIDE / size();
      pixels().forEach((count, i) => {
        pen.fillStyle = gray(frame.colors, count);
        pen.fillRect((i % SIDE) * cell, Math.floor(i / SIDE) * cell, cell + 0.5, cell + 0.5);
      });
      for (let patch = 0; patch < columns ** 2; patch++) {
        const [x, y] = [(patch % columns) * side, Math.floor(patch / columns) * side];
        if (!allowed(patch)) {
          pen.save();
          pen.beginPath();
          pen.rect(x, y, side, side);
          pen.clip();
          pen.beginPath();
          for (let shift = -side; shift < side; shift += 6) {
            pen.moveTo(x + shift, y + side);
            pen.lineTo(x + shift + side, y);
          }
          pen.lineWidth = 1.5;
          pen.strokeStyle = frame.colors.masked;
          pen.stroke();
          pen.restore();
        }
        pen.lineWidth = 1.5;
        pen.strokeStyle = frame.colors.key;
        pen.strokeRect(x + 0.75, y + 0.75, side - 1.5, side - 1.5);
      }
      if (chosen() < columns ** 2) {
        const [x, y] = [(chosen() % columns) * side, Math.floor(chosen() / columns) * side];
        pen.lineWidth = 4;
        pen.strokeStyle = frame.colors.query;
        pen.strokeRect(x + 2, y + 2, side - 4, side - 4);
      }
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
  const pixelOf = (/** @type {number[]} */ [x, y]) => Math.floor(y) * SIDE + Math.floor(x);

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
    const action = draws() ? "draws or erases" : "chooses the patch";
    node.setAttribute("aria-label", `Pixel in row ${row}, column ${column}: ${ink}. Arrow keys move, Space ${action}.`);
  }

  node.addEventListener("pointerdown", (event) => {
    if (!draws()) return;
    node.setPointerCapture(event.pointerId);
    last = null;
    stroke(at(event));
  });
  node.addEventListener("pointermove", (event) => {
    if (draws() && node.hasPointerCapture(event.pointerId)) stroke(at(event));
    else if (!draws() && event.pointerType !== "touch") onHover(pixelOf(at(event)));
  });
  node.addEventListener("pointerleave", () => onHover(null));
  node.addEventListener("click", (event) => {
    if (event.detail) cursor = pixelOf(at(event));
    if (!draws()) onChoose(cursor);
    else if (!event.detail) onPaint(new Map([[cursor, opposite(cursor)]])); // a pointer has drawn already
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
      node.style.touchAction = draws() ? "none" : "";
      node.style.cursor = draws() ? "crosshair" : "pointer";
      name();
      target.redraw();
    },
  };
}
