// The router of a sparse GPT (chapter 14): the reader sends a letter to another expert, and sees what that costs.

import { bars } from "../characters/bars.js";
import { WRITE_STYLE } from "../characters/style.js";
import { startEngine } from "../engine/client.js";
import { controlsOf } from "../kit/bound.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, find, messageOf, panel } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { STYLE, routeLines, sign } from "./letters.js";
import { NOBODY, idsOf, routesOf, run } from "./routing.js";

/**
 * @typedef {import("../engine/client.js").Engine} Engine
 * @typedef {import("../engine/client.js").EngineModel} EngineModel
 * @typedef {import("./routing.js").Routed} Routed
 * @typedef {"learned" | "usual" | "none" | "next"} Way
 */

/** @type {Record<Way | "mine", string>} */
const NAMES = {
  learned: "the router's choice",
  usual: "the usual expert",
  none: "no expert",
  next: "the next expert",
  mine: "as you sent them",
};

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const frame = createFrame(context, {
      title: "Send a letter to another expert",
      first: "Choose a letter, then another expert below it. Then send all letters elsewhere.",
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
    /** Of the text that is shown. */
    let shown = { text: "", ids: /** @type {number[]} */ ([]) };
    /** Its losses so far: as the router decides, and with what the reader tried. @type {Map<Way | "mine", Routed>} */
    const tried = new Map();
    /** The letters that the reader sent elsewhere: index in L x T, and expert. @type {Map<number, number>} */
    const sent = new Map();
    let busy = false;
    let again = false;
    let removed = false;

    const field = textField("text", {
      label: "Your text",
      onInput: (text) => (sent.clear(), state.set({ text, cursor: 0 })),
    });
    field.node.classList.add("wide");
    choice("way", {
      label: "Send all letters, in all layers, to",
      options: ["learned", "usual", "none", "next"].map((way) => [way, NAMES[/** @type {Way} */ (way)]]),
      onInput: (way) => (sent.clear(), state.set({ way })),
    });
    frame.root.append(create("style", {}, WRITE_STYLE + STYLE));
    const lines = routeLines(frame, {
      onLetter: (cursor) => state.set({ cursor }),
      onExpert(expert) {
        sent.set(layer() * shown.ids.length + cursor(), expert);
        state.set({ way: "learned" });
      },
    });
    const losses = bars(panel(frame, "Loss of this text, nats per character"), "Loss of this text");

    /** The same, where it is there for certain. */
    const known = () => /** @type {EngineModel} */ (gpt);
    const count = () => /** @type {{n_expert: number}} */ (known().config.moe).n_expert;
    const layer = () => Math.min(values.layer, known().config.n_layer) - 1;
    const cursor = () => Math.min(values.cursor, shown.ids.length - 1);
    /** What is shown now. @returns {Way | "mine"} */
    const now = () => (sent.size ? "mine" : values.way);

    /** Compute what the reader asks for; what was asked for meanwhile, afterwards. */
    async function read() {
      again = true;
      if (busy) return;
      busy = true;
      section.setAttribute("aria-busy", "true");
      while (again && !removed) {
        again = false;
        try {
          const text = /** @type {string} */ (values.text);
          const ids = idsOf(known(), text);
          if (text !== shown.text) tried.clear();
          const options = {
            layers: known().config.n_layer,
            count: count(),
            usual: model.get("usual"),
          };
          const learned = routesOf("learned", ids, options);
          const routes = sent.size ? learned.map((own, i) => sent.get(i) ?? own) : routesOf(values.way, ids, options);
          const way = now();
          if (!tried.has("learned")) tried.set("learned", await run(known(), ids, learned));
          if (way !== "learned") tried.set(way, await run(known(), ids, routes));
          if (removed) return;
          shown = { text, ids };
          frame.fail("");
          show();
        } catch (error) {
          if (!removed) frame.fail(messageOf(error), field.node);
        }
      }
      busy = false;
      section.removeAttribute("aria-busy");
    }

    function show() {
      const learned = tried.get("learned");
      const routed = tried.get(now());
      if (!learned || !routed) return;
      const T = shown.ids.length;
      const characters = Array.from(shown.text);
      const from = layer() * T;
      const own = learned.experts.subarray(from, from + T);
      const experts = Array.from(routed.experts.subarray(from, from + T), (expert, i) => {
        const nobody = sent.size ? sent.get(from + i) === NOBODY : values.way === "none";
        return nobody ? NOBODY : expert;
      });
      lines.update({
        characters,
        experts,
        learned: own,
        chosen: cursor(),
        count: count(),
      });
      const most = Math.max(...[...tried.values()].map(({ loss }) => loss));
      const order = /** @type {const} */ (["learned", "usual", "none", "next", "mine"]);
      const rows = order.filter((way) => tried.has(way) && (way !== "mine" || sent.size));
      losses.update(
        rows.map((way) => {
          const loss = tried.get(way)?.loss ?? 0;
          return { name: NAMES[way], text: written(loss), share: loss / most };
        }),
      );
      say(learned, routed, experts, characters);
    }

    /** Say what became of the chosen letter, and of the text. */
    function say(
      /** @type {Routed} */ learned,
      /** @type {Routed} */ routed,
      /** @type {number[]} */ experts,
      /** @type {string[]} */ characters,
    ) {
      const i = cursor();
      const to = experts[i] === NOBODY ? "no expert" : `expert ${experts[i] + 1}`;
      const own = learned.experts[layer() * shown.ids.length + i];
      const instead = experts[i] === own ? "" : ` in place of expert ${own + 1}`;
      const next = i + 1 < characters.length ? characters[i + 1] : null;
      const changed = now() !== "learned";
      const cost =
        next === null
          ? ""
          : ` The prediction of the next letter, “${sign(next)}”, costs ${written(routed.losses[i])} nats` +
            `${changed ? `, and ${written(learned.losses[i])} with the router's choice` : ""}.`;
      const whole = changed
        ? `The loss of the text is ${written(routed.loss)} nats per character, and ${written(learned.loss)} with the router's choices.`
        : `The loss of the text is ${written(learned.loss)} nats per character.`;
      frame.describe(`Layer ${layer() + 1}: “${sign(characters[i])}” goes to ${to}${instead}.${cost} ${whole}`);
    }

    function update() {
      if (gpt) read();
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
      const { n_layer: layers } = gpt.config;
      const numbers = Array.from({ length: layers }, (_, i) => String(i + 1));
      (layers <= 8 ? choice : select)("layer", {
        label: "Layer",
        options: numbers.map((each) => [each, each]),
        show: (layer) => String(Math.min(layer, layers)),
        take: Number,
      });
      await read();
    }

    frame.onTheme(() => gpt && show());
    frame.onReset(() => {
      sent.clear();
      tried.clear();
      shown.text = "";
    });
    frame.onRemove(() => {
      removed = true;
      engine?.close();
    });
    start();
    return frame.remove;
  },
};
