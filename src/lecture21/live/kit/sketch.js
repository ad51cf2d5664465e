// A curve that the reader expects, drawn on a chart with the mouse, a finger or the arrow keys.

import { placeIn } from "./draw.js";
import { create } from "./frame.js";

const PLACES = 50; // along the horizontal axis

/**
 * @param {any} frame  of `createFrame`
 * @param {any} target  of `drawing`, with a chart
 * @param {object} options
 * @param {string} options.label  what is drawn
 * @param {(share: number, value: number) => string} options.value  in words: a place, from 0 to 1, and a value there
 * @param {() => void} options.onChange
 */
export function sketch(frame, target, { label, value, onChange }) {
  /** @type {number[]} */
  let values = new Array(PLACES + 1).fill(NaN);
  let at = 0;
  /** @type {{place: number, value: number} | null} */
  let last = null;
  const node = create("div", {
    class: "sketch",
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}: draw it, or move with left and right and draw with up and down`,
  });
  target.area.append(node);

  const guess = {
    /** What `lineChart` returned when it was drawn last. */
    area: /** @type {any} */ (null),
    /** Of the values. @type {[number, number]} */
    range: [0, 1],
    get drawn() {
      return values.some(Number.isFinite);
    },
    /** The last value that was drawn. */
    get end() {
      return values.findLast(Number.isFinite);
    },
    /** The curve on a horizontal axis from 0 to `most`. */
    curve: (/** @type {number} */ most) => ({ x: values.map((_, i) => (i / PLACES) * most), y: values }),
    /** Let the reader draw, or no longer. */
    open(/** @type {boolean} */ isOpen) {
      node.hidden = !isOpen;
    },
    clear() {
      values = values.map(() => NaN);
      say();
    },
  };

  /** Draw up to a place, straight from the one before. */
  function draw(/** @type {number} */ place, /** @type {number} */ level) {
    const [low, high] = guess.range;
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
    if (!guess.area || !node.hasPointerCapture(event.pointerId)) return;
    const pointer = placeIn(node, event);
    const { area } = guess.area;
    const share = (pointer.x - area.left) / (area.right - area.left);
    const level = (pointer.y - area.top) / (area.bottom - area.top);
    const [low, high] = guess.range;
    draw(Math.round(PLACES * Math.min(1, Math.max(0, share))), high - level * (high - low));
  }

  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    last = null;
    follow(event);
  });
  node.addEventListener("pointermove", follow);
  node.addEventListener("keydown", (event) => {
    const [low, high] = guess.range;
    const now = Number.isFinite(values[at]) ? values[at] : high - 0.1 * (high - low);
    const across = { ArrowLeft: -2, ArrowRight: 2 }[event.key] ?? 0;
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0;
    if (!across && !up) return;
    event.preventDefault();
    last = Number.isFinite(values[at]) ? { place: at, value: now } : null;
    draw(Math.min(PLACES, Math.max(0, at + across)), now + (up * (high - low)) / 40);
  });

  function say() {
    const [low, high] = guess.range;
    const now = values[at];
    node.setAttribute("aria-valuemin", String(low));
    node.setAttribute("aria-valuemax", String(high));
    node.setAttribute("aria-valuenow", String(Number.isFinite(now) ? now : high));
    node.setAttribute("aria-valuetext", Number.isFinite(now) ? value(at / PLACES, now) : "nothing drawn yet");
  }
  say();
  return guess;
}
