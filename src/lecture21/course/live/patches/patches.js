// An image as tokens (chapter 15): the patches of a digit, the text after them, the mask over both, and its cost.

import { controlsOf } from "../kit/bound.js";
import { button } from "../kit/controls.js";
import { create, createFrame, find, headings } from "../kit/frame.js";
import { arrayOf } from "../kit/state.js";
import { DIGITS, NAMES } from "./digits.js";
import { maskView } from "./mask.js";
import { picture } from "./picture.js";
import { read } from "./reader.js";
import { SIDE, allowedPairs, mayAttend, patchAt, tokensOf } from "./sequence.js";
import { STYLE, tokenStrip } from "./strip.js";

/** A whole number with commas. */
const whole = (/** @type {number} */ value) => value.toLocaleString("en-US");

/** "1 patch" or "2 patches". */
const patches = (/** @type {number} */ count) => `${count} ${count === 1 ? "patch" : "patches"}`;

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const isDrawing = arrayOf([SIDE ** 2], 0, 16);
    const frame = createFrame(context, {
      title: "An image becomes tokens",
      first: "Click the first patch and switch the mask. Then choose “Cost”, and patches of 1 pixel.",
      then: "the mask changes what patches may attend to, but no row of the text; small patches are expensive.",
      fields: {
        pixels: { start: [], check: (value) => isDrawing(value) || (Array.isArray(value) && !value.length) },
      },
      onChange: update,
    });
    const { state } = frame;
    const { values } = state;
    const { choice, select } = controlsOf(frame);
    /** @type {number[]} */
    const patchSizes = context.fields.patch_size.choices;
    /** A token under the mouse. @type {number | null} */
    let hovered = null;
    let draws = false; // whether the pen draws, or chooses patches

    frame.root.append(create("style", {}, STYLE));
    choice("view", {
      label: "Show",
      options: [
        ["mask", "Mask"],
        ["cost", "Cost"],
      ],
    });
    choice("patch_size", {
      label: "Side of a patch in pixels",
      onInput: (size) => state.set({ patch_size: size, token: follow(size) }),
    });
    const masks = choice("mask", { label: "Mask" });

    /** @type {() => number[]} */
    const pixels = () => (values.pixels.length ? values.pixels : DIGITS[values.digit]);
    const tokens = () => tokensOf(NAMES[values.digit], values.patch_size);
    const nImage = () => (SIDE / values.patch_size) ** 2;
    const clamped = (/** @type {number} */ index) => Math.min(index, tokens().length - 1);
    const active = () => clamped(hovered ?? values.token);
    const allowed = (/** @type {number} */ i, /** @type {number} */ j) => mayAttend(values.mask, nImage(), i, j);

    /** Return the index that the chosen token has with patches of another size: the same letter, or a patch there. */
    function follow(/** @type {number} */ size) {
      const chosen = clamped(values.token);
      if (chosen >= nImage()) return chosen - nImage() + (SIDE / size) ** 2;
      const columns = SIDE / values.patch_size;
      const pixel = Math.floor(chosen / columns) * values.patch_size * SIDE + (chosen % columns) * values.patch_size;
      return patchAt(pixel, size);
    }

    /** Begin to draw on a blank image, or end: then a click chooses a patch again. */
    function drawOwn() {
      draws = !draws;
      hovered = null;
      state.set(draws ? { pixels: new Array(SIDE ** 2).fill(0) } : {});
    }

    function hover(/** @type {number | null} */ index) {
      if (hovered === index) return;
      hovered = index;
      update();
    }

    const image = picture(frame, {
      pixels,
      size: () => values.patch_size,
      chosen: active,
      allowed: (patch) => allowed(active(), patch),
      drawing: () => draws,
      onPaint(inks) {
        const next = pixels().map((count, pixel) => inks.get(pixel) ?? count);
        const found = read(next);
        state.set({ pixels: next, digit: found.indexOf(Math.max(...found)) });
      },
      onChoose: (pixel) => state.set({ token: patchAt(pixel, values.patch_size) }),
      onHover: (pixel) => hover(pixel === null ? null : patchAt(pixel, values.patch_size)),
    });
    select("digit", {
      parent: image.panel,
      label: "Digit",
      options: NAMES.map((name, i) => [String(i), `${i} (${name})`]),
      show: String,
      take: Number,
      onInput(digit) {
        draws = false;
        state.set({ digit, pixels: [] });
      },
    });
    const pen = button(image.panel, { label: "Draw your own", onClick: drawOwn });
    const strip = tokenStrip(frame, {
      onChoose: (index) => (index === values.token ? update() : state.set({ token: index })),
      onHover: hover,
    });
    const costs = create("table", { class: "costs" });

    const map = maskView(frame, {
      count: () => tokens().length,
      nImage,
      active,
      allowed,
      onHover: hover,
      onChoose: (token) => state.set({ token }),
    });
    frame.stage.prepend(strip.panel);
    const costsPanel = create("div", { class: "panel costs-panel" }, costs);
    frame.stage.append(costsPanel);
    frame.onTheme(update);
    frame.onReset(() => (draws = false));

    function showCosts() {
      const rows = patchSizes.map((size) => {
        const image = (SIDE / size) ** 2;
        const all = image + NAMES[values.digit].length + 1;
        const cells = [image, all, all ** 2].map((value) => create("td", {}, whole(value)));
        const head = create("th", { scope: "row" }, `${size} × ${size}`);
        return create("tr", { class: size === values.patch_size ? "now" : "" }, head, ...cells);
      });
      costs.replaceChildren(
        create("caption", { class: "hidden" }, "Tokens and attention scores per head and layer for each patch size"),
        headings("patch", "patches", "tokens", "scores"),
        create("tbody", {}, ...rows),
      );
    }

    /** Say what the reader's drawing is read as. */
    function reading() {
      if (!values.pixels.length) return "";
      if (!values.pixels.some(Boolean))
        return "The image is blank: draw a digit with the mouse, a finger or the keyboard. ";
      const share = Math.round(100 * read(values.pixels)[values.digit]);
      return `A small network reads your drawing as ${values.digit} (${share} %). `;
    }

    /** Say what the chosen token is, to what it may attend, and its target. */
    function describe() {
      const all = tokens();
      const i = active();
      const token = all[i];
      const seen = all.filter((_, j) => allowed(i, j));
      const text = seen.flatMap((each) => (each.kind === "text" ? [each.letter] : []));
      const count = seen.length - text.length;
      const to = text.length ? `${patches(count)} and ${text.join(" ")}` : patches(count);
      const what =
        token.kind === "image"
          ? `is the patch in row ${token.row + 1}, column ${token.column + 1}. It may attend to ${to}. ` +
            "It has no target and no loss."
          : `is “${token.letter}”. It may attend to ${to}. Its target is “${token.target}”.`;
      const pairs = allowedPairs(values.mask, nImage(), all.length);
      const scores = `${whole(all.length)} × ${whole(all.length)} = ${whole(all.length ** 2)}`;
      const cost = `Attention has ${scores} scores per head and layer, and the mask allows ${whole(pairs)} of them.`;
      frame.describe(`${reading()}Token ${i + 1} of ${all.length} ${what} ${cost}`);
    }

    function update() {
      find(frame.root, "section").style.setProperty("--image", frame.colors.key);
      pen.textContent = draws ? "Done drawing" : "Draw your own";
      masks.node.hidden = map.panel.hidden = values.view !== "mask";
      costsPanel.hidden = values.view !== "cost";
      const shared = { pixels: pixels(), size: values.patch_size, chosen: clamped(values.token), active: active() };
      strip.update({ tokens: tokens(), allowed, ...shared });
      image.update();
      map.update();
      showCosts();
      describe();
    }

    update();
    return frame.remove;
  },
};
