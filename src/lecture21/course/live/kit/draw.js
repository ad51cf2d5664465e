// Drawings on canvas, in CSS pixels, sharp on every screen, redrawn when their size or the theme changes.

import { inkOn } from "./colors.js";
import { create } from "./frame.js";

const FONT = "system-ui, sans-serif";

/**
 * Return where a pointer is, in CSS pixels of an element: a talk enlarges figures.
 * @param {HTMLElement} node
 * @param {MouseEvent} event
 */
export function placeIn(node, event) {
  const box = node.getBoundingClientRect();
  const zoom = box.width / node.offsetWidth || 1;
  return { x: (event.clientX - box.left) / zoom, y: (event.clientY - box.top) / zoom };
}

/**
 * Add a panel with a title and a drawing to the stage of a figure, painted when it is asked for, and when its width
 * or the theme changes.
 * @param {import("./frame.js").Frame} frame
 * @param {object} options
 * @param {string} options.title
 * @param {number | ((width: number) => number)} options.height
 * @param {boolean} options.full
 * @param {HTMLCanvasElement | SVGElement} options.node  the drawing
 * @param {(width: number, height: number) => void} options.paint
 */
export function painted(frame, { title, height, full, node, paint: draw }) {
  const area = create("div", { class: "drawing" }, node);
  const heading = create("p", { class: "panel-title" }, title);
  const panel = create("div", { class: full ? "panel full" : "panel" }, ...(title ? [heading] : []), area);
  frame.stage.append(panel);
  let waiting = 0;
  const size = { width: 0, height: 0 };
  const paint = () => {
    waiting = 0;
    const width = area.clientWidth;
    if (!width) return;
    size.width = width;
    size.height = typeof height === "function" ? height(width) : height;
    node.style.height = `${size.height}px`;
    draw(width, size.height);
  };
  const redraw = () => {
    waiting ||= requestAnimationFrame(paint);
  };
  const observer = new ResizeObserver(() => area.clientWidth !== size.width && redraw());
  observer.observe(area);
  frame.onTheme(redraw);
  frame.onRemove(() => {
    observer.disconnect();
    cancelAnimationFrame(waiting);
  });
  return { panel, area, heading, size, redraw, paint };
}

/** @typedef {ReturnType<typeof painted>} Target  a drawing or a chart */

/**
 * Add a panel with a title and a canvas to the stage of a figure.
 * @param {import("./frame.js").Frame} frame
 * @param {{title?: string, label: string, height: number | ((width: number) => number), full?: boolean,
 *   draw: (pen: CanvasRenderingContext2D, width: number, height: number) => void}} options
 *   label: what the drawing is, for screen readers; the figure's description says what it shows
 */
export function drawing(frame, { title = "", label, height, full = false, draw }) {
  const canvas = create("canvas", { role: "img", "aria-label": label });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = painted(frame, { title, height, full, node: canvas, paint });
  function paint(/** @type {number} */ width, /** @type {number} */ height) {
    const zoom = target.area.getBoundingClientRect().width / target.area.offsetWidth || 1;
    const scale = Math.min((devicePixelRatio || 1) * zoom, 3);
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = `13px ${FONT}`;
    pen.textBaseline = "middle";
    draw(pen, width, height);
  }
  return { ...target, canvas };
}

/**
 * Draw a matrix of numbers as colored cells. Rows are queries and columns keys where it is an attention map.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./colors.js").Colors} colors
 * @param {object} options
 * @param {number[][]} options.values
 * @param {(value: number) => string} options.color  of a cell
 * @param {string[]} [options.rows]  names of the rows
 * @param {string[]} [options.columns]  names of the columns
 * @param {string} [options.rowTitle]  such as "query"
 * @param {string} [options.columnTitle]  such as "key"
 * @param {((value: number) => string) | null} [options.text]  what is written into a cell
 * @param {(row: number, column: number) => string | null} [options.mark]  color of a cell's outline
 * @param {number} options.width  of the whole drawing
 * @param {number} options.height
 */
