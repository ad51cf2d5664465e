// Drawings on canvas, in CSS pixels, sharp on every screen, redrawn when their size or the theme changes.

import { inkOn } from "./colours.js";
import { create } from "./frame.js";

const FONT = "system-ui, sans-serif";

/**
 * Add a panel with a title and a canvas to the stage of a figure.
 * @param {any} frame  of `createFrame`
 * @param {{title?: string, label: string, height: number | ((width: number) => number), full?: boolean,
 *   draw: (pen: CanvasRenderingContext2D, width: number, height: number) => void}} options
 *   label: what the drawing is, for screen readers; the figure's description says what it shows
 */
export function drawing(frame, { title = "", label, height, full = false, draw }) {
  const canvas = create("canvas", { role: "img", "aria-label": label });
  const area = create("div", { class: "drawing" }, canvas);
  const heading = create("h4", {}, title);
  const panel = create("div", { class: full ? "panel full" : "panel" }, ...(title ? [heading] : []), area);
  frame.stage.append(panel);
  const pen = canvas.getContext("2d");
  let waiting = 0;
  const size = { width: 0, height: 0 };
  const paint = () => {
    waiting = 0;
    const width = area.clientWidth;
    if (!width) return;
    size.width = width;
    size.height = typeof height === "function" ? height(width) : height;
    const scale = Math.min(devicePixelRatio || 1, 3);
    const [across, down] = [Math.round(width * scale), Math.round(size.height * scale)];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
      canvas.style.height = `${size.height}px`;
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, size.height);
    pen.font = `13px ${FONT}`;
    pen.textBaseline = "middle";
    draw(pen, width, size.height);
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
  return { panel, area, canvas, heading, size, redraw, paint };
}

/**
 * Draw a matrix of numbers as coloured cells. Rows are queries and columns keys where it is an attention map.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colours  of the frame
 * @param {object} options
 * @param {number[][]} options.values
 * @param {(value: number) => string} options.colour  of a cell
 * @param {string[]} [options.rows]  names of the rows
 * @param {string[]} [options.columns]  names of the columns
 * @param {string} [options.rowTitle]  such as "query"
 * @param {string} [options.columnTitle]  such as "key"
 * @param {((value: number) => string) | null} [options.text]  what is written into a cell
 * @param {(row: number, column: number) => string | null} [options.mark]  colour of a cell's outline
 * @param {number} options.width  of the whole drawing
 * @param {number} options.height
 */
export function heatmap(pen, colours, options) {
  const { values, colour, rows = [], columns = [], rowTitle = "", columnTitle = "", text = null, mark, width, height } = options;
  pen.font = `13px ${FONT}`;
  const named = Math.max(0, ...rows.map((name) => pen.measureText(name).width));
  const left = (rowTitle ? 20 : 0) + (named ? named + 8 : 0);
  const top = (columnTitle ? 20 : 0) + (columns.length ? 20 : 0);
  const count = values[0]?.length ?? 0;
  const cell = { width: (width - left - 1) / Math.max(count, 1), height: (height - top - 1) / Math.max(values.length, 1) };
  pen.fillStyle = colours.note;
  pen.textAlign = "center";
  if (columnTitle) pen.fillText(columnTitle, left + (width - left) / 2, 9);
  if (rowTitle) {
    pen.save();
    pen.translate(9, top + (height - top) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(rowTitle, 0, 0);
    pen.restore();
  }
  pen.fillStyle = colours.ink;
  columns.forEach((name, j) => pen.fillText(name, left + (j + 0.5) * cell.width, top - 10, cell.width));
  pen.textAlign = "right";
  rows.forEach((name, i) => pen.fillText(name, left - 6, top + (i + 0.5) * cell.height));
  pen.textAlign = "center";
  values.forEach((row, i) =>
    row.forEach((value, j) => {
      const [x, y] = [left + j * cell.width, top + i * cell.height];
      const fill = colour(value);
      pen.fillStyle = fill;
      pen.fillRect(x, y, cell.width, cell.height);
      pen.lineWidth = 1;
      pen.strokeStyle = colours.line;
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
 * Draw axes and curves.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colours  of the frame
 * @param {object} options
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>, colour: string, dashed?: boolean, points?: boolean, width?: number}[]} options.curves
 * @param {{y: number, name: string, colour?: string}[]} [options.levels]  horizontal reference lines
 * @param {[number, number]} options.xRange
 * @param {[number, number]} options.yRange
 * @param {string} options.xTitle
 * @param {string} options.yTitle  written above the axis
 * @param {boolean} [options.logX]
 * @param {boolean} [options.logY]
 * @param {number | null} [options.cursor]  a vertical line
 * @param {number[]} [options.xTicks]  by default round numbers
 * @param {number} options.width
 * @param {number} options.height
 */
export function lineChart(pen, colours, options) {
  const { curves, levels = [], xRange, yRange, xTitle, yTitle, logX = false, logY = false, cursor = null, xTicks, width, height } = options;
  const area = { left: 46, right: width - 10, top: 24, bottom: height - 38 };
  const place = (value, [low, high], log) =>
    log ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low)) : (value - low) / (high - low);
  const px = (x) => area.left + place(x, xRange, logX) * (area.right - area.left);
  const py = (y) => area.bottom - place(y, yRange, logY) * (area.bottom - area.top);
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.fillStyle = colours.note;
  pen.font = `13px ${FONT}`;
  pen.textAlign = "right";
  for (const tick of ticks(yRange, logY, (area.bottom - area.top) / 40)) {
    line(pen, area.left, py(tick), area.right, py(tick));
    pen.fillText(short(tick), area.left - 6, py(tick));
  }
  pen.textAlign = "center";
  for (const tick of xTicks ?? ticks(xRange, logX, (area.right - area.left) / 70)) pen.fillText(short(tick), px(tick), area.bottom + 12);
  pen.fillText(xTitle, (area.left + area.right) / 2, height - 9);
  pen.textAlign = "left";
  pen.fillText(yTitle, 4, 10);
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top - 3, area.right - area.left, area.bottom - area.top + 6);
  pen.clip();
  for (const { y, name, colour = colours.note } of levels) {
    pen.setLineDash([5, 4]);
    pen.strokeStyle = pen.fillStyle = colour;
    line(pen, area.left, py(y), area.right, py(y));
    pen.setLineDash([]);
    pen.textAlign = "right";
    pen.fillText(name, area.right - 4, py(y) - 8);
  }
  for (const { x, y, colour, dashed = false, points = false, width: thick = 2 } of curves) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = thick;
    pen.setLineDash(dashed ? [6, 5] : []);
    pen.beginPath();
    let drawn = false;
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(y[i])) {
        drawn = false;
        continue;
      }
      if (drawn) pen.lineTo(px(x[i]), py(y[i]));
      else pen.moveTo(px(x[i]), py(y[i]));
      drawn = true;
    }
    pen.stroke();
    pen.setLineDash([]);
    if (points) {
      for (let i = 0; i < x.length; i++) {
        pen.beginPath();
        pen.arc(px(x[i]), py(y[i]), 3.5, 0, 7);
        pen.fill();
      }
    }
  }
  if (cursor !== null) {
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    line(pen, px(cursor), area.top, px(cursor), area.bottom);
  }
  pen.restore();
  return { px, py, area };
}

