// Attention playground (chapters 02, 03, 04): every number of a small attention layer, to be changed by hand.
// Level 1 has no weights; level 2 has W^q, W^k, W^v, several heads and W^o; level 3 has masks, right and wrong.

import { MASKS, resultsOf } from "./compute.js";
import { ghostOf } from "./ghost.js";
import { arrow, box, calculation, PARTS_STYLE, withIndices } from "./parts.js";
import { rolePlane, vectorPlane } from "./planes.js";
import { axisControls, headControls, maskControl, MATRICES, presetControl, queryControl } from "./settings.js";
import {
  dependenceTable,
  headOutputTable,
  LIMIT,
  mapsOfHeads,
  outputProjection,
  leakNote,
  outputTable,
  projectionTables,
  scoreTable,
  vectorTable,
  weightTable,
} from "./tables.js";
import { describeMask, describeRow } from "./words.js";
import { fold } from "../kit/controls.js";
import { byInput, create, createFrame } from "../kit/frame.js";
import { MATRIX_STYLE } from "../kit/matrix.js";
import { identity } from "../kit/numbers.js";
import { arrayOf, integerIn } from "../kit/state.js";

/** @typedef {import("./settings.js").Playground} Playground */
/** @typedef {import("../kit/state.js").Fields} Fields */

