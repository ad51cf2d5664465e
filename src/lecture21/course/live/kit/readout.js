// The values of a chart's curves where the pointer is, or where the arrow keys have moved it.

import { short } from "./axes.js";
import { placeIn } from "./draw.js";
import { create } from "./frame.js";
import { fill, shape } from "./svg.js";

const REACH = 16; // CSS pixels from the place that is read to the value of a curve
const STRIDE = 6; // CSS pixels, at least, that an arrow key moves

/**
 * Let a chart say its values.
 * @param {HTMLElement} area  of the drawing
 * @param {SVGElement} node  the chart
 */
export function readout(area, node) {
  const box = create("div", { class: "readout", role: "status", hidden: true });
  const group = shape("g", { class: "read" });
  node.append(group);
  area.append(box);
  /** @type {import("./chart.js").Content | null} */
  let shown = null;
  /** @type {import("./chart.js").Scale | null} */
  let scale = null;
  /** What is read. @type {number | null} */
  let x = null;

  /** The places where a curve has a value, from left to right. */
  function places() {
    const named = (shown?.curves ?? []).filter(({ name }) => name);
    const all = named.flatMap((curve) => Array.from(curve.x).filter((_, i) => Number.isFinite(curve.y[i])));
    return [...new Set(all)].sort((a, b) => a - b);
  }

  function nearest(/** @type {ArrayLike<number>} */ values, /** @type {number} */ pixel) {
    const px = /** @type {import("./chart.js").Scale} */ (scale).px;
    let best = -1;
    for (let i = 0; i < values.length; i++)
      if (best < 0 || Math.abs(px(values[i]) - pixel) < Math.abs(px(values[best]) - pixel)) best = i;
    return best;
  }

  function show(/** @type {number | undefined} */ next) {
    if (next === undefined || !shown || !scale) return hide();
    x = next;
    const { px, py, area: inner } = scale;
    const found = shown.curves.flatMap(({ name, x: all, y, color }) => {
      const i = name ? nearest(all, px(next)) : -1;
      const near = i >= 0 && Math.abs(px(all[i]) - px(next)) <= REACH && Number.isFinite(y[i]);
      return near ? [{ name, color, x: all[i], y: y[i] }] : [];
    });
    if (!found.length) return hide();
    const left = px(next);
    const line = { class: "reads", x1: left, x2: left, y1: inner.top, y2: inner.bottom };
    fill(group, [
      ["line", line],
      ...found.map(({ color, ...point }) => {
        const place = { cx: px(point.x), cy: Math.min(inner.bottom, Math.max(inner.top, py(point.y))), r: 4 };
        return /** @type {import("./svg.js").Part} */ (["circle", { ...place, style: `fill: ${color}` }]);
      }),
    ]);
    const rows = found.map(({ name, y }) => create("span", {}, `${name}: `, create("b", {}, short(y))));
    const where = create("span", {}, `${shown.xTitle}: ${(shown.xText ?? short)(next)}`);
    box.replaceChildren(where, ...rows);
    box.hidden = false;
    const isLeft = left < (inner.left + inner.right) / 2;
    box.style.left = isLeft ? `${left + 10}px` : "auto";
    box.style.right = isLeft ? "auto" : `${area.clientWidth - left + 10}px`;
    box.style.top = `${inner.top}px`;
  }

  function hide() {
    x = null;
    box.hidden = true;
    group.replaceChildren();
  }

  area.addEventListener("pointermove", follow);
  node.addEventListener("pointerdown", follow);
  area.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  node.addEventListener("blur", hide);
  function follow(/** @type {PointerEvent} */ event) {
    if (event.buttons && event.target instanceof HTMLElement) return hide(); // something is drawn or dragged
    if (!scale) return;
    const pixel = placeIn(area, event).x;
    if (pixel < scale.area.left - REACH || pixel > scale.area.right + REACH) return hide();
    const all = places();
    show(all[nearest(all, pixel)]);
  }

  node.addEventListener("keydown", (event) => {
    const all = places();
    const px = scale?.px;
    if (!px || !all.length) return;
    const now = x === null ? -Infinity : px(x);
    if (event.key === "ArrowRight") show(all.find((each) => px(each) >= now + STRIDE) ?? all.at(-1));
    else if (event.key === "ArrowLeft") show(all.findLast((each) => px(each) <= now - STRIDE) ?? all[0]);
    else if (event.key === "Home") show(all[0]);
    else if (event.key === "End") show(all.at(-1));
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  });

  return {
    /** Follow the chart. */
    update(/** @type {import("./chart.js").Content} */ content, /** @type {import("./chart.js").Scale} */ next) {
      [shown, scale] = [content, next];
      if (x !== null) show(x);
    },
  };
}
