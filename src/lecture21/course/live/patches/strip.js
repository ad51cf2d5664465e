// The tokens of a sequence as a row of buttons: pictures of patches, then letters. One of them is a tab stop.

import { create } from "../kit/frame.js";
import { gray } from "./picture.js";
import { pixelsOf } from "./sequence.js";

export const STYLE = `
.panel.picture { flex: 0 1 11.5rem; } .panel.mask { flex: 0 1 14.5rem; } .panel.costs-panel { flex: 1 1 12rem; } .panel.tokens { flex: 1 1 100%; }
.picture button:not(.pen) { margin-top: 0.4rem; width: 100%; } .picture .control { margin-top: 0.4rem; }
.panel.mask .legend { font-size: 0.8rem; }
.pen { position: absolute; inset: 0; width: 100%; height: 100%; background: none; border: 0; border-radius: 0; padding: 0; cursor: crosshair; }
.strip { display: flex; flex-wrap: wrap; gap: 4px; margin: 0.2rem 0 0.4rem; }
.chip { width: 1.7rem; height: 1.9rem; min-height: 0; padding: 1px; border-radius: 4px; border: 2px solid var(--line); background: var(--paper);
  display: grid; place-items: center; font: 0.95rem/1 ui-monospace, monospace; }
.chip canvas { width: 1.25rem; height: 1.25rem; touch-action: auto; pointer-events: none; }
.chip.image.may { border-color: var(--image); } .chip.text.may { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.chip:not(.may) { border-style: dashed; border-color: var(--note); } .chip:not(.may) canvas { opacity: 0.35; }
.chip[aria-pressed="true"] { box-shadow: 0 0 0 3px var(--ink); }
.chip.image[aria-pressed="true"] { background: var(--paper); }
.costs :is(th, td) { padding: 0.2rem 0.3rem; font-size: 0.85rem; }
.costs .now > * { font-weight: 700; background: var(--panel); }
.key { display: inline-block; width: 0.9rem; height: 0.9rem; border-radius: 2px; vertical-align: -0.1rem; }
@container (max-width: 30rem) { .panel:is(.picture, .mask) { flex: 1 1 8.5rem; } .costs th, .costs td { padding: 0.2rem 0.3rem; } }
`;

/** @typedef {import("./sequence.js").Token} Token */

/**
 * Add the tokens to the stage.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{onChoose: (index: number) => void, onHover: (index: number | null) => void}} options
 */
export function tokenStrip(frame, { onChoose, onHover }) {
  const node = create("div", { class: "strip", role: "group", "aria-label": "Tokens; arrow keys choose one" });
  const heading = create("p", { class: "panel-title" });
  const panel = create("div", { class: "panel tokens" }, heading, node);
  frame.stage.append(panel);
  /** @type {HTMLButtonElement[]} */
  let chips = [];
  let built = "";

  function build(/** @type {Token[]} */ tokens) {
    chips = tokens.map((token, i) => {
      const name =
        token.kind === "image"
          ? `Token ${i + 1}: patch in row ${token.row + 1}, column ${token.column + 1}`
          : `${token.letter}, token ${i + 1}`;
      const content = token.kind === "image" ? create("canvas", { "aria-hidden": "true" }) : token.letter;
      const chip = create("button", { type: "button", class: `chip ${token.kind}`, "aria-label": name }, content);
      chip.addEventListener("click", () => onChoose(i));
      chip.addEventListener("focus", () => onChoose(i));
      chip.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && onHover(i));
      chip.addEventListener("pointerleave", () => onHover(null));
      return chip;
    });
    node.replaceChildren(...chips);
  }

  node.addEventListener("keydown", (event) => {
    const at = chips.findIndex((chip) => chip === event.target);
    const last = chips.length - 1;
    /** @type {Record<string, number>} */
    const places = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 0, End: last };
    if (at < 0 || !(event.key in places)) return;
    event.preventDefault();
    chips[Math.min(Math.max(places[event.key], 0), last)].focus();
  });

  return {
    panel,
    /**
     * Show the tokens of a sequence; those that stay keep the focus.
     * @param {{tokens: Token[], pixels: number[], size: number, chosen: number, active: number,
     *   allowed: (query: number, key: number) => boolean}} options  active: the query
     */
    update({ tokens, pixels, size, chosen, active, allowed }) {
      const key = `${size} ${tokens.map((token) => (token.kind === "text" ? token.letter : "")).join("")}`;
      if (built !== key) build(tokens);
      built = key;
      const nImage = tokens.filter(({ kind }) => kind === "image").length;
      heading.textContent = `The sequence: ${nImage} image + ${tokens.length - nImage} text tokens`;
      chips.forEach((chip, i) => {
        chip.classList.toggle("may", allowed(active, i));
        chip.setAttribute("aria-pressed", String(i === active));
        chip.tabIndex = i === chosen ? 0 : -1;
        const token = tokens[i];
        const canvas = chip.querySelector("canvas");
        if (canvas && token.kind === "image") paint(canvas, pixelsOf(pixels, token, size), size);
      });
    },
  };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} counts  of ink
   * @param {number} size
   */
  function paint(canvas, counts, size) {
    canvas.width = canvas.height = 20 * Math.min(devicePixelRatio || 1, 3);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const cell = canvas.width / size;
    counts.forEach((count, i) => {
      pen.fillStyle = gray(frame.colors, count);
      pen.fillRect((i % size) * cell, Math.floor(i / size) * cell, cell + 0.5, cell + 0.5);
    });
  }
}
