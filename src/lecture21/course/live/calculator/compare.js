// Two models side by side, A that was pinned and B that is chosen now, and what makes B fit.

import { bytes, count, inWords, time } from "./format.js";
import { fillTable } from "../kit/bars.js";
import { button } from "../kit/controls.js";
import { create } from "../kit/frame.js";

/** @typedef {import("./report.js").Current} Current @typedef {import("./report.js").Focus} Focus */
/** @typedef {[string, (current: Current) => number, (value: number) => string]} Row */

/** What is compared in each focus: its name, its value, and the value as text. @type {Record<Focus, Row[]>} */
const ROWS = {
  training: [
    ["Time", ({ training }) => training.days, time],
    ["Memory", ({ training }) => training.needed, bytes],
  ],
  serving: [
    ["Weights", ({ serving }) => serving.weights, bytes],
    ["Keys and values", ({ serving }) => serving.cache, bytes],
    ["Cards needed", ({ serving }) => serving.cardsNeeded, count],
  ],
  cache: [
    ["Weights", ({ serving }) => serving.weights, bytes],
    ["Keys and values", ({ cache }) => cache.needed, bytes],
  ],
};

/**
 * Return what is compared: a name, A, B, and how many times A is B.
 * @param {Current} a
 * @param {Current} b
 * @param {Focus} focus
 * @returns {string[][]}
 */
export function comparison(a, b, focus) {
  /** @type {Row[]} */
  const rows = [["Parameters", ({ counts }) => counts.total, inWords], ...ROWS[focus]];
  return rows.map(([name, of, text]) => [name, text(of(a)), text(of(b)), times(of(b) / of(a))]);
}

/** Say what changed from A to B: what is no longer the same, with its factor. */
export function changeInWords(/** @type {string[][]} */ rows) {
  const changed = rows.filter(([, , , factor]) => factor !== "same");
  if (!changed.length) return "";
  return `Against A: ${changed.map(([name, , , factor]) => `${name.toLowerCase()} ${factor}`).join(", ")}.`;
}

function times(/** @type {number} */ ratio) {
  if (!Number.isFinite(ratio)) return "–";
  if (Math.abs(ratio - 1) < 5e-4) return "same";
  const [sign, factor] = ratio > 1 ? ["×", ratio] : ["÷", 1 / ratio];
  return `${sign}\u00a0${Number(factor.toPrecision(3)).toLocaleString("en-US")}`;
}

/**
 * Make the two panels: what makes B fit, and the comparison.
 * @param {Focus} focus
 * @param {{onPin: () => void, onFit: (set: import("./fit.js").Setting) => void}} options
 */
export function comparePanels(focus, { onPin, onFit }) {
  const ways = create("div", { class: "actions" });
  const advice = create("p", { class: "panel-title" });
  const fit = create("div", {}, advice, ways);
  fit.style.margin = "0.6rem 0";
  const table = create("table");
  const compared = create("summary");
  const pair = create("details", { class: "panel full" }, compared, create("div", { class: "scroll" }, table));
  button(pair, { label: "Keep B as A", onClick: onPin });
  /**
   * @param {Current} a
   * @param {Current} b
   * @param {boolean} differ  whether the settings do
   * @param {ReturnType<typeof import("./fit.js").waysToFit>} found  what makes B fit; empty if it does
   */
  function update(a, b, differ, found) {
    pair.hidden = !differ;
    compared.textContent = `Compared with ${a.name === b.name ? "the settings before" : a.name}`;
    fillTable(table, ["", `A: ${a.name}`, `B: ${b.name}`, "B / A"], comparison(a, b, focus));
    fit.hidden = !found.length;
    advice.textContent = `To make it fit ${b.cardsName}, or more of them, change one of these:`;
    ways.replaceChildren();
    for (const { text, set } of found) button(ways, { label: text, onClick: () => onFit(set) });
  }
  return { update, fit, pair };
}
