// Charts of curves, as SVG: they follow the theme, can be queried, and say the values under the pointer.

import { axis, short, ticks } from "./axes.js";
import { painted } from "./draw.js";
import { create } from "./frame.js";
import { readout } from "./readout.js";
import { fill, shape } from "./svg.js";

/**
 * @typedef {object} Curve
 * @property {ArrayLike<number>} x
 * @property {ArrayLike<number>} y  a value that is not finite interrupts the curve
 * @property {string} color  of CSS
 * @property {string} [name]  of what is read at the pointer; without one, the curve is not read
 * @property {boolean} [dashed]
 * @property {boolean} [dotted]
 * @property {boolean} [points]  whether a dot is drawn at each value
 * @property {number} [width]
 * @property {boolean} [grows]  whether x and y are the same arrays as before, with values added at the end
 */

/** @typedef {{x: ArrayLike<number>, from: ArrayLike<number>, to: ArrayLike<number>, color: string, opacity: number}} Band */

/**
 * @typedef {object} Mark  at a place
 * @property {number} x
 * @property {number} y
 * @property {string} color
 * @property {number} radius
 * @property {boolean} [square]
 * @property {number} [ring]  the width of its line, if it is not filled
 * @property {boolean} [edged]  whether the paper shows around it
 */

/**
 * @typedef {object} Content
 * @property {Curve[]} curves
 * @property {{y: number, name: string, color?: string}[]} [levels]  horizontal reference lines
 * @property {number} [levelsBeside]  width of a margin for the names of the levels, instead of on the lines
 * @property {import("./axes.js").Range} xRange
 * @property {import("./axes.js").Range} yRange
 * @property {string} xTitle
 * @property {string} yTitle  written above the axis
 * @property {boolean} [logX]
 * @property {boolean} [logY]
 * @property {number | null} [cursor]  a vertical line
 * @property {number[]} [xTicks]  by default round numbers
 * @property {(tick: number) => string} [xText]  a value of x in words, at ticks and at the pointer
 * @property {Band[]} [bands]  areas
 * @property {Mark[]} [marks]
 * @property {{x: number, y: number, text: string}[]} [notes]
 */

/**
 * @typedef {object} Scale
 * @property {import("./axes.js").Axis} px
 * @property {import("./axes.js").Axis} py
 * @property {{left: number, right: number, top: number, bottom: number}} area  inside the axes
 * @property {import("./axes.js").Range} yRange
 */

let made = 0;

/**
 * Add a chart to the stage of a figure.
 * @param {import("./frame.js").Frame} frame
 * @param {object} options
 * @param {string} [options.title]
 * @param {string} options.label  what the chart is, for screen readers; the figure's description says what it shows
 * @param {number | ((width: number) => number)} options.height
 * @param {boolean} [options.full]
 * @param {(width: number) => Content} options.content  what it shows now
 * @param {() => void} [options.onPaint]  called after each painting
 */
