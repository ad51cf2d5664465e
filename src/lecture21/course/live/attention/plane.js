// Two coordinates of the vectors as a plane: points, arrows from the origin, and the output between the values.

import { drawing, handle } from "../kit/draw.js";
import { written } from "../kit/numbers.js";

const DURATION = 220; // milliseconds of a change that is not dragged

/** @typedef {import("../kit/colors.js").Colors} Colors */
/** @typedef {{x: number, y: number, name: string}} Named  a point with its name */
/** @typedef {Record<"px" | "py" | "x" | "y", (value: number) => number>} View  from values to pixels, and back */
/** @typedef {Named & {color: string, textColor: string}} Point */

/**
 * What is drawn: points with names, which may be dragged; arrows from the origin; and the output of the chosen row, a
 * mean of the points with these weights.
 * @typedef {{points: Point[], arrow: Named | null, output: Named | null, weights: number[], xName: string, yName: string}} Scene
 */

/**
 * Add the plane to a figure.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {Element} parent
 * @param {object} options
 * @param {string} options.label
 * @param {number} options.tallest  in CSS pixels
 * @param {() => Scene} options.scene
 * @param {string[]} options.names  of the points
 * @param {((index: number, x: number, y: number) => void) | null} options.onMove  makes the points handles
 */
export function plane(frame, parent, { label, tallest, scene, names, onMove }) {
  const chart = drawing(frame, { label, height: (width) => Math.min(width, tallest), draw });
  parent.append(chart.panel);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  /** The scene on its way to the wanted one. @type {Scene | null} */
  let shown = null;
  let range = [-1, 3];
  let dragging = false;
  let waiting = 0;
  /** @type {View} */
  let view = { px: (x) => x, py: (y) => y, x: (px) => px, y: (py) => py };
  const handles = onMove ? names.map((name, i) => handleFor(name, i)) : [];

  function handleFor(/** @type {string} */ name, /** @type {number} */ i) {
    const control = handle(chart, {
      label: `${name}: drag, or press the arrow keys`,
      color: frame.colors.note,
      step: 0.1,
      onMove(dx, dy, place) {
        dragging = place !== null;
        const point = scene().points[i];
        const x = place ? inRange(view.x(place.x)) : point.x + dx;
        const y = place ? inRange(view.y(place.y)) : point.y + dy;
        onMove?.(i, tenth(x), tenth(y));
      },
    });
    control.node.addEventListener("lostpointercapture", () => {
      dragging = false;
      update();
    });
    return control;
  }

  const tenth = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const inRange = (/** @type {number} */ value) => Math.min(Math.max(value, range[0] + 0.1), range[1] - 0.1);

  /** Draw the scene, with a short movement from what was drawn before. */
  function update() {
    const wanted = scene();
    if (!dragging) range = rangeOf(wanted);
    cancelAnimationFrame(waiting);
    const from = shown;
    const alike =
      from && from.xName === wanted.xName && from.yName === wanted.yName && from.points.length === wanted.points.length;
    if (!alike || dragging || still.matches || !frame.visible) {
      shown = wanted;
      chart.redraw();
      return;
    }
    /** @type {number | null} */
    let begin = null;
    const step = (/** @type {number} */ now) => {
      begin ??= now;
      const part = Math.min((now - begin) / DURATION, 1);
      shown = part < 1 ? between(from, wanted, 1 - (1 - part) ** 3) : wanted;
      chart.paint();
      if (part < 1) waiting = requestAnimationFrame(step);
    };
    waiting = requestAnimationFrame(step);
  }
  frame.onRemove(() => cancelAnimationFrame(waiting));

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  function draw(pen, width, height) {
    shown ??= scene();
    const { colors } = frame;
    const [low, high] = range;
    const unit = Math.min(width, height) / (high - low);
    const middle = (low + high) / 2;
    view = {
      px: (x) => width / 2 + (x - middle) * unit,
      py: (y) => height / 2 - (y - middle) * unit,
      x: (px) => (px - width / 2) / unit + middle,
      y: (py) => middle - (py - height / 2) / unit,
    };
    const { px, py } = view;
    drawGrid(pen, colors, view, width, height, high - low > 14 ? 5 : high - low > 7 ? 2 : 1);
    pen.fillStyle = colors.note;
    pen.textAlign = "right";
    halo(pen, colors, `${shown.xName} →`, width - 4, Math.min(py(0) + 34, height - 8));
    pen.textAlign = "left";
    halo(pen, colors, `↑ ${shown.yName}`, px(0) + 8, 10);
    const { points, output, arrow, weights, xName, yName } = shown;
    if (output && Number.isFinite(output.x)) {
      points.forEach((point, i) => {
        if (!(weights[i] > 0.004)) return;
        pen.strokeStyle = colors.value;
        pen.globalAlpha = 0.55;
        pen.lineWidth = 1 + 7 * weights[i];
        line(pen, px(output.x), py(output.y), px(point.x), py(point.y));
        pen.globalAlpha = 1;
      });
    }
    points.forEach(({ x, y, color }) => arrowTo(pen, px(0), py(0), px(x), py(y), color, 1.5));
    if (arrow) arrowTo(pen, px(0), py(0), px(arrow.x), py(arrow.y), colors.query, 3);
    if (!onMove) points.forEach(({ x, y, color }) => dot(pen, colors, px(x), py(y), 6, color));
    if (output && Number.isFinite(output.x)) {
      arrowTo(pen, px(0), py(0), px(output.x), py(output.y), colors.output, 3);
      dot(pen, colors, px(output.x), py(output.y), 7, colors.output);
    }
    const labels = mergeNames(points, (point) => `${Math.round(px(point.x))},${Math.round(py(point.y))}`);
    const place = namePlacer(pen, colors, { width, height, origin: [px(0), py(0)] });
    for (const { x, y, name, textColor } of labels) place(name, px(x), py(y), textColor);
    if (arrow) place(arrow.name, px(arrow.x), py(arrow.y), colors.text.query, 24);
    if (output && Number.isFinite(output.x)) place(output.name, px(output.x), py(output.y), colors.text.output);
    handles.forEach((control, i) => {
      control.place(px(points[i].x), py(points[i].y));
      control.color(points[i].color);
      control.name(
        `${names[i]}: ${xName} ${written(scene().points[i].x)}, ${yName} ${written(scene().points[i].y)}; drag, or press the arrow keys`,
      );
    });
  }
  return { ...chart, update };
}

