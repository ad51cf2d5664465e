// The image of a digit: its pixels, the grid of its patches, and a pen for mouse, finger and keyboard.

import { interpolate } from "../kit/colors.js";
import { drawing } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { SIDE } from "./sequence.js";

const INK = 16;

/**
 * Return the color of a count of ink.
 * @param {any} colors  of the frame
 * @param {number} count  from 0 to 16
 */
export function gray(colors, count) {
  return interpolate([colors.paper, colors.ink], count / INK);
}

/**
 * Add the image to the stage.
 * @param {any} frame
 * @param {{pixels: () => number[], size: () => number, chosen: () => number, allowed: (patch: number) => boolean,
 *   onPaint: (pixel: number, count: number) => void, onHover: (pixel: number | null) => void}} options
 */
export function picture(frame, { pixels, size, chosen, allowed, onPaint, onHover }) {
  let cursor = 0; // the pixel of the keyboard
  let painting = null; // the count that a drag leaves
  let finger = false;

  const target = drawing(frame, {
    title: "The image and its patches",
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
  target.panel.append(create("p", { class: "note" }, "Click pixels to draw a digit of your own."));

  function pixelAt(event) {
    const box = target.area.getBoundingClientRect();
    const place = (value) => Math.min(Math.max(Math.floor(value * SIDE), 0), SIDE - 1);
    return place((event.clientY - box.top) / box.height) * SIDE + place((event.clientX - box.left) / box.width);
  }

  const opposite = (pixel) => (pixels()[pixel] < INK / 2 ? INK : 0);

  function name() {
    const [row, column] = [Math.floor(cursor / SIDE) + 1, (cursor % SIDE) + 1];
    const ink = `ink ${pixels()[cursor]} of ${INK}`;
    node.setAttribute(
      "aria-label",
      `Pixel in row ${row}, column ${column}: ${ink}. Arrow keys move, Space draws or erases.`,
    );
  }

  node.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch";
    if (finger) return; // it may be the start of scrolling: a tap ends as a click
    node.setPointerCapture(event.pointerId);
    cursor = pixelAt(event);
    painting = opposite(cursor);
    onPaint(cursor, painting);
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const pixel = pixelAt(event);
    if (painting !== null && pixels()[pixel] !== painting) onPaint(pixel, painting);
    onHover(pixel);
  });
  node.addEventListener("pointerup", () => (painting = null));
  node.addEventListener("pointercancel", () => (painting = null));
  node.addEventListener("pointerleave", () => onHover(null));
  node.addEventListener("click", (event) => {
    if (event.detail && !finger) return; // a mouse has drawn already
    if (event.detail) cursor = pixelAt(event);
    onPaint(cursor, opposite(cursor));
  });
  node.addEventListener("keydown", (event) => {
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
    update() {
      name();
      target.redraw();
    },
  };
}
