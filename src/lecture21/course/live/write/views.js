// What else is seen: attention, the prediction after each layer, or the price of the text.

import { inkOn } from "../kit/colors.js";
import { create } from "../kit/frame.js";
import { percent, softmax } from "../kit/numbers.js";
import { bars } from "../characters/bars.js";
import { shortName } from "../characters/characters.js";
import { arcs } from "./arcs.js";
import { headMaps } from "./maps.js";

const NOTE = "The stronger its color, the more a character surprises the GPT.";

/**
 * @typedef {object} Seen  what was computed for a text
 * @property {string} which  the view for which it was
 * @property {string[]} text  its characters, or its tokens
 * @property {string[]} seenText  the end of the text, which the model reads
 * @property {import("../characters/vocabulary.js").Vocabulary} vocabulary  of the model
 * @property {import("../characters/session.js").GPT["config"]} config
 * @property {Float32Array} logits  of the next character
 * @property {Float32Array} [attention]
 * @property {Float32Array} [layers]  logits after each of them
 * @property {{ngrams: Price[], gpt: Float64Array, count: number}} [prices]  gpt: nats of each character or token but
 *   the first; count: the characters after it
 *
 * @typedef {{name: string, nats: Float64Array | null}} Price  nats likewise; null: the n-grams lack a character
 * @typedef {{head: number, query: number}} Aim  whose attention is shown
 * @typedef {{show: (visible: boolean) => void, update: (seen: Seen & Aim) => string}} View
 *   `update` returns a sentence on what is to be seen
 */

/**
 * Attention: arcs over the text for one head, and small maps to choose it.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {{onHead: (head: number) => void, onQuery: (query: number) => void}} options
 * @returns {View}
 */
export function attentionView(frame, { onHead, onQuery }) {
  const over = arcs(frame, onQuery);
  const title = "All heads: each row looks at the columns. Choose one.";
  const panel = create("div", { class: "panel heads" }, create("p", { class: "panel-title" }, title));
  const maps = headMaps(frame, panel, onHead);
  frame.stage.append(panel);
  return {
    show: (visible) => (over.panel.hidden = panel.hidden = !visible),
    update({ attention, config, seenText, vocabulary, head, query }) {
      if (!attention) return "";
      const length = seenText.length;
      const { n_layer: layers, n_head: heads, causal } = config;
      const chosen = head < layers * heads ? head : 0;
      maps.update(attention, { layers, heads, length, causal, chosen });
      const from = chosen * length * length;
      return over.update({
        row: (t) => attention.subarray(from + t * length, from + (t + 1) * length),
        names: seenText,
        unit: vocabulary.unit,
        head: `Layer ${Math.floor(chosen / heads) + 1}, head ${(chosen % heads) + 1}`,
        query: query < 0 || query >= length ? length - 1 : query,
        causal,
      });
    },
  };
}

/**
 * The prediction after the embedding and after each sub-layer: what the head reads from the residual stream.
 * @param {import("../kit/frame.js").Frame} frame
 * @returns {View}
 */
export function layersView(frame) {
  const body = create("tbody");
  const over = create("th", { scope: "colgroup", colSpan: 3 }, "most probable to come next");
  const head = create("tr", {}, create("th", { scope: "col" }, "after"), over);
  const table = create("table", { class: "layers" }, create("thead", {}, head), body);
  const title = create("p", { class: "panel-title" }, "The prediction, if the model ended after each layer");
  const panel = create("div", { class: "panel" }, title, create("div", { class: "scroll" }, table));
  frame.stage.append(panel);
  return {
    show: (visible) => (panel.hidden = !visible),
    update({ layers, config, seenText, vocabulary: { symbols } }) {
      if (!layers) return "";
      const [V, T] = [symbols.length, seenText.length];
      const steps = 2 * config.n_layer + 1;
      const all = Array.from({ length: steps }, (_, step) =>
        softmax(layers.subarray((step * T + T - 1) * V, (step * T + T) * V)),
      );
      const shown = all
        .map((p, step) => ({ p, name: stepName(step) }))
        .filter((_, step) => config.n_layer <= 6 || step % 2 === 0);
      const top = (/** @type {number[]} */ p, /** @type {number} */ count) =>
        Array.from(p.keys())
          .sort((a, b) => p[b] - p[a] || a - b)
          .slice(0, count);
      body.replaceChildren(
        ...shown.map(({ p, name }) => {
          const pairs = top(p, 3).map((id) => {
            const parts = [create("b", {}, shortName(symbols[id])), ` ${percent(p[id])}`];
            return create("td", {}, ...parts);
          });
          return create("tr", {}, create("th", { scope: "row" }, name), ...pairs);
        }),
      );
      const final = top(all[steps - 1], 1)[0];
      let first = steps - 1;
      while (first > 0 && top(all[first - 1], 1)[0] === final) first--;
      return `“${shortName(symbols[final])}” is the most probable from “${stepName(first)}” on.`;
    },
  };
}

/** The name of a step of the residual stream: 0 is the embedding, then two for each layer. */
export function stepName(/** @type {number} */ step) {
  if (!step) return "embedding";
  return `layer ${Math.ceil(step / 2)}, ${step % 2 ? "attention" : "feed-forward"}`;
}

/**
 * The surprise at the text in nats per character, under n-gram models and the GPT.
 * @param {import("../kit/frame.js").Frame} frame
 * @returns {View}
 */
export function priceView(frame) {
  const panel = create(
    "div",
    { class: "panel" },
    create("p", { class: "panel-title" }, "Surprise per letter: less is better"),
  );
  const list = bars(panel, "Surprise per letter");
  list.node.style.setProperty("--names", "7rem");
  const strip = create("p", { class: "text strip" });
  const note = create("p", { class: "said" }, NOTE);
  panel.append(strip, note);
  frame.stage.append(panel);
  return {
    show: (visible) => (panel.hidden = !visible),
    update({ prices, text, vocabulary: { symbols, unit } }) {
      if (!prices) return `Type at least two ${unit}s: the first one has no prediction.`;
      const { ngrams, gpt: own, count } = prices;
      const blind = { name: "blind guess", nats: Float64Array.from(own, () => Math.log(symbols.length)) };
      const models = [blind, ...ngrams, { name: "this GPT", nats: own }].map(({ name, nats }) => ({
        name,
        mean: nats && nats.reduce((a, b) => a + b, 0) / count,
      }));
      const longest = Math.max(...models.map(({ mean }) => mean ?? 0));
      list.update(
        models.map(({ name, mean }) => ({
          name,
          text: mean === null ? "none" : mean.toFixed(2),
          share: (mean ?? 0) / longest,
        })),
      );
      const spans = text.map((symbol, t) => {
        const span = create("span", {}, symbol.replaceAll("\n", "⏎\n"));
        if (!t) return span;
        const nats = own[t - 1];
        const color = frame.colors.magnitude(nats / 8);
        span.style.background = color;
        span.style.color = inkOn(color);
        span.title = `${nats.toFixed(2)}: had a probability of ${percent(Math.exp(-nats), 2)}`;
        return span;
      });
      strip.replaceChildren(...spans);
      note.textContent = NOTE.replace("character", unit);
      const worst = own.indexOf(Math.max(...own));
      const most = `“${shortName(text[worst + 1])}” (${unit} ${worst + 2}) surprises the GPT most, ${own[worst].toFixed(2)}`;
      return `${most}: it had a probability of ${percent(Math.exp(-own[worst]), 2)}.`;
    },
  };
}
