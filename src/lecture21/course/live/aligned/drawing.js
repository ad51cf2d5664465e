// Learned reward and true score of the policies against their divergence from the fine-tuned model.

import { lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { placeIn } from "../kit/draw.js";

const TICKS = [0, 1, 3, 10, 30];
const REACH = 20; // CSS pixels from a point to the pointer that takes it
const along = (/** @type {number} */ kl) => Math.log1p(kl);

/**
 * @typedef {number[]} Measured  KL, judge's score and learned reward
 * @typedef {{name: string, method: string, line: Measured[], others: Measured[]}} Course  others: ends of other seeds
 */

/**
 * Add one chart to the figure; its axis is the logarithm of 1 + KL, on which 0 has a place.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{courses: Course[], value: 1 | 2, title: string, yTitle: string, yRange: [number, number],
 *   look: (index: number) => {color: string, dashed?: boolean}, chosen: () => Measured,
 *   stops: {name: string, measured: Measured}[], onChoose: (stop: number) => void}} options
 *   stops: the policies whose responses can be read: a click on the point of one chooses it
 */
export function frontier(frame, { courses, value, title, yTitle, yRange, look, chosen, stops, onChoose }) {
  const target = lineChart(frame, {
    title,
    label: `${yTitle} of the policies against their divergence from the fine-tuned model`,
    height: (width) => Math.min(300, 190 + width / 5),
    content: () => ({
      curves: courses.map(({ name, method, line }, i) => ({
        name: method === "dpo" ? "" : name,
        x: method === "dpo" ? [] : line.map(([kl]) => along(kl)),
        y: line.map((each) => each[value]),
        ...look(i),
      })),
      marks: [
        ...courses.flatMap(({ line, others }, i) => [
          ...line.map((point) => {
            const read = stops.some(({ measured }) => measured[0] === point[0] && measured[value] === point[value]);
            return { ...placeOf(point), color: look(i).color, radius: read ? 5.5 : 2.5 };
          }),
          ...others.map((point) => ({ ...placeOf(point), color: look(i).color, radius: 3, ring: 1.2 })),
        ]),
        { ...placeOf(chosen()), color: THEMED.ink, radius: 8, ring: 2.5 },
      ],
      xRange: [0, along(70)],
      yRange,
      xTicks: TICKS.map(along),
      xText: (place) => String(Math.round(Math.expm1(place))),
      xTitle: "KL in nats (log scale of 1 + KL)",
      yTitle,
      cursor: along(chosen()[0]),
    }),
  });
  const placeOf = (/** @type {Measured} */ measured) => ({ x: along(measured[0]), y: measured[value] });

  /** The policy whose point is nearest to a pointer and within its reach, or -1. */
  function under(/** @type {MouseEvent} */ event) {
    const pointer = placeIn(target.area, event);
    if (!target.scale) return -1;
    const { px, py } = target.scale;
    const places = stops.map(({ measured }) => placeOf(measured));
    const distances = places.map(({ x, y }) => Math.hypot(px(x) - pointer.x, py(y) - pointer.y));
    const nearest = distances.indexOf(Math.min(...distances));
    return distances[nearest] <= REACH ? nearest : -1;
  }
  target.area.addEventListener("click", (event) => under(event) >= 0 && onChoose(under(event)));
  target.area.addEventListener("pointermove", (event) => {
    const stop = under(event);
    target.area.style.cursor = stop < 0 ? "" : "pointer";
    target.area.title = stop < 0 ? "" : stops[stop].name;
  });
  return target;
}
