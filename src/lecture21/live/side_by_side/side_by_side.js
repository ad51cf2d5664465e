// Two GPTs continue the same prompt (chapter 04): one that was trained with a causal mask, and one without.

import { button, textField } from "../kit/controls.js";
import { create, createFrame, loadFile } from "../kit/frame.js";
import { nameOfOwnModel } from "../kit/kept.js";
import { encodeText, unknownSentence } from "../characters/characters.js";
import { modelChoice } from "../characters/mine.js";
import { latest, openModel, symbolsOf } from "../characters/session.js";

const TITLE = "Two models, one prompt";
const COUNT = 80; // characters for each press of the button

export default {
  /** @param {import("../kit/frame.js").Context} context */
  async render(context) {
    const { model } = context;
    const opened = await openModel(context, TITLE);
    if (!opened) return undefined;
    const { engine, gpt } = opened;
    const frame = createFrame(context, {
      title: TITLE,
      first: "Press “Write again” a few times, then type a prompt of your own.",
      then: "the model with the much lower validation loss writes the worse text.",
      onChange: () => update(),
    });
    frame.busy(true);
    frame.onRemove(() => engine.close());
    const { state } = frame;
    let models;
    try {
      const other = await engine.load(await loadFile(model, "second"));
      models = [gpt, other].map((each) => ({ gpt: each, symbols: symbolsOf(each) }));
    } catch (error) {
      engine.close();
      frame.stop(error.message);
      return frame.remove;
    }

    const size = Math.min(...models.map((each) => each.gpt.config.block_size)); // also that of the figure that trains
    button(frame.controls, {
      label: "Write again",
      main: true,
      onClick: () => state.set({ seed: (state.values.seed + 1) % 2 ** 31 }),
    });
    const box = textField(frame.controls, {
      label: "Prompt",
      value: state.values.prompt,
      rows: 2,
      longest: context.fields.prompt.longest,
      onInput: (prompt) => {
        if (prompt) state.set({ prompt });
        else frame.fail("Type at least one character to continue.");
      },
    });
    box.node.style.flexBasis = "100%";
    const note = create("span", { class: "note" });
    box.node.append(note);
    const [labels, losses] = [model.get("labels"), model.get("losses")];
    const panels = models.map((_, i) => {
      const text = create("p", { class: "text" });
      const title = create("p", { class: "panel-title" }, capital(labels[i]));
      const loss = losses[i] === null ? "" : `Validation loss ${losses[i].toFixed(2)} nats per character`;
      const note = create("p", { class: "note" }, loss);
      frame.stage.append(create("div", { class: "panel" }, title, note, text));
      return { text, title, note, loss };
    });
    const refresh = latest(frame, write);
    const book = models[0];
    const labelsNow = [...labels];
    modelChoice(frame, engine, (own) => {
      models[0] = own ?? book;
      labelsNow[0] = own ? nameOfOwnModel() : labels[0];
      panels[0].title.textContent = capital(labelsNow[0]);
      panels[0].note.textContent = own ? "Trained by you, on this machine" : panels[0].loss;
      refresh();
    });

    update();
    await refresh();
    return frame.remove;

    function update() {
      const { prompt } = state.values;
      box.set(prompt);
      const count = [...prompt].length;
      const rest = count >= size ? "the window is full" : `the window holds ${size}`;
      note.textContent = `${count} ${count === 1 ? "character" : "characters"}; ${rest}.`;
      refresh();
    }

    async function write() {
      const { prompt, seed } = state.values;
      const unknown = models.map(({ symbols }) => ({ symbols, ...encodeText(prompt, symbols) }));
      const wrong = unknown.find((each) => each.unknown.length);
      box.input.setAttribute("aria-invalid", String(Boolean(wrong)));
      if (wrong) return frame.fail(unknownSentence(wrong.unknown, wrong.symbols));
      const jobs = models.map((each, i) => each.gpt.generate(unknown[i].ids, { count: COUNT, seed }).done);
      const texts = (await Promise.all(jobs)).map((ids, i) =>
        Array.from(ids, (/** @type {number} */ id) => models[i].symbols[id]).join(""),
      );
      frame.fail("");
      texts.forEach((text, i) => {
        const given = create("span", {}, prompt);
        given.style.color = "var(--note)";
        panels[i].text.replaceChildren(given, create("b", {}, text));
      });
      const said = texts.map(
        (text, i) => `The model ${labelsNow[i]} writes “${text.slice(0, 30).replace(/\s+/g, " ")} …”.`,
      );
      frame.describe(said.join(" "));
    }
  },
};

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
