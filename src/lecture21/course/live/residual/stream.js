// The residual stream of one position as a trunk down the page: each part reads it on a side branch and adds to it.

import { percent } from "../kit/numbers.js";
import { drawing } from "../kit/draw.js";
import { create } from "../kit/frame.js";
import { STREAM_STYLE } from "../characters/style.js";

const ROW = 44; // height of a part, in CSS pixels
const [TRUNK, BOX, WIDEST] = [20, 64, 22]; // the middle of the trunk, where the parts begin, the widest line
const BRANCH = 2;

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {number} layers
 * @param {(part: string, inUse: boolean) => void} onSwitch  such as "0.attention"
 * @param {(step: number) => void} onChoose  a row, from 0 for the embedding
 */
export function streamView(frame, layers, onSwitch, onChoose) {
  const steps = Array.from({ length: 2 * layers }, (_, i) => `${i >> 1}.${i % 2 ? "feed_forward" : "attention"}`);
  const kindOf = (/** @type {string} */ part) => (part.endsWith("attention") ? "attention" : "feed-forward");
  const nameOf = (/** @type {string} */ part) => `layer ${parseInt(part) + 1}, ${kindOf(part)}`;
  const names = ["embedding", ...steps.map(nameOf)];
  /** @type {{rows: {added: number, stream: number}[], removed: string[]} | null} */
  let seen = null;
  const isGone = (/** @type {number} */ step) => step > 0 && Boolean(seen?.removed.includes(steps[step - 1]));
  const target = drawing(frame, {
    title: "Its vector, from top to bottom: the wider, the longer",
    label:
      "The residual stream as a line from top to bottom, with a side branch for each part; wider lines, longer vectors",
    height: (steps.length + 1) * ROW,
    draw,
  });
  target.panel.classList.add("stream-panel");

  const rows = names.map((name, step) => {
    const short = step ? `${parseInt(steps[step - 1]) + 1} ${kindOf(steps[step - 1])}` : "embedding";
    const input = create("input", { type: "checkbox", checked: true, "aria-label": `Use ${name}` });
    input.addEventListener("change", () => onSwitch(steps[step - 1], input.checked));
    const box = step
      ? create("label", { class: "part" }, input, create("span", {}, short))
      : create("button", { type: "button", class: "part start" }, short);
    // Not on a click: it would draw the box as it was before its change is known.
    for (const act of ["focusin", "pointerenter"]) box.addEventListener(act, () => onChoose(step));
    const drawn = create("span", { class: "drawn" });
    const own = create("span", { class: "own" });
    const track = create("span", { class: "track", "aria-hidden": "true" }, drawn, own);
    const [share, best] = [create("span", { class: "number" }), create("span", { class: "best" })];
    return { node: create("li", {}, box, track, share, best), box, input, drawn, own, share, best };
  });
  const list = create("ol", { class: "stream", role: "list", "aria-label": "Embedding and parts" });
  list.append(...rows.map(({ node }) => node));
  list.style.setProperty("--row", `${ROW}px`);
  list.style.setProperty("--box", `${BOX}px`);
  target.area.append(list);
  const about = create("p", { class: "said" });
  target.area.before(about);
  frame.root.append(create("style", {}, STREAM_STYLE));

  function draw(/** @type {CanvasRenderingContext2D} */ pen) {
    if (!seen) return;
    const { colors } = frame;
    const most = Math.max(...seen.rows.flatMap(({ added, stream }) => [added, stream]), 1e-9);
    const wide = (/** @type {number} */ norm) => Math.max(1.5, (WIDEST * norm) / most);
    const middle = (/** @type {number} */ step) => (step + 0.5) * ROW;
    const curve = (
      /** @type {number} */ x1,
      /** @type {number} */ y1,
      /** @type {number} */ x2,
      /** @type {number} */ y2,
    ) => {
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
      pen.stroke();
    };
    const { rows } = seen;
    rows.forEach(({ stream }, step) => {
      pen.fillStyle = colors.stream;
      const end = step + 1 < rows.length ? middle(step + 1) + 8 : middle(step) + ROW / 2;
      pen.fillRect(
        TRUNK - wide(stream) / 2,
        middle(step) + (step ? 8 : -6),
        wide(stream),
        end - middle(step) - (step ? 8 : -6),
      );
    });
    pen.strokeStyle = colors.stream;
    pen.lineWidth = wide(seen.rows[0].added);
    curve(BOX, middle(0), TRUNK, middle(0)); // the embedding begins the stream
    seen.rows.forEach(({ added }, step) => {
      if (!step) return;
      pen.strokeStyle = colors.note;
      pen.lineWidth = BRANCH;
      pen.setLineDash(isGone(step) ? [3, 4] : []);
      curve(TRUNK, middle(step) - 14, BOX, middle(step) - 8);
      pen.setLineDash([]);
      if (isGone(step)) return;
      pen.strokeStyle = colorOf(step);
      pen.lineWidth = wide(added);
      curve(BOX, middle(step) + 8, TRUNK, middle(step) + 8);
      pen.beginPath();
      pen.arc(TRUNK, middle(step) + 8, 8, 0, 7);
      pen.fillStyle = colors.paper;
      pen.fill();
      pen.lineWidth = 1.5;
      pen.strokeStyle = pen.fillStyle = colors.ink;
      pen.stroke();
      pen.textAlign = "center";
      pen.fillText("+", TRUNK, middle(step) + 8.5);
    });
  }

  const colorOf = (/** @type {number} */ step) => frame.colors[step % 2 ? "query" : "value"];

  return {
    panel: target.panel,
    names,
    nameOf,
    /** Check the boxes of the layers in use: at once, since what is drawn may come from a computation that began before. */
    use(/** @type {string[]} */ removed) {
      rows.forEach(({ input }, step) => (input.checked = !(step && removed.includes(steps[step - 1]))));
    },
    /**
     * @param {{added: number, stream: number, share: number, best: string}[]} now  share: probability of the target
     * @param {object} options
     * @param {string[]} options.removed
     * @param {number} options.chosen
     * @param {string} options.target  the character, as it is named
     * @param {{losses: number[], whole: number} | null} options.without  the loss of the sentence without each part and
     *   with all, which the bars show in place of probabilities
     */
    update(now, { removed, chosen, target: named, without }) {
      seen = { rows: now, removed };
      const longest = without ? Math.max(...without.losses, without.whole) : 1;
      about.classList.toggle("wrong", Boolean(without));
      about.textContent = without
        ? `Bars now: surprise per letter without this part. Line: with all parts, ${without.whole.toFixed(2)}.`
        : `Bars: the probability of ${named}, if the model ended here. Beside them: its best guess.`;
      now.forEach(({ share, best }, step) => {
        const row = rows[step];
        const loss = without && step ? without.losses[step - 1] : 0;
        row.box.style.borderColor = step ? colorOf(step) : frame.colors.stream;
        row.box.classList.toggle("gone", isGone(step));
        row.box.classList.toggle("chosen", step === chosen);
        row.drawn.style.width = `${100 * (without ? loss / longest : share)}%`;
        row.drawn.classList.toggle("harm", Boolean(without));
        row.own.hidden = !loss;
        row.own.style.width = `${(100 * (without?.whole ?? 0)) / longest}%`;
        row.share.textContent = without ? (step ? loss.toFixed(2) : "") : percent(share);
        row.best.textContent = without ? "" : best;
      });
      target.redraw();
    },
  };
}
