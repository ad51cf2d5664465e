// The mask over the image's and the text's tokens: a row for each query, the chosen one outlined, and what the colors are.

import { drawing, heatmap, placeIn } from "../kit/draw.js";
import { create } from "../kit/frame.js";

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {() => number} options.count  of the tokens
 * @param {() => number} options.nImage  of those of the image
 * @param {() => number} options.active  the chosen token
 * @param {(query: number, key: number) => boolean} options.allowed
 * @param {(row: number | null) => void} options.onHover
 * @param {(row: number) => void} options.onChoose
 */
export function maskView(frame, { count, nImage, active, allowed, onHover, onChoose }) {
  /** Of the mask's cells. @type {ReturnType<typeof heatmap> | null} */
  let place = null;
  const map = drawing(frame, {
    title: "The mask",
    label: "The mask over the sequence; the row of the chosen token is outlined",
    height: (width) => Math.min(width, 340),
    draw(pen, width, height) {
      const all = Array.from({ length: count() }, (_, i) => i);
      const side = Math.min(width, height);
      const code = (/** @type {number} */ i, /** @type {number} */ j) =>
        !allowed(i, j) ? 0 : j >= nImage() ? 3 : j > i ? 2 : 1;
      const fill = [frame.colors.paper, frame.colors.key, frame.colors.series[1], frame.colors.query];
      place = heatmap(pen, frame.colors, {
        values: all.map((i) => all.map((j) => code(i, j))),
        color: (k) => fill[k],
        ...{ rowTitle: "query", columnTitle: "key", width: side, height: side },
      });
      const { left, top, cell } = place;
      pen.lineWidth = 1;
      pen.strokeStyle = frame.colors.note;
      pen.strokeRect(left + 0.5, top + 0.5, all.length * cell.width, all.length * cell.height);
      pen.lineWidth = 3;
      pen.strokeStyle = frame.colors.ink;
      pen.strokeRect(left + 1, top + active() * cell.height, all.length * cell.width - 1, Math.max(cell.height, 3));
    },
  });
  const rowAt = (/** @type {MouseEvent} */ event) => {
    if (!place) return null;
    const row = Math.floor((placeIn(map.area, event).y - place.top) / place.cell.height);
    return row >= 0 && row < count() ? row : null;
  };
  map.canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && onHover(rowAt(event)));
  map.canvas.addEventListener("pointerleave", () => onHover(null));
  map.canvas.addEventListener("click", (event) => {
    const row = rowAt(event);
    if (row !== null) onChoose(row);
  });
  const legend = create("ul", { class: "legend" });
  map.panel.classList.add("mask");
  map.panel.append(legend);
  return {
    panel: map.panel,
    update() {
      map.redraw();
      const { key, series, query } = frame.colors;
      const entries = [
        [key, "image key at or before the query"],
        [series[1], "image key after the query"],
        [query, "text key"],
      ];
      legend.replaceChildren(
        ...entries.map(([color, text]) => {
          const sample = create("span", { class: "key" });
          sample.style.background = color;
          return create("li", {}, sample, text);
        }),
      );
    },
  };
}
