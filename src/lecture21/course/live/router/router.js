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
const DEAR = 4; // nats, about what a letter costs that is guessed at random: the length of the bars of one letter
const RISE = 0.1; // nats: the least that the whole length of a bar of the text means

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
    frame.root.append(create("style", {}, WRITE_STYLE + STYLE));
    const lines = routeLines(frame, {
      onLetter: (cursor) => state.set({ cursor }),
      onExpert(expert) {
        sent.set(layer() * shown.ids.length + cursor(), expert);
        state.set({ way: "learned" });
      },
    });
    const nextTitle = create("p", { class: "panel-title next" });
    lines.panel.append(nextTitle);
    const next = bars(lines.panel, "Loss of the next letter");
    const below = create("div", { class: "controls" });
    panel(
      frame,
      "",
      below,
      create("p", { class: "note" }, "The usual expert of a letter is the one that gets it most often."),
    );
    choice("way", {
      parent: below,
      label: "Send all letters, in all layers, to",
      options: ["learned", "usual", "none", "next"].map((way) => [way, NAMES[/** @type {Way} */ (way)]]),
      onInput: (way) => (sent.clear(), state.set({ way })),
    });
    const textTitle = create("p", { class: "panel-title" });
    const text = bars(panel(frame, "", textTitle), "By how much the mean loss of the text rises");

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
      showLosses(learned, characters);
      say(learned, routed, experts, characters);
    }

    /** Show what the letter after the chosen one costs, and by how much each way raises the mean of the text. */
    function showLosses(/** @type {Routed} */ learned, /** @type {string[]} */ characters) {
      const i = cursor();
      const isLast = i + 1 === characters.length;
      nextTitle.textContent = isLast
        ? "No letter comes after this one."
        : `The next letter, “${sign(characters[i + 1])}”, costs (nats)`;
      const rows = [...new Set(["learned", now()])].map((each) => {
        const way = /** @type {Way | "mine"} */ (each);
        const cost = tried.get(way)?.losses[i] ?? 0;
        return { name: NAMES[way], text: written(cost), share: Math.min(cost / DEAR, 1) };
      });
      next.update(isLast ? [] : rows);
      const others = /** @type {const} */ (["usual", "none", "next", "mine"]).flatMap((way) => {
        const found = way === "mine" && !sent.size ? undefined : tried.get(way);
        return found ? [{ name: NAMES[way], rise: found.loss - learned.loss }] : [];
      });
      textTitle.textContent = `Mean of the text: ${written(learned.loss, 3)} nats per letter.${others.length ? " Sent elsewhere:" : ""}`;
      const most = Math.max(RISE, ...others.map(({ rise }) => Math.abs(rise)));
      text.update(
        others.map(({ name, rise }) => ({
          name,
          text: `${rise < 0 ? "" : "+"}${written(rise, 3)}`,
          [rise < 0 ? "outline" : "share"]: Math.abs(rise) / most,
        })),
      );
    }

    /** Say where the chosen letter goes. */
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
      const isLast = i + 1 === characters.length;
      const change = (/** @type {number} */ after, /** @type {number} */ before) =>
        `${written(after)} nats${routed === learned ? "" : `, and ${written(before)} as the router decides`}.`;
      const cost = isLast
        ? ""
        : ` The next letter, “${sign(characters[i + 1])}”, costs ${change(routed.losses[i], learned.losses[i])}`;
      const whole = ` The text costs ${change(routed.loss, learned.loss).replace(" nats", " nats per letter")}`;
      const said = `Layer ${layer() + 1}: “${sign(characters[i])}” goes to ${to}${instead}.${cost}${whole}`;
      frame.describe(create("span", { class: "hidden" }, said)); // it is in the picture
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
        parent: below,
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
