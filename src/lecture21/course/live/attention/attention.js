// One attention head (chapter 03): a number of W^q, W^k or W^v is moved with a slider, beside the weights.

import { attend, MATRICES } from "./compute.js";
import { ghostOf } from "./ghost.js";
import { calculation, PARTS_STYLE } from "./parts.js";
import { cellSlider, chosenMatrix } from "./roles.js";
import { LIMIT, presets, vectorTable, weightTable } from "./tables.js";
import { controlsOf } from "../kit/bound.js";
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
 * @property {((results: Results) => void)[]} updates  of every part, called after each change
 *
 * @typedef {import("./compute.js").Head & {before: number[][] | null}} Results
 *   before: the weights before the last gesture
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
      ? "Choose a number, and move the slider."
      : "Move the slider until row “down” is darkest at “cat”.";
    const frame = createFrame(
      { ...context, fields: { scale: fields.scale, role: fields.role } },
      {
        title: isOwn ? TITLE : `${TITLE}: let “down” find “cat”`,
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
    frame.root.prepend(create("style", {}, MATRIX_STYLE + PARTS_STYLE));
    cellSlider(playground);
    const top = create("div", { class: "block pair" });
    frame.stage.append(top);
    chosenMatrix(playground, top);
    weightTable(playground, top);
    const row = calculation(frame.stage, tokens);
    const controls = create("div", { class: "controls" });
    const summary = create("summary", {}, "More: the scale, other matrices, and the vectors of the words");
    const more = create("details", { class: "more block" }, summary, controls);
    frame.stage.append(more);
    const options = Object.entries({ root: "1/√d", none: "none", width: "1/d" });
    controlsOf(frame).choice("scale", { parent: controls, label: "Scale", options });
    presets(playground, controls);
    vectorTable(playground, more);
    frame.onTheme(paint);
    paint();
    return frame.remove;

    function update() {
      const { query, scale } = state.values;
      const head = attend(state.values);
      const found = { ...head, before: ghost("the head", head.weights) };
      for (const action of playground.updates) action(found);
      row.update(query, head, DIVISIONS[scale]);
      if (!isOwn) promise(head.weights[DOWN]);
      const weights = head.weights[query].map((weight, j) => `${tokens[j]} ${written(weight)}`);
      frame.describe(`Row “${tokens[query]}”: weights ${weights.join(", ")}.`);
    }

    /** Say what the reader has reached, only once it is so. */
    function promise(/** @type {number[]} */ down) {
      const isFound = argmax(down) === CAT;
      const then = isFound ? `“down” now gives “cat” a weight of ${written(down[CAT])}.` : "";
      frame.advise({ first, then });
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