function rangeOf(/** @type {Scene} */ { points, output, arrow }) {
  const all = [...points, output, arrow].flatMap((point) => (point ? [point.x, point.y] : [])).filter(Number.isFinite);
  return [Math.min(-1, Math.floor(Math.min(...all) - 0.3)), Math.max(3, Math.ceil(Math.max(...all) + 0.3))];
}

/**
 * The scene on the way from one to another.
 * @param {Scene} from
 * @param {Scene} to
 * @param {number} part
 * @returns {Scene}
 */
function between(from, to, part) {
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * part;
  /** @type {<T extends Named | null>(a: Named | null, b: T) => T} */
  const point = (a, b) => (a && b ? { ...b, x: mix(a.x, b.x), y: mix(a.y, b.y) } : b);
  return {
    ...to,
    points: to.points.map((each, i) => point(from.points[i], each)),
    weights: to.weights.map((weight, i) => mix(from.weights[i] ?? weight, weight)),
    output: point(from.output, to.output),
    arrow: point(from.arrow, to.arrow),
  };
}

function mergeNames(/** @type {Point[]} */ points, /** @type {(point: Point) => string} */ place) {
  /** @type {Map<string, Point>} */
  const found = new Map();
  for (const point of points) {
    const before = found.get(place(point));
    found.set(place(point), before ? { ...before, name: `${before.name}, ${point.name}` } : point);
  }
  return found.values();
}

