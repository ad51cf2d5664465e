// A curve that the reader expects, drawn on a chart with the mouse, a finger or the arrow keys. It is kept in the units of
// the axes, so that it stays where it was drawn if the horizontal axis changes later.

import { placeIn } from "./draw.js";
import { create } from "./frame.js";

const PLACES = 50; // along the horizontal axis

/**
 * Let the reader draw on a chart.
 * @param {ReturnType<typeof import("./chart.js").lineChart>} chart
 * @param {object} options
 * @param {string} options.label  what is drawn
 * @param {() => number} options.end  of the horizontal axis, which begins at 0
 * @param {(x: number, value: number) => string} options.value  in words: a place on the axis, and a value there
 * @param {() => void} options.onChange
 */
export function sketch(chart, { label, end, value, onChange }) {
  /** @type {number[]} */
  let values = new Array(PLACES + 1).fill(NaN);
  let span = end(); // of the axis on which it was drawn
  let at = 0;
  /** @type {{place: number, value: number} | null} */
  let last = null;
  const node = create("div", {
    class: "sketch",
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}: draw it, or move with left and right and draw with up and down`,
  });
  chart.area.append(node);

  const range = () => chart.scale?.yRange ?? [0, 1];

  const guess = {
    get drawn() {
      return values.some(Number.isFinite);
    },
    /** The last value that was drawn up to a place on the axis. */
    upTo: (/** @type {number} */ x) => values.slice(0, 1 + Math.round((PLACES * x) / span)).findLast(Number.isFinite),
    /** Where the axis ended on which it was drawn. */
    get span() {
      return span;
    },
    get curve() {
      return { x: values.map((_, i) => (i / PLACES) * span), y: values };
    },
    /** Keep the shape on an axis whose unit was not known yet. */
    stretch(/** @type {number} */ to) {
      span = to;
    },
    /** Let the reader draw, or no longer. */
    open(/** @type {boolean} */ isOpen) {
      node.hidden = !isOpen;
    },
    clear() {
      values = values.map(() => NaN);
      say();
    },
  };

  /** Follow the axis, where it has another end than before. */
  function fit() {
    const now = end();
    if (now === span) return;
    const old = values;
    values = old.map((_, i) => old[Math.round((i * now) / span)] ?? NaN);
    span = now;
  }

  /** Draw up to a place, straight from the one before. */
  function draw(/** @type {number} */ place, /** @type {number} */ level) {
    const [low, high] = range();
    const kept = Math.min(high, Math.max(low, level));
    const from = last ?? { place, value: kept };
    const steps = Math.abs(place - from.place);
    for (let i = 0; i <= steps; i++) {
      const share = steps ? i / steps : 1;
      values[Math.round(from.place + share * (place - from.place))] = from.value + share * (kept - from.value);
    }
    last = { place, value: kept };
    at = place;
    say();
    onChange();
  }

  function follow(/** @type {PointerEvent} */ event) {
    if (!chart.scale || !node.hasPointerCapture(event.pointerId)) return;
    const pointer = placeIn(node, event);
    const { area, py } = chart.scale;
    const share = (pointer.x - area.left) / (area.right - area.left);
    draw(Math.round(PLACES * Math.min(1, Math.max(0, share))), py.invert(pointer.y));
  }

  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    fit();
    last = null;
    follow(event);
  });
  node.addEventListener("pointermove", follow);
  node.addEventListener("keydown", (event) => {
    fit();
    const [low, high] = range();
    const now = Number.isFinite(values[at]) ? values[at] : high - 0.1 * (high - low);
    const across = { ArrowLeft: -2, ArrowRight: 2 }[event.key] ?? 0;
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0;
    if (!across && !up) return;
    event.preventDefault();
    last = Number.isFinite(values[at]) ? { place: at, value: now } : null;
    draw(Math.min(PLACES, Math.max(0, at + across)), now + (up * (high - low)) / 40);
  });

  function say() {
    const [low, high] = range();
    const now = values[at];
    node.setAttribute("aria-valuemin", String(low));
    node.setAttribute("aria-valuemax", String(high));
    node.setAttribute("aria-valuenow", String(Number.isFinite(now) ? now : high));
    node.setAttribute("aria-valuetext", Number.isFinite(now) ? value((at / PLACES) * span, now) : "nothing drawn yet");
  }
  say();
  return guess;
}