/** @type {Record<number, {title: string, first: string, then: string}>} */
const TEXTS = {
  1: {
    title: "Basic self-attention: drag the words",
    first: `Drag “sat” to the right until its “thing” is 1${byInput(" (or press the right arrow key ten times)", "")}.`,
    then: "scores, weights and output of row “sat” change with every step.",
  },
  2: {
    title: "Queries, keys and values: change the matrices",
    first: "Choose the matrices “identity” and the scale “none”.",
    then: "the scores and weights of chapter 02, because each word is then its own query, key and value.",
  },
  3: {
    title: "The causal mask, and masks that leak",
    first: "Choose the mask “after the softmax”.",
    then: "all weights of later words are 0, but rows no longer sum to 1, and later words leak through the division.",
  },
};
/** Those that each level has. @type {Record<number, string[]>} */
const PARAMETERS = {
  1: ["across", "up"],
  2: ["scale", "heads", "head", "view"],
  3: ["scale", "heads", "head", "mask"],
};
/** @type {Record<number, (playground: Playground) => void>} */
const BUILDERS = { 1: buildVectors, 2: buildMatrices, 3: buildMasks };

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    /** @type {1 | 2 | 3} */
    const level = model.get("level") in TEXTS ? model.get("level") : 1;
    const tokens = names(model.get("tokens"), 2, 6) ?? ["the", "cat", "sat", "down"];
    const features = names(model.get("features"), 4, 4) ?? ["1", "2", "3", "4"];
    const last = tokens.at(-1);
    const own = {
      first: level === 1 ? `Drag “${last}”.` : `Choose the row “${last}”.`,
      then: "its scores, its weights and its output.",
    };
    const texts = model.get("own") === true ? { ...TEXTS[level], ...own } : TEXTS[level];
    const parameters = Object.fromEntries(PARAMETERS[level].map((name) => [name, context.fields[name]]));
    const fields = fieldsOf(level, tokens, features);
    const frame = createFrame({ ...context, fields: parameters }, { ...texts, fields, onChange: update });
    /** @type {Playground} */
    const playground = {
      frame,
      state: frame.state,
      level,
      tokens,
      features,
      slots: names(model.get("slots"), 4, 4) ?? features,
      valueSlots: names(model.get("value_slots"), 4, 4) ?? features,
      updates: [],
      results: () => resultsOf(level, frame.state.values),
    };
    const ghost = ghostOf(frame);
    frame.root.prepend(create("style", {}, MATRIX_STYLE + PARTS_STYLE));
    BUILDERS[level](playground);
    frame.onTheme(paint);
    paint();
    return frame.remove;

    function update() {
      const { heads = 1, query, mask } = frame.state.values;
      const now = playground.results();
      const found = { ...now, before: ghost(`head ${now.head} of ${heads}`, now.shown.weights) };
      for (const action of playground.updates) action(found);
      const which = heads > 1 ? `Head ${found.head + 1} of ${heads}. ` : "";
      const row = which + describeRow(tokens, query, found.shown, level === 3);
      const all = found.heads.map(({ weights }) => weights);
      frame.describe(
        level < 3
          ? row
          : `Mask: ${MASKS[/** @type {keyof typeof MASKS} */ (mask)]}. ${describeMask(tokens, found.depends, all)} ${row}`,
      );
    }

    function paint() {
      const { text, series } = frame.colors;
      const colors = { query: text.query, key: text.key, value: text.value, output: text.output, leak: series[1] };
      for (const [name, color] of Object.entries(colors)) frame.stage.style.setProperty(`--${name}`, color);
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
 * The state of a level, beside its parameters.
 * @param {number} level
 * @param {string[]} tokens
 * @param {string[]} features
 * @returns {Fields}
 */
function fieldsOf(level, tokens, features) {
  const size = features.length;
  const start = tokens.map((_, i) => features.map((_, j) => (i % size === j ? 1 : 0)));
  /** @type {Fields} */
  const fields = {
    query: { start: 0, check: integerIn(0, tokens.length - 1) },
    x: { start, check: arrayOf([tokens.length, size], -LIMIT, LIMIT) },
  };
  if (level === 1) return fields;
  for (const name of Object.values(MATRICES)) {
    fields[name] = { start: identity(size), check: arrayOf([size, size], -LIMIT, LIMIT) };
  }
  return fields;
}

function buildVectors(/** @type {Playground} */ playground) {
  const { frame } = playground;
  queryControl(playground);
  axisControls(playground);
  const top = box(frame.stage, "block pair");
  vectorPlane(playground, top);
  const side = box(top, "step");
  vectorTable(playground, side, 1);
  rowTable(playground, side);
  const flow = box(frame.stage, "block flow");
  scoreTable(playground, flow, 2);
  arrow(flow);
  weightTable(playground, flow, 3);
  arrow(flow);
  outputTable(playground, flow, 4);
}

function buildMatrices(/** @type {Playground} */ playground) {
  const { frame } = playground;
  headControls(playground, frame.controls);
  presetControl(playground, frame.controls);
  const part = (/** @type {string} */ text) => fold(frame, frame.stage, ...withIndices(text));
  projectionTables(playground, part("Step 1: change W^q, W^k and W^v, which make queries, keys and values"), 1);
  const middle = box(frame.stage, "block pair");
  rolePlane(playground, middle);
  rowTable(playground, middle);
  mapsOfHeads(playground, frame.stage);
  const flow = box(frame.stage, "block flow");
  scoreTable(playground, flow, 2);
  arrow(flow);
  weightTable(playground, flow, 3);
  arrow(flow);
  headOutputTable(playground, flow, 4);
  outputProjection(playground, part("Step 5: the heads joined, and the output projection W^o"), 5);
  vectorTable(playground, details(frame.stage, "More: the vectors of the words"), 0);
}

function buildMasks(/** @type {Playground} */ playground) {
  const { frame } = playground;
  maskControl(playground);
  queryControl(playground);
  mapsOfHeads(playground, frame.stage);
  const flow = box(frame.stage, "block flow sums");
  scoreTable(playground, flow, 1);
  arrow(flow);
  weightTable(playground, flow, 2);
  arrow(flow);
  outputTable(playground, flow, 3);
  leakNote(playground, frame.stage);
  const bottom = box(frame.stage, "block pair");
  dependenceTable(playground, bottom, 4);
  rowTable(playground, bottom);
  const more = details(frame.stage, "More: heads, scale, vectors and matrices");
  const controls = box(more, "controls");
  headControls(playground, controls);
  presetControl(playground, controls);
  vectorTable(playground, more, 0);
  projectionTables(playground, more, 0);
}

function rowTable(/** @type {Playground} */ { level, state, tokens, updates }, /** @type {Element} */ parent) {
  const part = calculation(parent, tokens);
  const value = (/** @type {string} */ token) => (level === 1 ? token : `v(${token})`);
  updates.push(({ shown, division }) => part.update(state.values.query, shown, { divided: division, value }));
}

function details(/** @type {Element} */ parent, /** @type {string} */ summary) {
  const node = create("details", { class: "more" }, create("summary", {}, summary));
  parent.append(node);
  return node;
}