export function lineChart(frame, { title = "", label, height, full = false, content, onPaint }) {
  const node = shape("svg", { class: "chart", role: "img", "aria-label": label, tabindex: 0 });
  const inside = `chart-${++made}`;
  const window = shape("rect");
  node.append(shape("defs", {}, shape("clipPath", { id: inside }, window)));
  const layer = (/** @type {string} */ name, clipped = false) => {
    const group = shape("g", { class: name, ...(clipped ? { "clip-path": `url(#${inside})` } : {}) });
    node.append(group);
    return group;
  };
  const axes = layer("axes");
  const levels = layer("levels", true);
  const bands = layer("bands", true);
  const curves = layer("curves", true);
  const marks = layer("marks");
  const notes = layer("notes");
  let drawn = ""; // the axes and levels that are there

  const target = painted(frame, { title, height, full, node, paint });
  const chart = {
    ...target,
    node,
    /** From values to pixels, once it is drawn. */
    scale: /** @type {Scale | null} */ (null),
    /** Where a point is, in CSS pixels of the drawing. @type {(point: [number, number]) => [number, number]} */
    placeOf: ([x, y]) => (chart.scale ? [chart.scale.px(x), chart.scale.py(y)] : [0, 0]),
    /** The point at a place of the drawing. @type {(place: {x: number, y: number}) => [number, number]} */
    valueAt: ({ x, y }) => (chart.scale ? [chart.scale.px.invert(x), chart.scale.py.invert(y)] : [0, 0]),
  };
  const reading = readout(target.area, node);

  /** Draw what the figure shows now. What has not changed stays. */
  function paint(/** @type {number} */ width, /** @type {number} */ height) {
    const shown = content(width);
    const { levelsBeside = 0, xRange, yRange, logX = false, logY = false, cursor = null } = shown;
    const area = { left: 46, right: width - Math.max(levelsBeside, 10), top: 24, bottom: height - 38 };
    const px = axis(xRange, [area.left, area.right], logX);
    const py = axis(yRange, [area.bottom, area.top], logY);
    const scale = (chart.scale = { px, py, area, yRange });
    const place = JSON.stringify([xRange, yRange, logX, logY, area]);
    const now = JSON.stringify([place, shown.levels, shown.xTicks?.map((tick) => (shown.xText ?? short)(tick))]);
    if (now !== drawn) {
      drawAxes(axes, shown, scale, height);
      drawLevels(levels, axes, shown, scale);
      const { left, right, top, bottom } = area;
      const size = { x: left, y: top - 3, width: right - left, height: bottom - top + 6 };
      for (const [name, value] of Object.entries(size)) window.setAttribute(name, String(value));
      drawn = now;
    }
    fill(
      bands,
      (shown.bands ?? []).map(({ x, from, to, color, opacity }) => {
        const known = Array.from(x, (_, i) => i).filter((i) => Number.isFinite(from[i]) && Number.isFinite(to[i]));
        const edge = (/** @type {ArrayLike<number>} */ y) => known.map((i) => `${at(px(x[i]))} ${at(py(y[i]))}`);
        const d = known.length ? `M${[...edge(from), ...edge(to).reverse()].join("L")}Z` : "";
        return ["path", { d, style: `fill: ${color}; opacity: ${opacity}` }];
      }),
    );
    drawCurves(curves, shown.curves, scale, place, cursor);
    fill(
      marks,
      [...shown.curves.flatMap(dots), ...(shown.marks ?? [])].map((mark) => markOf(mark, scale)),
    );
    fill(
      notes,
      (shown.notes ?? []).map(({ x, y, text }) => ["text", { x: at(px(x)), y: at(py(y)), class: "middle" }, text]),
    );
    reading.update(shown, scale);
    onPaint?.();
  }
  return chart;
}

/** A place in pixels, in few characters. */
function at(/** @type {number} */ pixel) {
  return Math.round(100 * pixel) / 100;
}

/** @type {(axes: SVGElement, shown: Content, scale: Scale, height: number) => void} */
function drawAxes(axes, { xRange, yRange, logX = false, logY = false, ...shown }, { px, py, area }, height) {
  const { left, right, top, bottom } = area;
  const { xTicks = ticks(xRange, logX, (right - left) / 70), xText = short } = shown;
  fill(axes, [
    ...ticks(yRange, logY, (bottom - top) / 40).flatMap((tick) => {
      const y = at(py(tick));
      return /** @type {import("./svg.js").Part[]} */ ([
        ["line", { class: "grid", x1: left, x2: right, y1: y, y2: y }],
        ["text", { class: "y tick end", x: left - 6, y }, short(tick)],
      ]);
    }),
    ...xTicks.map((tick) => part("text", { class: "x tick middle", x: at(px(tick)), y: bottom + 12 }, xText(tick))),
    ["text", { class: "x title middle", x: (left + right) / 2, y: height - 9 }, shown.xTitle],
    ["text", { class: "y title", x: 4, y: 10 }, shown.yTitle],
  ]);
}

/** The levels' lines, and their names on them or beside them. @type {(...parts: [SVGElement, SVGElement, Content, Scale]) => void} */
function drawLevels(group, axes, { levels = [], levelsBeside = 0 }, { py, area }) {
  const { left, right, top, bottom } = area;
  const style = (color = "var(--note)") => ({ style: `stroke: ${color}` });
  const ink = (color = "var(--note)") => ({ style: `fill: ${color}` });
  const lines = levels.map(({ y, name, color }) =>
    part("line", { x1: left, x2: right, y1: at(py(y)), y2: at(py(y)), "data-name": name, ...style(color) }),
  );
  const names = levels.map(({ y, name, color }) =>
    part("text", { class: "end", x: right - 4, y: at(py(y) - 8), ...ink(color) }, name),
  );
  fill(group, levelsBeside ? lines : [...lines, ...names]);
  if (!levelsBeside) return;
  let free = bottom + 14; // the names do not overlap; the lowest has its place first
  for (const { y, name, color } of [...levels].sort((a, b) => a.y - b.y)) {
    if (py(y) > bottom + 1 || py(y) < top - 1) continue;
    free = Math.min(py(y), free - 14);
    const text = shape("text", { x: right + 6, y: at(free), ...ink(color) }, name);
    axes.append(text);
    const most = levelsBeside - 8;
    if (/** @type {SVGTextElement} */ (text).getComputedTextLength() > most)
      text.setAttribute("textLength", String(most));
  }
}

