// Two stacks (chapter 06): the transformer of 2017 assembled piece by piece; then the reader crosses pieces out.

import { button } from "../kit/controls.js";
import { byInput, create, createFrame, panel } from "../kit/frame.js";
import { PIECES, SIZES, held, nameOf } from "./pieces.js";
import { STYLE, masks, stacks } from "./views.js";

const LAST = PIECES.length;
const ADD = "Add the next piece";
const ADVICE = {
  assemble: "Add the pieces one by one, and read what each of them computes.",
  whole: `${byInput("Click", "Tap")} a piece to cross it out or put it back. Make a GPT, then a BERT.`,
};
/** @type {Record<string, string>} */
const SEEN = {
  gpt: "one mask is left, the causal one, and X has left the formula with the source.",
  bert: "one mask is left, in which nothing is hidden; so the words to be predicted are hidden in the input.",
};

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const frame = createFrame(context, {
      title: "The transformer of 2017, piece by piece",
      first: ADVICE.assemble,
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, STYLE));
    const isOut = (/** @type {number} */ piece) => state.values.crossed.includes(String(piece));

    const add = button(frame.controls, {
      label: ADD,
      main: true,
      onClick: () => {
        const placed = Math.min(state.values.placed + 1, LAST);
        state.set({ placed, piece: placed });
        if (placed === LAST) view.focus(LAST);
      },
    });
    const all = button(frame.controls, { label: "Add all", onClick: () => state.set({ placed: LAST, piece: LAST }) });

    /** Explain a piece; once all are there, cross it out or put it back. */
    function choose(/** @type {number} */ piece) {
      if (state.values.placed < LAST) return state.set({ piece });
      const others = [...state.values.crossed].filter((each) => each !== String(piece));
      state.set({ piece, crossed: (isOut(piece) ? others : [...others, piece]).join("") });
    }

    const holds = create("p", { class: "holds" });
    panel(frame, "", holds);
    const view = stacks(choose, (piece) => state.set({ piece }));
    const title = create("p", { class: "panel-title" });
    const about = create("p", {});
    const shapes = create("tbody");
    const grids = masks();
    const heading = create("p", { class: "panel-title" });
    const beside = create("div", { class: "panel" }, heading, grids.node);
    frame.stage.append(
      create("div", { class: "panel" }, view.node),
      create("div", { class: "panel about" }, title, about, create("table", { class: "shapes" }, shapes)),
      beside,
    );

    function update() {
      const { placed, piece: asked } = state.values;
      const isWhole = placed === LAST;
      const piece = Math.min(asked, placed);
      const crossed = (/** @type {number} */ each) => isWhole && isOut(each);
      const found = held(crossed);
      const isBert = isWhole && [4, 5, 6, 7].every(crossed);
      const shown = { placed, piece, isOut: crossed, isBert };
      view.update(shown);
      grids.update(shown);
      beside.hidden = placed < 2;
      const two = placed >= 6 && !crossed(5) && !crossed(6);
      heading.textContent = `Who may attend to what${two ? ": a row of the decoder has two softmaxes" : ""}`;
      add.hidden = all.hidden = isWhole;

      const { about: what, shapes: tensors } = PIECES[piece - 1];
      const name = nameOf(piece);
      title.textContent = `${name[0].toUpperCase()}${name.slice(1)}`;
      about.textContent = what;
      const letters = (/** @type {string} */ dims) => (isBert && piece === LAST ? dims.replace("T", "S") : dims);
      shapes.replaceChildren(
        ...tensors.map(([of, dims]) =>
          create("tr", {}, create("td", {}, of), create("td", {}, shapeText(letters(dims)))),
        ),
      );
      const count = `${placed} of ${LAST} pieces`;
      const isFound = found.kind in SEEN;
      const tick = create("b", { class: "right" }, isFound ? "✓ " : "");
      const kind = create("b", { class: isFound ? "right" : "" }, found.name);
      holds.replaceChildren(...(isWhole ? [tick, "You hold ", kind, `. ${found.says}`] : [count]));
      const then = isWhole ? (SEEN[found.kind] ?? "") : "";
      frame.advise({ first: isWhole ? ADVICE.whole : ADVICE.assemble, then });
      if (then) frame.acted();
      frame.describe(create("span", { class: "hidden" }, `${holds.textContent} ${title.textContent}: ${what}`));
    }

    update();
    return frame.remove;
  },
};

/** A shape in letters and in numbers: (T, C) = (4, 512). */
function shapeText(/** @type {string} */ dims) {
  const letters = dims.split(" ");
  const sizes = letters.map((letter) => SIZES[/** @type {keyof typeof SIZES} */ (letter)].toLocaleString("en-US"));
  return `(${letters.map((letter) => (letter === "F" ? "4 C" : letter)).join(", ")}) = (${sizes.join(", ")})`;
}
