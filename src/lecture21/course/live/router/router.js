// The router of a sparse GPT (chapter 14): a text colored by the experts that process its characters.

import { startEngine } from "../engine/client.js";
import { controlsOf } from "../kit/bound.js";
import { drawing } from "../kit/draw.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, find, messageOf, panel } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { integerIn } from "../kit/state.js";
import { drawExperts } from "./bars.js";
import { EXPERT_STYLE, expertTiles, lettersOf } from "./experts.js";
import { STYLE, letterField, sign } from "./letters.js";
import { routeText, statistics } from "./routing.js";

/**
 * @typedef {import("../engine/client.js").Engine} Engine
 * @typedef {import("../engine/client.js").EngineModel} EngineModel
 * @typedef {import("./routing.js").Routed} Routed
 */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const frame = createFrame(context, {
      title: "Which expert processes which character?",
      first: "Point at an expert, or tap it. Then choose another layer, or type your own text.",
      then: "only the letters that this expert processes stay in color, wherever they are in the text.",
      fields: { expert: { start: 0, check: integerIn(0, 1024) } }, // 0: none
      onChange: update,
    });
    const { state } = frame;
    const { values } = state;
    const { choice, select, textField } = controlsOf(frame);
    const section = find(frame.root, "section");
    /** @type {Engine | null} */
    let engine = null;
    /** @type {EngineModel | null} */
    let gpt = null;
    /** Of the last text that the model could read. @type {Routed | null} */
    let routed = null;
    /** The text that is being read, or was read last. @type {string | null} */
    let asked = null;
    let removed = false;
    /** The same, where they are there for certain. */
    const known = () => /** @type {{gpt: EngineModel, routed: Routed}} */ ({ gpt, routed });

    const field = textField("text", {
      label: "Your text",
      rows: 3,
      onInput: (text) => state.set({ text, cursor: caret() }),
    });
    for (const event of ["keyup", "click", "select"]) {
      field.input.addEventListener(event, () => caret() !== values.cursor && state.set({ cursor: caret() }));
    }
    frame.root.append(create("style", {}, STYLE + EXPERT_STYLE));
    const text = panel(frame, "Color and number: the expert that processes the character");
    const letters = letterField(text, (index) => state.set({ cursor: index }));
    const each = panel(frame, "Each expert: its share of the text, and its most frequent letters");
    const chosenExpert = () => (values.expert <= known().routed.count ? values.expert - 1 : -1);
    const tiles = expertTiles(each, {
      onPoint: (expert) => routed && letters.show(expert < 0 ? chosenExpert() : expert),
      onChoose: (expert) => state.set({ expert: values.expert === expert + 1 ? 0 : expert + 1 }),
    });
    const note = create("p", { class: "note" }, "Loading the model.");
    each.append(note);
    const choices = drawing(frame, {
      title: "Router at the outlined character",
      label: "Probability of each expert for the character at the caret",
      height: 190,
      draw(pen, width, height) {
        if (!routed) return;
        const { shares, chosen } = at(cursor());
        drawExperts(pen, frame.colors, { shares, chosen, color, most: 1, width, height });
      },
    });

    const color = (/** @type {number} */ expert) => [...frame.colors.series, frame.colors.masked][expert % 8];
    const layer = () => Math.min(values.layer, known().gpt.config.n_layer) - 1;
    const cursor = () => Math.min(values.cursor, known().routed.characters.length - 1);

    /** Return how many characters are before the caret. */
    function caret() {
      return Array.from(field.input.value.slice(0, field.input.selectionStart ?? 0)).length;
    }

    function at(/** @type {number} */ index) {
      const { count, chosen, probabilities, experts } = known().routed;
      const shares = probabilities[layer()].subarray(index * count, (index + 1) * count);
      return { shares, chosen: [...experts[layer()].subarray(index * chosen, (index + 1) * chosen)] };
    }

    /** Read the text, one at a time; whatever was typed meanwhile is read afterwards. */
    async function read() {
      section.setAttribute("aria-busy", "true");
      while (asked !== values.text && !removed) {
        asked = values.text;
        const characters = Array.from(/** @type {string} */ (values.text));
        try {
          if (!characters.length) throw new Error("Write at least one character.");
          routed = await routeText(known().gpt, characters);
          if (removed) return;
          frame.fail("");
          show();
        } catch (error) {
          if (removed) return;
          frame.fail(messageOf(error));
        }
      }
      section.removeAttribute("aria-busy");
    }

    function experts() {
      return known().routed.characters.map((_, i) => at(i).chosen);
    }

    /** Say which letters the expert that the reader chose processes. */
    function ofExpert(/** @type {[string, number][]} */ own) {
      const total = own.reduce((sum, [, times]) => sum + times, 0);
      const named = own.slice(0, 6).map(([letter, times]) => `${sign(letter)} (${times})`);
      const rest = own.length > 6 ? " and others" : "";
      return `Expert ${values.expert} processes ${total} of ${known().routed.characters.length} characters${total ? `: ${named.join(", ")}${rest}` : ""}. `;
    }

    function show() {
      letters.fill(known().routed.characters, experts(), color);
      point();
    }

    function point() {
      const { gpt, routed } = known();
      const { characters, count } = routed;
      letters.mark(cursor());
      letters.show(chosenExpert());
      choices.redraw();
      const { load, violation, loadEntropy } = statistics(routed, layer());
      const own = lettersOf(characters, experts(), count);
      tiles.update(own, load, color, chosenExpert());
      const busiest = load.indexOf(Math.max(...load));
      const { shares, chosen } = at(cursor());
      const character = sign(characters[cursor()]);
      const named = chosen.map((expert) => `expert ${expert + 1} with probability ${written(shares[expert], 3)}`);
      choices.heading.textContent = `Router at the outlined character, “${character}”`;
      const idle = load.filter((share) => share === 0).length;
      const chosenOne = chosenExpert() < 0 ? "" : ofExpert(own[chosenExpert()]);
      frame.describe(
        `${chosenOne}Layer ${layer() + 1} of ${gpt.config.n_layer}. “${character}” (character ${cursor() + 1} of ` +
          `${characters.length}) goes to ${named.join(" and ")}. On this text, expert ${busiest + 1} is the busiest ` +
          `with ${written(100 * load[busiest], 1)} % of the work, ${written(1 + violation, 2)} times an equal share` +
          `${idle ? `, and ${idle} of ${count} experts ${idle === 1 ? "has" : "have"} none` : ""}. The entropy of the ` +
          `load is ${written(loadEntropy, 3)} of its maximum.`,
      );
    }

    let drawnLayer = values.layer;
    function update() {
      if (!gpt) return;
      if (values.text !== asked && !section.hasAttribute("aria-busy")) read();
      if (!routed) return;
      if (values.layer !== drawnLayer) show();
      else point();
      drawnLayer = values.layer;
    }

    async function start() {
      section.setAttribute("aria-busy", "true");
      try {
        engine = await startEngine();
        if (removed) return engine.close();
        gpt = await engine.load(await loadFile(model, "weights"));
        if (removed) return;
        if (!gpt.config.moe)
          throw new Error("This model is dense: it has no router. Give the figure a model with sparse layers.");
        if (!gpt.symbols) throw new Error("This figure needs a model whose tokens are characters.");
      } catch (error) {
        if (!removed) frame.stop(messageOf(error));
        return;
      }
      const { n_layer: count, block_size: size } = gpt.config;
      const experts = gpt.config.moe.n_expert;
      note.textContent = `${experts} experts in each layer; the text is processed in windows of ${size} characters.`;
      const numbers = Array.from({ length: count }, (_, i) => String(i + 1));
      (count <= 8 ? choice : select)("layer", {
        label: "Layer",
        options: numbers.map((each) => [each, each]),
        show: (layer) => String(Math.min(layer, count)),
        take: Number,
      });
      await read();
    }

    frame.onTheme(() => routed && show());
    frame.onRemove(() => {
      removed = true;
      engine?.close();
    });
    start();
    return frame.remove;
  },
};