/**
 * Add a legend below the drawing of a panel: names with a piece of their line.
 * @param {any} frame  of `createFrame`
 * @param {Element} panel
 * @param {() => {name: string, colour: string, dashed?: boolean}[]} entries  with the theme's colours
 */
export function legend(frame, panel, entries) {
  const node = create("ul", { class: "legend", role: "list" });
  const fill = () => {
    const items = entries().map(({ name, colour, dashed }) => {
      const sample = create("span", { class: dashed ? "sample dashed" : "sample", "aria-hidden": "true" });
      sample.style.borderColor = colour;
      return create("li", {}, sample, name);
    });
    node.replaceChildren(...items);
  };
  fill();
  frame.onTheme(fill);
  panel.append(node);
  return { node, update: fill };
}

/**
 * Add a point that is dragged with mouse or finger, or moved with the arrow keys.
 * @param {any} target  of `drawing`
 * @param {{label: string, colour: string, step: number, onMove: (dx: number, dy: number, absolute: {x: number, y: number} | null) => void}} options
 *   onMove: with the keyboard, dx and dy are plus or minus `step`, y upwards; while dragging, `absolute` is the place
 *   in CSS pixels of the drawing
 */
export function handle(target, { label, colour, step, onMove }) {
  const node = create("button", { type: "button", class: "handle", "aria-label": label, title: label });
  node.style.setProperty("--handle", colour);
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    event.preventDefault();
    node.focus({ preventScroll: true });
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const box = target.area.getBoundingClientRect();
    onMove(0, 0, { x: event.clientX - box.left, y: event.clientY - box.top });
  });
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
    place(x, y) {
      node.style.left = `${x}px`;
      node.style.top = `${y}px`;
    },
    colour: (next) => node.style.setProperty("--handle", next),
    name(next) {
      node.setAttribute("aria-label", next);
      node.title = next;
    },
  };
}

/** A number in at most four characters or so: 0.25, 12, 1.5k, 2.1M, 3B. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(0);
  for (const [unit, name] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}${name}`;
  }
  return String(Number(value.toPrecision(3)));
}

function ticks([low, high], log, most) {
  if (log) {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const part of [1, 2, 5]) all.push(part * 10 ** power);
    }
    const inside = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    const tens = inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
    if (inside.length <= most) return inside;
    const every = Math.ceil(tens.length / Math.max(most, 1));
    return tens.filter((_, i) => i % every === 0);
  }
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((each) => each >= rough) ?? rough;
  const found = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step) found.push(Number(tick.toPrecision(12)));
  return found;
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
