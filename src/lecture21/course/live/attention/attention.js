// Attention playground (chapters 02, 03, 04): every number of a small attention layer, to be changed by hand.
// Level 1 has no weights; level 2 has W^q, W^k, W^v, several heads and W^o; level 3 has masks, right and wrong.

import { MASKS, resultsOf } from "./compute.js";
import { ghostOf } from "./ghost.js";
import { arrow, box, calculation, PARTS_STYLE } from "./parts.js";
import { vectorPlane } from "./planes.js";
import { cellSlider, chosenMatrix } from "./roles.js";
import {
  axisControls,
  headControls,
  maskControl,
  MATRICES,
  presetControl,
  queryControl,
  scaleControl,
} from "./settings.js";
import {
  dependenceTable,
  LIMIT,
  mapsOfHeads,
  leakNote,
  outputTable,
  projectionTables,
  scoreTable,
  vectorTable,
  weightTable,
} from "./tables.js";
import { describeMask, describeRow } from "./words.js";
import { byInput, create, createFrame } from "../kit/frame.js";
import { MATRIX_STYLE } from "../kit/matrix.js";
import { argmax, identity, written } from "../kit/numbers.js";
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
    title: "Queries, keys and values: let “down” find “cat”",
    first: "Move the slider until row “down” is darkest at “cat”.",
    then: "",
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
  2: ["scale", "role"],
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
      if (level === 2 && model.get("own") !== true) promise(found.shown.weights[3]);
      const which = heads > 1 ? `Head ${found.head + 1} of ${heads}. ` : "";
      const row = which + describeRow(tokens, query, found.shown, level > 1);
      const all = found.heads.map(({ weights }) => weights);
      frame.describe(
        level < 3
          ? row
          : `Mask: ${MASKS[/** @type {keyof typeof MASKS} */ (mask)]}. ${describeMask(tokens, found.depends, all)} ${row}`,
      );
    }

    /** Say what the reader has reached, only once it is so. */
    function promise(/** @type {number[]} */ down) {
      const isFound = argmax(down) === 1;
      frame.advise({
        first: texts.first,
        then: isFound ? `“down” now gives “cat” a weight of ${written(down[1])}.` : "",
      });
      frame.acted();
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
  for (const [role, name] of Object.entries(MATRICES)) {
    if (level === 2 && role === "output") continue;
    fields[name] = { start: identity(size), check: arrayOf([size, size], -LIMIT, LIMIT) };
  }
  if (level === 2) fields.cell = { start: [0, 0], check: arrayOf([2], 0, size - 1) };
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
  cellSlider(playground);
  const top = box(frame.stage, "block pair even");
  chosenMatrix(playground, top);
  weightTable(playground, top, 0);
  rowTable(playground, box(frame.stage, "block"));
  const more = details(frame.stage, "More: the scale, other matrices, and the vectors of the words");
  const controls = box(more, "controls");
  scaleControl(playground, controls);
  presetControl(playground, controls);
  vectorTable(playground, more, 0);
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
