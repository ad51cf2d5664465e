// One attention head (chapter 03): a slider moves one number of W^q, W^k or W^v, above the weights of one word. The
// matrices, all weights and the arithmetic are folded.

import { attend, MATRICES } from "./compute.js";
import { ghostOf } from "./ghost.js";
import { calculation, PARTS_STYLE } from "./parts.js";
import { cellSlider, chosenMatrix, roleChoice } from "./roles.js";
import { LIMIT, presets, vectorTable, weightTable } from "./tables.js";
import { controlsOf } from "../kit/bound.js";
import { FINDS_STYLE, wordsFound } from "../kit/finds.js";
import { create, createFrame } from "../kit/frame.js";
import { MATRIX_STYLE } from "../kit/matrix.js";
import { argmax, identity, written } from "../kit/numbers.js";
import { arrayOf, integerIn } from "../kit/state.js";

/**
 * What all parts share.
 * @typedef {object} Playground
 * @property {import("../kit/frame.js").Frame} frame
 * @property {import("../kit/state.js").State} state  of the frame
 * @property {string[]} tokens  names of the words
 * @property {string[]} features  names of the components of a vector
 * @property {string[]} slots  names of the components of a query and of a key
 * @property {string[]} valueSlots  names of the components of a value
 * @property {((results: import("./compute.js").Head) => void)[]} updates  of every part, called after each change
 */

const TITLE = "Queries, keys and values";
const DOWN = 3;
const CAT = 1;
/** By what the scores are divided, for vectors of four numbers. @type {Record<string, string>} */
const DIVISIONS = { root: " / 2", none: "", width: " / 4" };

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model, fields } = context;
    const tokens = names(model.get("tokens"), 2, 6) ?? ["the", "cat", "sat", "down"];
    const features = names(model.get("features"), 4, 4) ?? ["1", "2", "3", "4"];
    const isOwn = model.get("own") === true;
    const first = isOwn
      ? "Choose a word, and move the slider."
      : "“down” now finds “sat”. Move the slider until it finds “cat”.";
    const frame = createFrame(
      { ...context, fields: { scale: fields.scale, role: fields.role } },
      {
        title: isOwn ? TITLE : "Whom does “down” find?",
        first,
        fields: fieldsOf(tokens, features),
        onChange: update,
      },
    );
    const { state } = frame;
    /** @type {Playground} */
    const playground = {
      frame,
      state,
      tokens,
      features,
      slots: names(model.get("slots"), 4, 4) ?? features,
      valueSlots: names(model.get("value_slots"), 4, 4) ?? features,
      updates: [],
    };
    const ghost = ghostOf(frame);
    frame.root.prepend(create("style", {}, MATRIX_STYLE + FINDS_STYLE + PARTS_STYLE));
    const top = create("div", { class: "block kept" });
    frame.stage.append(top);
    cellSlider(playground, top);
    const asks = create("p", { class: "asks" });
    top.append(asks);
    const words = wordsFound(top, {
      label: "Weights of the word that asks",
      words: tokens,
      onQuery: (query) => state.set({ query }),
    });
    top.append(create("p", { class: "note" }, "Bars: weights. Dashed: before. Below each word: its key."));
    const inside = create("details", { class: "more block" });
    inside.append(create("summary", {}, "Look inside: the matrices, all weights, and each step"));
    frame.stage.append(inside);
    roleChoice(playground, inside);
    const pair = create("div", { class: "pair" });
    inside.append(pair);
    chosenMatrix(playground, pair);
    weightTable(playground, pair);
    const row = calculation(inside, tokens);
    const controls = create("div", { class: "controls" });
    inside.append(controls);
    const options = Object.entries({ root: "1/√d", none: "none", width: "1/d" });
    controlsOf(frame).choice("scale", { parent: controls, label: "Scale", options });
    presets(playground, controls);
    vectorTable(playground, inside);
    frame.onTheme(paint);
    paint();
    return frame.remove;

    function update() {
      const { query, scale, x } = state.values;
      const head = attend(state.values);
      for (const action of playground.updates) action(head);
      row.update(query, head, DIVISIONS[scale]);
      const named = (/** @type {number[]} */ vector, names = playground.slots, digits = 1) =>
        vector.flatMap((value, c) => (value ? [`${names[c]} ${written(value, digits)}`] : [])).join(", ");
      asks.replaceChildren(
        create("b", {}, `“${tokens[query]}”`),
        ` (${named(x[query], features) || "nothing"}) looks for `,
        create("b", {}, named(head.q[query]) || "nothing"),
      );
      words.update({
        query,
        weights: head.weights[query],
        before: ghost(head.weights)?.[query],
        tags: head.k.map((key) => named(key) || "–"),
      });
      if (!isOwn) promise(head.weights[DOWN]);
      const found = `“${tokens[query]}” finds “${tokens[argmax(head.weights[query])]}”`;
      frame.describe(`${found}, and gets: ${named(head.output[query], playground.valueSlots, 2) || "nothing"}.`);
    }

    /** Say what the reader has reached, only once it is so. */
    function promise(/** @type {number[]} */ down) {
      const solved = argmax(down) === CAT;
      const then = solved
        ? `“down” gives “cat” a weight of ${written(down[CAT])}: of all keys, that of “cat” fits its query best.`
        : "";
      frame.advise({ first, then, solved });
      frame.acted();
    }

    function paint() {
      const { query, key, value, output } = frame.colors.text;
      for (const [name, color] of Object.entries({ query, key, value, output }))
        frame.stage.style.setProperty(`--${name}`, color);
      update();
    }
  },
};

/** Return these names if they are short texts, within a number of them. @returns {string[] | null} */
function names(/** @type {unknown} */ list, /** @type {number} */ least, /** @type {number} */ most) {
  const right = Array.isArray(list) && list.length >= least && list.length <= most;
  return right && list.every((name) => typeof name === "string" && name && name.length <= 12) ? list : null;
}

/**
 * The state, beside its parameters.
 * @param {string[]} tokens
 * @param {string[]} features
 * @returns {import("../kit/state.js").Fields}
 */
function fieldsOf(tokens, features) {
  const size = features.length;
  const x = tokens.map((_, i) => features.map((_, j) => (i % size === j ? 1 : 0)));
  const matrix = { start: identity(size), check: arrayOf([size, size], -LIMIT, LIMIT) };
  return {
    query: { start: 0, check: integerIn(0, tokens.length - 1) },
    cell: { start: [0, 0], check: arrayOf([2], 0, size - 1) },
    x: { start: x, check: arrayOf([tokens.length, size], -LIMIT, LIMIT) },
    ...Object.fromEntries(Object.values(MATRICES).map((name) => [name, matrix])),
  };
}