export function heatmap(pen, colors, options) {
  const {
    values,
    color,
    rows = [],
    columns = [],
    rowTitle = "",
    columnTitle = "",
    text = null,
    mark,
    width,
    height,
  } = options;
  pen.font = `13px ${FONT}`;
  const named = Math.max(0, ...rows.map((name) => pen.measureText(name).width));
  const left = (rowTitle ? 20 : 0) + (named ? named + 8 : 0);
  const top = (columnTitle ? 20 : 0) + (columns.length ? 20 : 0);
  const count = values[0]?.length ?? 0;
  const cell = {
    width: (width - left - 1) / Math.max(count, 1),
    height: (height - top - 1) / Math.max(values.length, 1),
  };
  pen.fillStyle = colors.note;
  pen.textAlign = "center";
  if (columnTitle) pen.fillText(columnTitle, left + (width - left) / 2, 9);
  if (rowTitle) {
    pen.save();
    pen.translate(9, top + (height - top) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(rowTitle, 0, 0);
    pen.restore();
  }
  pen.fillStyle = colors.ink;
  columns.forEach((name, j) => pen.fillText(name, left + (j + 0.5) * cell.width, top - 10, cell.width));
  pen.textAlign = "right";
  rows.forEach((name, i) => pen.fillText(name, left - 6, top + (i + 0.5) * cell.height));
  pen.textAlign = "center";
  values.forEach((row, i) =>
    row.forEach((value, j) => {
      const [x, y] = [left + j * cell.width, top + i * cell.height];
      const fill = color(value);
      pen.fillStyle = fill;
      pen.fillRect(x, y, cell.width, cell.height);
      pen.lineWidth = 1;
      pen.strokeStyle = colors.line;
      if (cell.width > 5) pen.strokeRect(x + 0.5, y + 0.5, cell.width, cell.height);
      if (text && cell.width > 26) {
        pen.fillStyle = inkOn(fill);
        pen.fillText(text(value), x + cell.width / 2, y + cell.height / 2 + 1, cell.width - 4);
      }
    }),
  );
  if (mark) {
    values.forEach((row, i) =>
      row.forEach((_, j) => {
        const stroke = mark(i, j);
        if (!stroke) return;
        pen.lineWidth = 3;
        pen.strokeStyle = stroke;
        pen.strokeRect(left + j * cell.width + 2, top + i * cell.height + 2, cell.width - 3, cell.height - 3);
      }),
    );
  }
  return { left, top, cell };
}

/**
 * Add a point that is dragged with mouse or finger, or moved with the arrow keys.
 * @param {Target} target
 * @param {{label: string, color: string, step: number,
 *   onMove: (dx: number, dy: number, absolute: {x: number, y: number} | null) => void}} options
 *   onMove: with the keyboard, dx and dy are plus or minus `step`, y upwards; while dragging, `absolute` is the place
 *   in CSS pixels of the drawing
 */
export function handle(target, { label, color, step, onMove }) {
  const node = create("button", { type: "button", class: "handle", "aria-label": label, title: label });
  node.style.setProperty("--handle", color);
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    event.preventDefault();
    node.focus({ preventScroll: true });
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    onMove(0, 0, placeIn(target.area, event));
  });
  /** @type {Record<string, number[]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  node.addEventListener("keydown", (event) => {
    const arrow = arrows[event.key];
    if (!arrow) return;
    event.preventDefault();
    const size = step * (event.shiftKey ? 5 : 1);
    onMove(arrow[0] * size, arrow[1] * size, null);
  });
  target.area.append(node);
  return {
    node,
    place(/** @type {number} */ x, /** @type {number} */ y) {
      node.style.left = `${x}px`;
      node.style.top = `${y}px`;
    },
    color: (/** @type {string} */ next) => node.style.setProperty("--handle", next),
    name(/** @type {string} */ next) {
      node.setAttribute("aria-label", next);
      node.title = next;
    },
  };
}
