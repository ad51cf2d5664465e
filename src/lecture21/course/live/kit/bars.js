// Stacked bars: the parameters of a model by part, or a memory against what the cards have.

import { create, headings } from "./frame.js";

const FAR = 5; // times as long as the bar

/**
 * Draw one stacked bar, with a line at what is available, or, where that is too far away to see the parts, an arrow to it.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./colors.js").Colors} colors
 * @param {{parts: {value: number, color: string}[], limit?: number, limitName?: string, width: number}} options
 */
export function stackedBar(pen, colors, { parts, limit = 0, limitName = "", width }) {
  const [left, top, thick] = [1, limit ? 20 : 2, 30];
  const whole = width - 2 * left;
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  const far = limit > FAR * total;
  const scale = whole / (far ? total * 1.25 : Math.max(total, limit * 1.02));
  let x = left;
  pen.fillStyle = colors.panel;
  pen.fillRect(left, top, whole, thick);
  for (const { value, color } of parts) {
    pen.fillStyle = color;
    pen.fillRect(x, top, value * scale, thick);
    x += value * scale;
    if (value * scale > 3) {
      pen.fillStyle = colors.paper;
      pen.fillRect(x - 1, top, 1, thick);
    }
  }
  pen.strokeStyle = colors.note;
  pen.lineWidth = 1;
  pen.strokeRect(left + 0.5, top + 0.5, whole - 1, thick - 1);
  if (!limit) return;
  if (far) {
    pen.textAlign = "right";
    pen.fillStyle = colors.ink;
    pen.fillText(
      `${limitName}: ${Number((limit / total).toPrecision(2)).toLocaleString("en-US")} times this memory →`,
      width - 1,
      8,
    );
    return;
  }
  const at = left + limit * scale;
  pen.strokeStyle = pen.fillStyle = colors.ink;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(at, top - 4);
  pen.lineTo(at, top + thick + 4);
  pen.stroke();
  const wide = pen.measureText(limitName).width;
  pen.textAlign = at + wide / 2 > width ? "right" : at < wide / 2 ? "left" : "center";
  pen.fillText(limitName, pen.textAlign === "right" ? width - 1 : pen.textAlign === "left" ? 1 : at, 8);
}

/**
 * Fill a table: a row of headings, unless it is empty, and rows that begin with their name.
 * @param {HTMLTableElement} table
 * @param {string[]} names  of the columns
 * @param {string[][]} rows
 */
export function fillTable(table, names, rows) {
  const body = rows.map(([name, ...values]) =>
    create("tr", {}, create("th", { scope: "row" }, name), ...values.map((value) => create("td", {}, value))),
  );
  const groups = [create("tbody", {}, ...body)];
  if (names.length) groups.unshift(headings(...names));
  table.replaceChildren(...groups);
}
