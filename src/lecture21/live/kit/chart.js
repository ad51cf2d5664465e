// Curves on axes, their legend, and numbers in few characters.

import { create } from "./frame.js";

const FONT = "system-ui, sans-serif";

/**
 * Draw axes and curves.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {object} options
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>, color: string, dashed?: boolean, dotted?: boolean,
 *   points?: boolean, width?: number}[]} options.curves
 * @param {{y: number, name: string, color?: string}[]} [options.levels]  horizontal reference lines
 * @param {number} [options.levelsBeside]  width of a margin for the names of the levels, instead of on the lines
 * @param {[number, number]} options.xRange
 * @param {[number, number]} options.yRange
 * @param {string} options.xTitle
 * @param {string} options.yTitle  written above the axis
 * @param {boolean} [options.logX]
 * @param {boolean} [options.logY]
 * @param {number | null} [options.cursor]  a vertical line
 * @param {number[]} [options.xTicks]  by default round numbers
 * @param {(tick: number) => string} [options.xText]  what is written at a tick
 * @param {number} options.width
 * @param {number} options.height
 */
export function lineChart(pen, colors, options) {
  const {
    curves,
    levels = [],
    levelsBeside = 0,
    xRange,
    yRange,
    xTitle,
    yTitle,
    logX = false,
    logY = false,
    cursor = null,
    xTicks,
    xText = short,
    width,
    height,
  } = options;
  const area = { left: 46, right: width - Math.max(levelsBeside, 10), top: 24, bottom: height - 38 };
  const place = (value, [low, high], log) =>
    log ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low)) : (value - low) / (high - low);
  const px = (x) => area.left + place(x, xRange, logX) * (area.right - area.left);
  const py = (y) => area.bottom - place(y, yRange, logY) * (area.bottom - area.top);
  pen.strokeStyle = colors.line;
  pen.lineWidth = 1;
  pen.fillStyle = colors.note;
  pen.font = `13px ${FONT}`;
  pen.textAlign = "right";
  for (const tick of ticks(yRange, logY, (area.bottom - area.top) / 40)) {
    line(pen, area.left, py(tick), area.right, py(tick));
    pen.fillText(short(tick), area.left - 6, py(tick));
  }
  pen.textAlign = "center";
  for (const tick of xTicks ?? ticks(xRange, logX, (area.right - area.left) / 70))
    pen.fillText(xText(tick), px(tick), area.bottom + 12);
  pen.fillText(xTitle, (area.left + area.right) / 2, height - 9);
  pen.textAlign = "left";
  pen.fillText(yTitle, 4, 10);
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top - 3, area.right - area.left, area.bottom - area.top + 6);
  pen.clip();
  for (const { y, name, color = colors.note } of levels) {
    pen.setLineDash([5, 4]);
    pen.strokeStyle = pen.fillStyle = color;
    line(pen, area.left, py(y), area.right, py(y));
    pen.setLineDash([]);
    pen.textAlign = "right";
    if (!levelsBeside) pen.fillText(name, area.right - 4, py(y) - 8);
  }
  for (const { x, y, color, dashed = false, dotted = false, points = false, width: thick = 2 } of curves) {
    pen.strokeStyle = pen.fillStyle = color;
    pen.lineWidth = thick;
    pen.setLineDash(dashed ? [6, 5] : dotted ? [2, 4] : []);
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
    pen.strokeStyle = colors.ink;
    pen.lineWidth = 1.5;
    line(pen, px(cursor), area.top, px(cursor), area.bottom);
  }
  pen.restore();
  if (levelsBeside) {
    pen.textAlign = "left";
    let free = area.bottom + 14; // the names do not overlap; the lowest has its place first
    for (const { y, name, color = colors.note } of [...levels].sort((a, b) => a.y - b.y)) {
      if (py(y) > area.bottom + 1 || py(y) < area.top - 1) continue;
      free = Math.min(py(y), free - 14);
      pen.fillStyle = color;
      pen.fillText(name, area.right + 6, free, levelsBeside - 8);
    }
  }
  return { px, py, area };
}

/**
 * Add a legend below the drawing of a panel: names with a piece of their line.
 * @param {any} frame  of `createFrame`
 * @param {Element} panel
 * @param {() => {name: string, color: string, dashed?: boolean, dotted?: boolean}[]} entries  with the theme's colors
 */
export function legend(frame, panel, entries) {
  const node = create("ul", { class: "legend", role: "list" });
  const fill = () => {
    const items = entries().map(({ name, color, dashed, dotted }) => {
      const kind = dashed ? "sample dashed" : dotted ? "sample dotted" : "sample";
      const sample = create("span", { class: kind, "aria-hidden": "true" });
      sample.style.borderColor = color;
      return create("li", {}, sample, name);
    });
    node.replaceChildren(...items);
  };
  fill();
  frame.onTheme(fill);
  panel.append(node);
  return { node, update: fill };
}

/** @type {[number, string][]} */
const UNITS = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * Return a number in few characters: 0.25, 12, 1.5k, 2.1M, 3B.
 * @param {number} value
 */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(0);
  for (const [unit, name] of UNITS) {
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
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step)
    found.push(Number(tick.toPrecision(12)));
  return found;
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
