// What the reader draws on, with the mouse, a finger or the keyboard, and the grid in which it is cut into patches.

import { interpolate } from "../kit/colors.js";
import { drawing } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { PAPER, frameOf } from "./drawing.js";
import { PATCH, SIDE } from "./reader.js";

const INK = 16;
const CLOSE = 2; // steps of the paper; nearer places are one
const MOVE = PAPER / 20; // of an arrow key

/**
 * Return the color of a count of ink.
 * @param {import("../kit/colors.js").Colors} colors
 * @param {number} count  from 0 to 16
 */
export function gray(colors, count) {
  return interpolate([colors.paper, colors.ink], count / INK);
}

/**
 * Add the paper to the stage.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {() => number[]} options.pixels  the counts of ink of an example
 * @param {() => import("./drawing.js").Stroke[] | null} options.strokes  null where an example is shown
 * @param {(strokes: import("./drawing.js").Stroke[]) => void} options.onDraw  once per frame of the screen, at most
 */
export function picture(frame, { pixels, strokes, onDraw }) {
  let isDown = false; // the pen of the keyboard
  let cursor = [PAPER / 2, PAPER / 2]; // where it is
  /** The drawing with what the pen has added since the last frame of the screen. @type {import("./drawing.js").Stroke[]} */
  let lines = [];
  let waiting = 0;

  const target = drawing(frame, {
    label: "The drawing with the grid of its patches",
    height: (width) => width,
    draw(pen, width) {
      const drawn = waiting ? lines : strokes();
      const box = drawn?.length ? frameOf(drawn) : { x: 0, y: 0, width: PAPER, height: PAPER };
      const step = width / PAPER;
      const cell = width / SIDE;
      if (!drawn) {
        pixels().forEach((count, i) => {
          pen.fillStyle = gray(frame.colors, count);
          pen.fillRect((i % SIDE) * cell, Math.floor(i / SIDE) * cell, cell + 0.5, cell + 0.5);
        });
      } else {
        pen.fillStyle = frame.colors.paper;
        pen.fillRect(0, 0, width, width);
      }
      pen.lineWidth = 1.5;
      pen.strokeStyle = frame.colors.key;
      pen.beginPath();
      const inside = (/** @type {number} */ place) => Math.min(Math.max(place, 0.75), width - 0.75);
      const [left, top] = [box.x * step, box.y * step];
      const [right, bottom] = [left + box.width * step, top + box.height * step];
      for (let part = 0; part <= 1; part += PATCH / SIDE) {
        const [x, y] = [left + part * (right - left), top + part * (bottom - top)];
        if (x >= -1 && x <= width + 1) {
          pen.moveTo(inside(x), inside(top));
          pen.lineTo(inside(x), inside(bottom));
        }
        if (y >= -1 && y <= width + 1) {
          pen.moveTo(inside(left), inside(y));
          pen.lineTo(inside(right), inside(y));
        }
      }
      pen.stroke();
      pen.lineWidth = width / 20;
      pen.lineCap = pen.lineJoin = "round";
      pen.strokeStyle = frame.colors.ink;
      for (const [x, y, ...others] of drawn ?? []) {
        pen.beginPath();
        pen.moveTo(x * step, y * step);
        pen.lineTo(x * step, y * step); // a dot has ink, too
        for (let i = 0; i < others.length; i += 2) pen.lineTo(others[i] * step, others[i + 1] * step);
        pen.stroke();
      }
      if (node.matches(":focus-visible")) {
        pen.lineWidth = 2;
        pen.strokeStyle = frame.colors.output;
        pen.beginPath();
        pen.arc(cursor[0] * step, cursor[1] * step, isDown ? cell / 4 : cell / 2, 0, 2 * Math.PI);
        pen.stroke();
      }
    },
  });
  target.panel.classList.add("picture");
  const node = create("button", { type: "button", class: "pen" });
  target.area.append(node);
  target.panel.append(
    create("p", { class: "note" }, "What you draw is centered, scaled and inked like the digits that it learned from."),
  );

  /** Where an event is, in steps of the paper. */
  function at(/** @type {MouseEvent} */ event) {
    const box = target.area.getBoundingClientRect();
    const place = (/** @type {number} */ part) => Math.min(Math.max(Math.round(part * PAPER), 0), PAPER);
    return [place((event.clientX - box.left) / box.width), place((event.clientY - box.top) / box.height)];
  }

  /** Add places to the drawing, which is read before the screen is drawn again. */
  function add(/** @type {boolean} */ isNew, /** @type {number[][]} */ ...places) {
    if (!waiting) lines = structuredClone(strokes() ?? []);
    if (isNew || !lines.length) lines.push([]);
    const line = lines[lines.length - 1];
    for (const [x, y] of places) {
      if (!line.length || Math.hypot(x - line[line.length - 2], y - line[line.length - 1]) >= CLOSE) line.push(x, y);
    }
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      onDraw(lines);
    });
    target.redraw();
  }
  frame.onRemove(() => cancelAnimationFrame(waiting));

  function name() {
    const [right, below] = cursor.map((place) => Math.round((100 * place) / PAPER));
    const where = `The pen is ${isDown ? "down" : "up"}, at ${right} % from the left and ${below} % from the top`;
    node.setAttribute("aria-label", `${where}. Arrow keys move it, Space puts it down or lifts it.`);
  }

  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    isDown = false;
    add(true, at(event));
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const all = event.getCoalescedEvents?.() ?? []; // where the pen was between two frames of the screen
    add(false, ...(all.length ? all : [event]).map(at));
  });
  node.addEventListener("click", (event) => {
    if (event.detail) return; // a pointer has drawn already
    isDown = !isDown;
    if (isDown) add(true, cursor);
    name();
    target.redraw();
  });
  node.addEventListener("keydown", (event) => {
    /** @type {Record<string, number[]>} */
    const moves = { ArrowLeft: [-MOVE, 0], ArrowRight: [MOVE, 0], ArrowUp: [0, -MOVE], ArrowDown: [0, MOVE] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    cursor = cursor.map((place, axis) => Math.min(Math.max(place + move[axis], 0), PAPER));
    if (isDown) add(false, cursor);
    name();
    target.redraw();
  });
  for (const event of ["focus", "blur"]) node.addEventListener(event, target.redraw);

  return {
    panel: target.panel,
    /** Forget what the pen has not yet drawn, and lift it. */
    lift() {
      cancelAnimationFrame(waiting);
      waiting = 0;
      isDown = false;
    },
    update() {
      name();
      target.redraw();
    },
  };
}
