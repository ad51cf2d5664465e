// Draw a digit (chapter 15): a small GPT reads its patches as a sentence and names it, while the pen moves.

import { controlsOf } from "../kit/bound.js";
import { button } from "../kit/controls.js";
import { create, createFrame, panel } from "../kit/frame.js";
import { argmax } from "../kit/numbers.js";
import { DIGITS, NAMES } from "./digits.js";
import { imageOf, isDrawing } from "./drawing.js";
import { gray, picture } from "./picture.js";
import { PATCH, PATCHES, patchesOf, read } from "./reader.js";

const STYLE = `
.panel.picture { flex: 1 1 13rem; max-width: 17rem; } .panel.names { flex: 1 1 14rem; }
.picture .note { margin: 0.35rem 0 0; font-size: 0.8rem; line-height: 1.3; color: var(--note); }
.pen { position: absolute; inset: 0; width: 100%; height: 100%; background: none; border: 1px solid var(--line); border-radius: 0; padding: 0; cursor: crosshair; touch-action: none; }
.names ol { list-style: none; margin: 0; padding: 0; }
.names li { display: grid; grid-template-columns: 3.2rem 1fr 3.6rem; gap: 0.5rem; align-items: center; line-height: 1.65rem; }
.names li span:last-child { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.names .bar { height: 1.15rem; border-radius: 3px; background: var(--masked); transition: width 0.12s; min-width: 1px; }
.names .first { font-weight: 700; } .names .first .bar { background: var(--accent); }
.strip { display: flex; flex-wrap: wrap; gap: 4px; }
.chip { width: 1.7rem; height: 1.7rem; border-radius: 4px; border: 2px solid var(--image); background: var(--paper); display: grid; place-items: center;
  overflow: hidden; font: 0.95rem/1 ui-monospace, monospace; }
.chip canvas { width: 100%; height: 100%; touch-action: auto; }
.chip.text { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
@container (max-width: 30rem) { .panel.picture { flex-basis: 100%; max-width: 15rem; margin: auto; }
  .names ol { display: grid; grid-template-rows: repeat(5, auto); grid-auto-flow: column; grid-auto-columns: 1fr; gap: 0 0.8rem; }
  .names li { grid-template-columns: 2.7rem 1fr 2.7rem; gap: 0.3rem; font-size: 0.85rem; } }
`;

/** Another order of the patches, in which none is where it was: 7 and 16 have no common divisor. */
const SHUFFLED = Array.from({ length: PATCHES }, (_, i) => (7 * i + 3) % PATCHES);

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "Draw a digit",
      first: "Draw a digit over this one, and watch the bars. Then shuffle its patches.",
      fields: {
        strokes: { start: null, check: (value) => value === null || isDrawing(value) },
      },
      onChange: update,
    });
    const { state } = frame;
    const { values } = state;
    const { select, toggle } = controlsOf(frame);
    frame.root.append(create("style", {}, STYLE));

    /** The image that the model reads, as counts of ink. */
    let pixels = DIGITS[values.digit];
    function draw(/** @type {import("./drawing.js").Stroke[] | null} */ strokes, others = {}) {
      image.lift();
      state.set({ strokes, ...others });
    }

    button(frame.controls, { label: "Clear", onClick: () => draw([]) });
    toggle("shuffled", { label: "Shuffle the patches" });
    select("digit", {
      label: "An example",
      options: NAMES.map((name, i) => [String(i), name]),
      show: (digit) => (values.strokes ? "" : String(digit)), // "": a drawing of the reader's is no example
      take: Number,
      onInput: (digit) => draw(null, { digit }),
    });

    const image = picture(frame, {
      pixels: () => pixels,
      strokes: () => values.strokes,
      onDraw: (strokes) => state.set({ strokes }),
    });
    frame.onReset(image.lift);
    const rows = NAMES.map((name) => {
      const bar = create("div", { class: "bar" });
      const share = create("span");
      return { bar, share, node: create("li", {}, create("span", {}, name), create("div", {}, bar), share) };
    });
    const list = create("ol", { "aria-label": "The probability of each name" }, ...rows.map(({ node }) => node));
    frame.stage.append(create("div", { class: "panel names" }, list));
    const chips = Array.from({ length: PATCHES }, () => create("canvas", { "aria-hidden": "true" }));
    const letters = create("span", { class: "strip" });
    const sentence = create("div", { class: "strip" }, ...chips.map((each) => create("span", { class: "chip" }, each)));
    sentence.append(letters);
    panel(frame, "The sentence: 16 patches, and then the name, letter by letter", sentence);
    frame.onTheme(update);

    /** Return the patches in the order in which the model gets them. */
    function given(/** @type {boolean} */ shuffled) {
      const patches = patchesOf(pixels);
      return shuffled ? SHUFFLED.map((i) => patches[i]) : patches;
    }

    /** Draw a patch. */
    function paint(/** @type {HTMLCanvasElement} */ canvas, /** @type {number[]} */ counts) {
      canvas.width = canvas.height = 20 * Math.min(devicePixelRatio || 1, 3);
      const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const cell = canvas.width / PATCH;
      counts.forEach((count, i) => {
        pen.fillStyle = gray(frame.colors, count);
        pen.fillRect((i % PATCH) * cell, Math.floor(i / PATCH) * cell, cell + 0.5, cell + 0.5);
      });
    }

    function describe(/** @type {number[]} */ shares) {
      if (!pixels.some(Boolean)) return "The paper is blank: draw a digit with the mouse, a finger or the keyboard.";
      const best = argmax(shares);
      const found = `The GPT reads ${values.strokes ? "your drawing" : "this image"} as “${NAMES[best]}”`;
      if (!values.shuffled) return `${found}, with probability ${Math.round(100 * shares[best])} %.`;
      const inOrder = argmax(read(given(false)));
      const before = best === inOrder ? "as it does in order" : `in order, as “${NAMES[inOrder]}”`;
      return `Shuffled, ${found.replace("The", "the")}, with probability ${Math.round(100 * shares[best])} %; ${before}.`;
    }

    function update() {
      pixels = values.strokes ? imageOf(values.strokes) : DIGITS[values.digit];
      const patches = given(values.shuffled);
      const shares = read(patches);
      const best = argmax(shares);
      rows.forEach(({ node, bar, share }, i) => {
        node.classList.toggle("first", i === best);
        bar.style.width = `${100 * shares[i]}%`;
        share.textContent = `${Math.round(100 * shares[i])} %`;
      });
      frame.root.querySelector("section")?.style.setProperty("--image", frame.colors.key);
      chips.forEach((canvas, i) => paint(canvas, patches[i]));
      const text = ["⏎", ...NAMES[best]].map((letter) => create("span", { class: "chip text" }, letter));
      letters.replaceChildren(...text);
      image.update();
      frame.describe(describe(shares));
    }

    update();
    return frame.remove;
  },
};