/** @type {(tag: string, attributes: Record<string, string | number>, text?: string) => import("./svg.js").Part} */
const part = (tag, attributes, text = "") => [tag, attributes, text];

/**
 * What was drawn of a curve: where, and which values.
 * @type {WeakMap<Element, {x: ArrayLike<number>, y: ArrayLike<number>, place: string, count: number, open: boolean, d: string}>}
 */
const written = new WeakMap();

/** @type {(group: SVGElement, curves: Curve[], scale: Scale, place: string, cursor: number | null) => void} */
function drawCurves(group, curves, { px, py, area }, place, cursor) {
  const dash = (/** @type {Curve} */ { dashed, dotted }) => (dashed ? "6 5" : dotted ? "2 4" : "none");
  const parts = curves.map((curve) => {
    const style = `stroke: ${curve.color}; stroke-width: ${curve.width ?? 2}; stroke-dasharray: ${dash(curve)}`;
    return part("path", { class: "curve", style, "data-name": curve.name ?? "" });
  });
  if (cursor !== null)
    parts.push(["line", { class: "cursor", x1: at(px(cursor)), x2: at(px(cursor)), y1: area.top, y2: area.bottom }]);
  const nodes = fill(group, parts);
  curves.forEach(({ x, y, grows = false }, c) => {
    const before = written.get(nodes[c]);
    const goesOn = grows && before && before.x === x && before.y === y && before.place === place;
    const line = goesOn ? before : { x, y, place, count: 0, open: false, d: "" };
    if (goesOn && line.count === x.length) return;
    for (; line.count < x.length; line.count++) {
      const value = y[line.count];
      if (Number.isFinite(value)) line.d += `${line.open ? "L" : "M"}${at(px(x[line.count]))} ${at(py(value))}`;
      line.open = Number.isFinite(value);
    }
    if (nodes[c].getAttribute("d") !== line.d) nodes[c].setAttribute("d", line.d);
    written.set(nodes[c], line);
  });
}

/** @type {(curve: Curve) => Mark[]} */
function dots({ x, y, color, points = false }) {
  if (!points) return [];
  return Array.from(x, (each, i) => ({ x: each, y: y[i], color, radius: 3.5 })).filter((mark) =>
    Number.isFinite(mark.y),
  );
}

/** @type {(mark: Mark, scale: Scale) => import("./svg.js").Part} */
function markOf({ x, y, color, radius, square = false, ring = 0, edged = false }, { px, py }) {
  const style = ring
    ? `fill: none; stroke: ${color}; stroke-width: ${ring}`
    : `fill: ${color}${edged ? "; stroke: var(--paper); stroke-width: 1.5" : ""}`;
  const [cx, cy] = [at(px(x)), at(py(y))];
  if (!square) return ["circle", { cx, cy, r: radius, style }];
  return ["rect", { x: cx - radius, y: cy - radius, width: 2 * radius, height: 2 * radius, style }];
}

/**
 * Add a legend below the drawing of a panel: names with a piece of their line.
 * @param {Element} panel
 * @param {() => {name: string, color: string, dashed?: boolean, dotted?: boolean}[]} entries
 */
export function legend(panel, entries) {
  const node = create("ul", { class: "legend", role: "list" });
  const update = () => {
    const items = entries().map(({ name, color, dashed, dotted }) => {
      const kind = dashed ? "sample dashed" : dotted ? "sample dotted" : "sample";
      const sample = create("span", { class: kind, "aria-hidden": "true" });
      sample.style.borderColor = color;
      return create("li", {}, sample, name);
    });
    node.replaceChildren(...items);
  };
  update();
  panel.append(node);
  return { node, update };
}