function drawGrid(
  /** @type {CanvasRenderingContext2D} */ pen,
  /** @type {Colors} */ colors,
  /** @type {View} */ { px, py, x, y },
  /** @type {number} */ width,
  /** @type {number} */ height,
  /** @type {number} */ step,
) {
  pen.lineWidth = 1;
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = colors.note;
  for (let tick = Math.ceil(x(0) / step) * step; tick <= x(width); tick += step) {
    pen.strokeStyle = tick === 0 ? colors.note : colors.line;
    line(pen, px(tick), 0, px(tick), height);
    pen.textAlign = "center";
    if (tick !== 0 && px(tick) > 12 && px(tick) < width - 12) pen.fillText(written(tick), px(tick), py(0) + 17);
  }
  for (let tick = Math.ceil(y(height) / step) * step; tick <= y(0); tick += step) {
    pen.strokeStyle = tick === 0 ? colors.note : colors.line;
    line(pen, 0, py(tick), width, py(tick));
    pen.textAlign = "right";
    if (tick !== 0 && py(tick) > 20 && py(tick) < height - 10) pen.fillText(written(tick), px(0) - 12, py(tick));
  }
}

/** Return a function that writes the name of a point beside it, away from the origin and from the names before. */
function namePlacer(
  /** @type {CanvasRenderingContext2D} */ pen,
  /** @type {Colors} */ colors,
  /** @type {{width: number, height: number, origin: number[]}} */ { width, height, origin },
) {
  /** @type {{x: number, y: number, half: number}[]} */
  const taken = [];
  /** @type {(name: string, x: number, y: number, color: string, distance?: number) => void} */
  return (name, x, y, color, distance = 17) => {
    pen.font = "600 14px system-ui, sans-serif";
    pen.fillStyle = color;
    pen.textAlign = "center";
    const half = pen.measureText(name).width / 2;
    const [across, down] = [x - origin[0], y - origin[1]];
    const outward = Math.hypot(across, down) > 8 ? Math.atan2(down, across) : 0.75 * Math.PI;
    const places = [0, 0.8, -0.8, 1.6, -1.6, 2.4, -2.4, Math.PI].flatMap((turn) => {
      const [dx, dy] = [Math.cos(outward + turn), Math.sin(outward + turn)];
      return [1, 1.9].map((far) => ({
        turn: Math.abs(turn) + far,
        x: Math.min(Math.max(x + far * dx * (distance + half * 0.8 * Math.abs(dx)), half + 3), width - half - 3),
        y: Math.min(Math.max(y + far * dy * distance, 10), height - 10),
      }));
    });
    const overlap = (/** @type {{x: number, y: number}} */ at) =>
      taken.reduce((sum, other) => {
        const wide = Math.max(0, half + other.half + 4 - Math.abs(at.x - other.x));
        return sum + wide * Math.max(0, 18 - Math.abs(at.y - other.y));
      }, 0);
    places.sort((a, b) => overlap(a) - overlap(b) || a.turn - b.turn);
    taken.push({ ...places[0], half });
    halo(pen, colors, name, places[0].x, places[0].y);
  };
}

/**
 * @param {CanvasRenderingContext2D} pen @param {Colors} colors @param {string} text @param {number} x @param {number} y
 */
function halo(pen, colors, text, x, y) {
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = colors.paper;
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

/**
 * @param {CanvasRenderingContext2D} pen @param {Colors} colors @param {number} x @param {number} y
 * @param {number} radius @param {string} color
 */
function dot(pen, colors, x, y, radius, color) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = color;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = colors.paper;
  pen.stroke();
}

/**
 * @param {CanvasRenderingContext2D} pen @param {number} x0 @param {number} y0 @param {number} x @param {number} y
 * @param {string} color @param {number} width
 */
function arrowTo(pen, x0, y0, x, y, color, width) {
  const length = Math.hypot(x - x0, y - y0);
  if (length < 12) return;
  const [dx, dy] = [(x - x0) / length, (y - y0) / length];
  const [tipX, tipY] = [x - dx * 7, y - dy * 7];
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = width;
  line(pen, x0, y0, tipX - dx * 6, tipY - dy * 6);
  pen.beginPath();
  pen.moveTo(tipX, tipY);
  for (const side of [-1, 1])
    pen.lineTo(tipX - dx * 9 - side * dy * (3 + width), tipY - dy * 9 + side * dx * (3 + width));
  pen.fill();
}

/** @type {(pen: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number) => void} */
function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
