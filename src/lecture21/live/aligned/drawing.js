// Learned reward and true score of the policies against their divergence from the fine-tuned model.

import { lineChart } from "../kit/chart.js";
import { drawing, placeIn } from "../kit/draw.js";

const TICKS = [0, 1, 3, 10, 30];
const REACH = 20; // CSS pixels from a point to the pointer that takes it
const along = (kl) => Math.log1p(kl);

/**
 * Add one chart to the figure; its axis is the logarithm of 1 + KL, on which 0 has a place.
 * @param {any} frame
 * @param {{courses: any[], value: 1 | 2, title: string, yTitle: string, yRange: [number, number],
 *   look: (index: number) => {color: string, dashed?: boolean}, chosen: () => any,
 *   stops: {name: string, measured: number[]}[], onChoose: (stop: number) => void}} options
 *   stops: the policies whose responses can be read: a click on the point of one chooses it
 */
export function frontier(frame, { courses, value, title, yTitle, yRange, look, chosen, stops, onChoose }) {
  /** @type {[number, number][]} */
  let places = [];
  const target = drawing(frame, {
    title,
    label: `${yTitle} of the policies against their divergence from the fine-tuned model`,
    height: (width) => Math.min(300, 190 + width / 5),
    draw(pen, width, height) {
      const { px, py } = lineChart(pen, frame.colors, {
        curves: courses.map(({ method, line }, i) => ({
          x: method === "dpo" ? [] : line.map(([kl]) => along(kl)),
          y: line.map((each) => each[value]),
          points: false,
          ...look(i),
        })),
        xRange: [0, along(70)],
        yRange,
        xTicks: TICKS.map(along),
        xText: (place) => String(Math.round(Math.expm1(place))),
        xTitle: "KL in nats (log scale of 1 + KL)",
        yTitle,
        cursor: along(chosen()[0]),
        width,
        height,
      });
      places = stops.map(({ measured }) => [px(along(measured[0])), py(measured[value])]);
      courses.forEach(({ line, others }, i) => {
        pen.strokeStyle = pen.fillStyle = look(i).color;
        for (const point of line) {
          const read = stops.some(({ measured }) => measured[0] === point[0] && measured[value] === point[value]);
          circle(pen, px(along(point[0])), py(point[value]), read ? 5.5 : 2.5, true);
        }
        pen.lineWidth = 1.2;
        for (const point of others) circle(pen, px(along(point[0])), py(point[value]), 3, false);
      });
      pen.strokeStyle = frame.colors.ink;
      pen.lineWidth = 2.5;
      circle(pen, px(along(chosen()[0])), py(chosen()[value]), 8, false);
    },
  });

  /** The policy whose point is nearest to a pointer and within its reach, or -1. */
  function under(/** @type {MouseEvent} */ event) {
    const pointer = placeIn(target.area, event);
    const distances = places.map(([x, y]) => Math.hypot(x - pointer.x, y - pointer.y));
    const nearest = distances.indexOf(Math.min(...distances));
    return distances[nearest] <= REACH ? nearest : -1;
  }
  target.canvas.addEventListener("click", (event) => under(event) >= 0 && onChoose(under(event)));
  target.canvas.addEventListener("pointermove", (event) => {
    const stop = under(event);
    target.canvas.style.cursor = stop < 0 ? "" : "pointer";
    target.canvas.title = stop < 0 ? "" : stops[stop].name;
  });
  return target;
}

function circle(pen, x, y, radius, filled) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  if (filled) pen.fill();
  else pen.stroke();
}
