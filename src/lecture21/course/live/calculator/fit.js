// Single changes after which a model fits the memory of its cards.

import { isLatent, shapeOf } from "./shapes.js";
import { count } from "./format.js";
import { report } from "./report.js";

/** @typedef {Partial<import("./report.js").Settings> & {changes?: import("./model.js").Changes}} Setting */

/** @type {Record<string, string>} */
const PRECISIONS = { bf16: "16-bit weights", fp8: "8-bit weights", int4: "4-bit weights" };
const SHORTEST = 64; // tokens of context
const MOST_CARDS = 1e6;

/**
 * Return, for each setting that could change alone, the smallest change after which everything fits.
 * @param {import("./shapes.js").Model} own  the preset or the published model
 * @param {import("./model.js").Changes} changes
 * @param {import("./report.js").Settings} settings  with the context that is used
 * @param {string} focus
 * @returns {{text: string, set: Setting}[]}  set: what the figure's state becomes
 */
export function waysToFit(own, changes, settings, focus) {
  const memory = (/** @type {Setting} */ set) => {
    const found = report(own, set.changes ?? changes, { ...settings, ...set });
    return focus === "training" ? found.training : found.serving;
  };
  const shape = shapeOf(report(own, changes, settings).model);
  const cards = Math.ceil(memory({}).needed / settings.device.memory);
  const halved = (/** @type {number} */ from, /** @type {number} */ least) => {
    const found = [];
    for (let value = 2 ** Math.ceil(Math.log2(from) - 1); value >= least; value /= 2) found.push(value);
    return found;
  };
  const below = (/** @type {number} */ from) => Array.from({ length: from - 1 }, (_, i) => from - 1 - i);
  const { attention } = shape;
  const shared =
    isLatent(attention) || shape.n_encoder_layer
      ? []
      : below(attention.n_kv_head).filter((heads) => attention.n_head % heads === 0);
  const order = Object.keys(PRECISIONS);
  const words = (/** @type {number} */ number, /** @type {string} */ name) =>
    `${count(number)} ${name}${number === 1 ? "" : "s"}`;
  const size = (/** @type {import("./model.js").Changes} */ each) => ({ changes: { ...changes, ...each } });
  /** @type {{text: string, set: Setting}[][]} */
  const options = [
    cards <= MOST_CARDS ? [{ text: words(cards, "card"), set: { cards } }] : [],
    halved(settings.batch, 1).map((batch) => ({ text: words(batch, "sequence"), set: { batch } })),
    halved(settings.context, SHORTEST).map((context) => ({
      text: `${count(context)} tokens of context`,
      set: { context },
    })),
  ];
  if (focus === "training") {
    options.push(
      below(Math.min(shape.n_layer, 2000)).map((n_layer) => ({
        text: words(n_layer, "layer"),
        set: size({ n_layer }),
      })),
    );
  } else {
    const weights = order.slice(order.indexOf(settings.precision) + 1);
    options.push(weights.map((precision) => ({ text: PRECISIONS[precision], set: { precision } })));
    options.push(shared.map((heads) => ({ text: words(heads, "key/value head"), set: size({ n_kv_head: heads }) })));
  }
  return options.flatMap((values) => values.find(({ set }) => memory(set).fits) ?? []);
}
