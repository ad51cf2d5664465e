// Bars: the distribution of the next character, and other numbers with names.

import { percent } from "../kit/numbers.js";
import { create } from "../kit/frame.js";
import { longName } from "./characters.js";

/**
 * Add a list of named bars to a panel.
 * @param {Element} parent
 * @param {string} label
 */
export function bars(parent, label) {
  const node = create("ul", { class: "bars", role: "list", "aria-label": label });
  parent.append(node);
  return {
    node,
    /**
     * @param {{name: string, text: string, share?: number, outline?: number, cut?: boolean}[]} rows
     *   share, outline: lengths of the filled and of the hollow bar, from 0 to 1
     */
    update(rows) {
      const items = rows.map(({ name, text, share = 0, outline = 0, cut = false }) => {
        const [own, drawn] = [create("span", { class: "own" }), create("span", { class: "drawn" })];
        own.style.width = `${100 * outline}%`;
        drawn.style.width = `${100 * share}%`;
        const pieces = [...(share ? [drawn] : []), ...(outline ? [own] : [])];
        const track = create("span", { class: "track", "aria-hidden": "true" }, ...pieces);
        const parts = [create("span", { class: "name" }, name), track, create("span", { class: "number" }, text)];
        return create("li", { class: cut ? "cut" : "" }, ...parts);
      });
      node.replaceChildren(...items);
    },
  };
}

/**
 * The most probable characters as rows of `bars`, and the others together.
 * @param {string[]} symbols
 * @param {ArrayLike<number>} own  probabilities before something was changed: hollow bars
 * @param {ArrayLike<number>} now  filled bars; what is 0 was cut
 * @param {number} count
 */
export function distributionRows(symbols, own, now, count) {
  const higher = (/** @type {number} */ id) => Math.max(own[id], now[id]);
  const order = Array.from(symbols.keys()).sort((a, b) => higher(b) - higher(a) || a - b);
  const changed = order.some((id) => Math.abs(own[id] - now[id]) > 1e-6);
  const longest = Math.max(0.2, higher(order[0]));
  const rows = order.slice(0, count).map((id) => ({
    name: longName(symbols[id]),
    text: now[id] ? percent(now[id]) : "cut",
    share: now[id] / longest,
    outline: changed ? own[id] / longest : 0,
    cut: !now[id],
  }));
  const others = order.slice(count);
  const rest = others.reduce((sum, id) => sum + now[id], 0);
  const text = rest ? percent(rest) : "cut";
  if (others.length) rows.push({ name: `${others.length} others`, text, share: 0, outline: 0, cut: true });
  return rows;
}
