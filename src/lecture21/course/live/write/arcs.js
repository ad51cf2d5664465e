// Attention as arcs over the text: from the character that is pointed at to those that it attends to.

import { inkOn, interpolate } from "../kit/colors.js";
import { drawing, placeIn } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { shortName } from "../characters/characters.js";

const [LEAST, MOST] = [11, 20]; // width of a character, in CSS pixels
const MORE = 0.5; // of that for each further character of a token
const [HEIGHT, ROW] = [190, 26];

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {(query: number) => void} onChoose  gets the place of a character
 */
export function arcs(frame, onChoose) {
  /** @type {{row: (query: number) => ArrayLike<number>, names: string[], unit: string, head: string, query: number, causal: boolean} | null} */
  let seen = null;
  let pointed = -1;
  let first = 0; // place of the first one that has room
  /** Where each of those begins, and the last one ends. @type {number[]} */
  let edges = [0, 0];
  const target = drawing(frame, {
    title: "What one character attends to",
    label: "The text, with arcs from one character to those that it attends to",
    height: HEIGHT,
    draw,
  });
  const node = create("div", { class: "pick", role: "slider", tabIndex: 0, "aria-valuemin": "1" });
  node.setAttribute("aria-label", "Character whose attention is shown: point at it, or move left and right");
  target.area.append(node);
  target.panel.classList.add("arcs");

  const query = () => (seen && !(pointed >= 0 && pointed < seen.names.length) ? seen.query : pointed);

  function draw(/** @type {CanvasRenderingContext2D} */ pen, /** @type {number} */ width) {
    if (!seen) return;
    const { colors } = frame;
    const { names, causal } = seen;
    const sizes = names.map((name) => 1 + MORE * (shortName(name).length - 1)); // in widths of a character
    let all = 0;
    first = names.length;
    while (first > 0 && LEAST * (all + sizes[first - 1]) <= width - 4) all += sizes[--first];
    const step = Math.min(MOST, (width - 4) / all);
    edges = [(width - step * all) / 2];
    for (let i = first; i < names.length; i++) edges.push(edges[i - first] + step * sizes[i]);
    const from = query();
    const weights = seen.row(from);
    const left = (/** @type {number} */ i) => edges[i - first];
    const wide = (/** @type {number} */ i) => edges[i - first + 1] - left(i);
    const x = (/** @type {number} */ i) => left(i) + wide(i) / 2;
    const base = HEIGHT - ROW - 4;
    pen.textAlign = "center";
    pen.font = "14px ui-monospace, monospace";
    for (let i = first; i < names.length; i++) {
      const hidden = causal && i > from;
      const fill = hidden ? colors.paper : interpolate([colors.paper, colors.key], weights[i]);
      pen.fillStyle = fill;
      pen.fillRect(left(i), base + 4, wide(i), ROW - 2);
      pen.fillStyle = hidden ? colors.note : inkOn(fill);
      pen.globalAlpha = hidden ? 0.6 : 1;
      pen.fillText(shortName(names[i]), x(i), base + 4 + ROW / 2);
      pen.globalAlpha = 1;
    }
    pen.strokeStyle = colors.key;
    for (let i = first; i < names.length; i++) {
      if ((causal && i > from) || weights[i] < 0.01) continue;
      pen.lineWidth = 0.5 + 7 * weights[i];
      pen.globalAlpha = 0.25 + 0.75 * weights[i];
      pen.beginPath();
      const across = Math.abs(x(i) - x(from)) / 2;
      if (i === from) pen.arc(x(i), base - 9, 7, 0.5 * Math.PI, 2.5 * Math.PI);
      else pen.ellipse((x(i) + x(from)) / 2, base, across, Math.min(base - 24, 10 + across), 0, Math.PI, 2 * Math.PI);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    pen.strokeStyle = colors.query;
    if (from >= first) pen.strokeRect(left(from) + 1, base + 5, wide(from) - 2, ROW - 4);
  }

  /** Say what the arcs of the query show. */
  function sentence() {
    if (!seen) return "";
    const { row, names, unit, head } = seen;
    const weights = Array.from(row(query()));
    const order = weights.map((_, i) => i).sort((a, b) => weights[b] - weights[a] || b - a);
    const quoted = (/** @type {number} */ i) => `“${shortName(names[i])}”`;
    const where = (/** @type {number} */ i) =>
      i === query() ? "itself" : `${Math.abs(query() - i)} ${i < query() ? "back" : "ahead"}`;
    const most = order.slice(0, 3).filter((i, rank) => !rank || weights[i] >= 0.05);
    const parts = most.map((i) => `${quoted(i)} (${where(i)}), weight ${weights[i].toFixed(2)}`);
    return `${head}: ${quoted(query())}, ${unit} ${query() + 1}, attends most to ${parts.join("; ")}.`;
  }

  function redraw() {
    if (!seen) return;
    node.setAttribute("aria-valuemax", String(seen.names.length));
    node.setAttribute("aria-valuenow", String(query() + 1));
    node.setAttribute("aria-valuetext", sentence());
    target.heading.textContent = `${seen.head}: what “${shortName(seen.names[query()])}” attends to`;
    target.redraw();
  }

  /** Show a character's row at once: a second key must not wait for the first. */
  function choose(/** @type {number} */ to) {
    if (!seen) return;
    seen = { ...seen, query: to };
    redraw();
    onChoose(to);
  }

  /** The character under a pointer. */
  function under(/** @type {PointerEvent} */ event) {
    const { x } = placeIn(node, event);
    const i = first + edges.findLastIndex((edge) => edge <= x);
    return Math.min((seen?.names.length ?? 1) - 1, Math.max(first, i));
  }

  node.addEventListener("pointermove", (event) => {
    pointed = seen ? under(event) : -1;
    redraw();
  });
  node.addEventListener("pointerleave", () => {
    pointed = -1;
    redraw();
  });
  node.addEventListener("click", (event) => seen && choose(under(/** @type {PointerEvent} */ (event))));
  node.addEventListener("keydown", (event) => {
    if (!seen) return;
    const last = seen.names.length - 1;
    const to = { ArrowLeft: query() - 1, ArrowRight: query() + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    pointed = -1;
    choose(Math.min(last, Math.max(0, to)));
  });

  return {
    panel: target.panel,
    /**
     * Show the attention of one head; returns a sentence about it.
     * @param {NonNullable<typeof seen>} now  row: the weights of a query; query: the one that is chosen
     */
    update(now) {
      seen = now;
      redraw();
      return sentence();
    },
  };
}
