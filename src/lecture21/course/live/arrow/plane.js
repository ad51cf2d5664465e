// Words as arrows in a plane, which are dragged, and the new vectors that attention makes of some of them.

import { axis } from "../kit/axes.js";
import { handle, painted } from "../kit/draw.js";
import { written } from "../kit/numbers.js";
import { fill, shape } from "../kit/svg.js";

export const PLANE_STYLE = `
.panel.plane { flex: 1 1 17rem; max-width: 27rem; }
.plane svg { display: block; width: 100%; }
.plane .grid line { stroke: var(--line); } .plane .grid .zero { stroke: var(--note); } .plane .grid text { font: 12px system-ui, sans-serif; fill: var(--note); }
.plane .words :is(line, path) { stroke: var(--note); stroke-width: 1.5; } .plane .words path { fill: var(--note); }
.plane .words .query { stroke: var(--query); stroke-width: 2.5; } .plane .words path.query { fill: var(--query); }
.plane .pulls line { stroke: var(--value); opacity: 0.55; }
.plane .news :is(line, path) { stroke: var(--output); stroke-width: 3.5; } .plane .news path { fill: var(--output); }
.plane .names text { font: 600 14px system-ui, sans-serif; fill: var(--ink); stroke: var(--paper); stroke-width: 4px; paint-order: stroke; text-anchor: middle; dominant-baseline: central; }
.plane .names .query { fill: var(--query-text); } .plane .names .output { fill: var(--output-text); }
`;

const STEP = 0.1; // of an arrow key and of a drag

/** @typedef {{word: string, weights: number[], output: number[]}} Shown  a word whose weights and new vector are shown */

/**
 * Add the plane to a figure.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {[number, number]} options.limits  of each component
 * @param {string[]} options.axes  what the components are called; empty for nothing
 * @param {string[]} options.words  all that a sentence may have
 * @param {(word: string, vector: number[]) => void} options.onMove
 */
export function plane(frame, { limits, axes, words: all, onMove }) {
  const node = shape("svg", { role: "img", "aria-label": "The vectors of the words as arrows in a plane" });
  const [grid, pulls, words, news, names] = ["grid", "pulls", "words", "news", "names"].map((name) => {
    const group = shape("g", { class: name });
    node.append(group);
    return group;
  });
  const target = painted(frame, { title: "", height: (width) => Math.min(width, 400), full: false, node, paint });
  target.panel.classList.add("plane");
  /** @type {{words: string[], x: number[][], shown: Shown[]}} */
  let scene = { words: [], x: [], shown: [] };
  let place = { px: axis(limits, [0, 1]), py: axis(limits, [1, 0]) };

  const inside = (/** @type {number} */ value) =>
    Math.round(Math.min(Math.max(value, limits[0]), limits[1]) / STEP) * STEP;
  const rounded = (/** @type {number} */ value) => Number(inside(value).toFixed(1));
  const handles = all.map((word) =>
    handle(target, {
      label: word,
      color: frame.colors.note,
      step: STEP,
      onMove(dx, dy, pointer) {
        const [x, y] = scene.x[scene.words.indexOf(word)];
        const next = pointer ? [place.px.invert(pointer.x), place.py.invert(pointer.y)] : [x + dx, y + dy];
        onMove(word, next.map(rounded));
      },
    }),
  );

  function paint(/** @type {number} */ width, /** @type {number} */ height) {
    const size = Math.min(width, height);
    const left = (width - size) / 2;
    const edge = 14; // so that a word at the limit can be taken
    const { px, py } = (place = {
      px: axis(limits, [left + edge, left + size - edge]),
      py: axis(limits, [size - edge, edge]),
    });
    const { query, value, output, text } = frame.colors;
    const colors = { query, value, output, "query-text": text.query, "output-text": text.output };
    for (const [name, color] of Object.entries(colors)) node.style.setProperty(`--${name}`, color);

    const ticks = Array.from({ length: limits[1] - limits[0] + 1 }, (_, i) => limits[0] + i);
    const [low, high] = limits;
    fill(grid, [
      ...ticks.flatMap((tick) => {
        const kind = tick === 0 ? "zero" : "";
        return /** @type {import("../kit/svg.js").Part[]} */ ([
          ["line", { class: kind, x1: px(tick), x2: px(tick), y1: py(low), y2: py(high) }],
          ["line", { class: kind, y1: py(tick), y2: py(tick), x1: px(low), x2: px(high) }],
        ]);
      }),
      ["text", { x: px(high), y: py(0) + 16, "text-anchor": "end" }, axes[0] && `${axes[0]} →`],
      ["text", { x: px(0) + 8, y: py(high) + 10, "text-anchor": "start" }, axes[1] && `↑ ${axes[1]}`],
    ]);

    const isQuery = (/** @type {string} */ word) => scene.shown.some((each) => each.word === word);
    /** @type {(vector: number[]) => [number, number]} */
    const at = ([x, y]) => [px(x), py(y)];
    const origin = at([0, 0]);
    fill(
      pulls,
      scene.shown.flatMap(({ weights, output: tip }) =>
        scene.x.map((vector, j) => {
          const [[x1, y1], [x2, y2]] = [at(tip), at(vector)];
          return /** @type {import("../kit/svg.js").Part} */ ([
            "line",
            { x1, y1, x2, y2, "stroke-width": 9 * weights[j] },
          ]);
        }),
      ),
    );
    fill(
      words,
      scene.words.flatMap((word, i) => arrow(origin, at(scene.x[i]), isQuery(word) ? "query" : "", 8)),
    );
    fill(
      news,
      scene.shown.flatMap(({ output: tip }) => arrow(origin, at(tip), "", 0)),
    );

    /** Places of points and names, and half of their widths. @type {number[][]} */
    const taken = [...scene.x, ...scene.shown.map((each) => each.output)].map((tip) => [...at(tip), 10]);
    const label = (/** @type {string} */ name, /** @type {number[]} */ tip, /** @type {string} */ kind) => {
      const [x, y] = placeOf(name, tip, origin, taken, [left, size]);
      taken.push([x, y, halfOf(name)]);
      return /** @type {import("../kit/svg.js").Part} */ (["text", { class: kind, x, y }, name]);
    };
    fill(names, [
      ...scene.words.map((word, i) => label(word, at(scene.x[i]), isQuery(word) ? "query" : "")),
      ...scene.shown.map(({ word, output: tip }) => label(`new ${word}`, at(tip), "output")),
    ]);
    handles.forEach((control, n) => {
      const i = scene.words.indexOf(all[n]);
      control.node.hidden = i < 0;
      if (i < 0) return;
      const [x, y] = scene.x[i].map((each) => written(each));
      control.place(...at(scene.x[i]));
      control.color(isQuery(all[n]) ? query : frame.colors.note);
      const where = axes[0] ? `${axes[0]} ${x}, ${axes[1]} ${y}` : `${x}, ${y}`;
      control.name(`${all[n]}: ${where}; drag, or press the arrow keys`);
    });
  }

  return {
    /** Draw other words, or the same ones elsewhere. */
    update(/** @type {typeof scene} */ next) {
      scene = next;
      target.redraw();
    },
  };
}

/**
 * An arrow as a line and a head; nothing if it is too short.
 * @param {number[]} from
 * @param {number[]} to
 * @param {string} kind  its class
 * @param {number} gap  between the head and where the arrow leads
 * @returns {import("../kit/svg.js").Part[]}
 */
function arrow([x1, y1], [x, y], kind, gap) {
  const length = Math.hypot(x - x1, y - y1);
  if (length < gap + 8) return [];
  const [dx, dy] = [(x - x1) / length, (y - y1) / length];
  const [x2, y2] = [x - gap * dx, y - gap * dy];
  const [bx, by] = [x2 - 10 * dx, y2 - 10 * dy];
  const head = `M${x2} ${y2}L${bx - 4 * dy} ${by + 4 * dx}L${bx + 4 * dy} ${by - 4 * dx}Z`;
  return [
    ["line", { class: kind, x1, y1, x2: bx, y2: by }],
    ["path", { class: kind, d: head }],
  ];
}

/**
 * Return where the name of a point goes: beside it, away from the origin and from what is there.
 * @param {string} name
 * @param {number[]} tip
 * @param {number[]} origin
 * @param {number[][]} taken  places of points and names, and half of their widths
 * @param {number[]} square  where the drawing begins, and its size
 */
function placeOf(name, [x, y], [ox, oy], taken, [left, size]) {
  const half = halfOf(name);
  const outward = Math.atan2(y - oy, x - ox);
  const places = [0, 0.8, -0.8, 1.6, -1.6, 2.4, -2.4, Math.PI].flatMap((turn) =>
    [1, 1.7, 2.4].map((far) => {
      const [dx, dy] = [Math.cos(outward + turn), Math.sin(outward + turn)];
      const [px, py] = [x + far * dx * (16 + half * 0.8), y + far * dy * 20];
      const inside = [Math.min(Math.max(px, left + half), left + size - half), Math.min(Math.max(py, 10), size - 10)];
      const overlap = taken.reduce((sum, [tx, ty, width]) => {
        return sum + Math.max(0, half + width - Math.abs(tx - inside[0])) * Math.max(0, 22 - Math.abs(ty - inside[1]));
      }, 0);
      return { inside, cost: overlap + 3 * Math.abs(turn) + 3 * far };
    }),
  );
  return places.reduce((best, each) => (each.cost < best.cost ? each : best)).inside;
}

/** Half of the width of a name, in CSS pixels, with some room. */
function halfOf(/** @type {string} */ name) {
  return 4 * name.length + 4;
}
