// Two GPTs continue the same prompt (chapter 04): one that was trained with a causal mask, and one without.

import { controlsOf } from "../kit/bound.js";
import { button, more } from "../kit/controls.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, messageOf } from "../kit/frame.js";
import { percent, softmax } from "../kit/numbers.js";
import { nameOfOwnModel } from "../kit/kept.js";
import { store } from "../kit/store.js";
import { bars } from "../characters/bars.js";
import { encodeText, shortName, unknownSentence } from "../characters/characters.js";
import { modelChoice } from "../characters/mine.js";
import { latest, openModel, symbolsOf } from "../characters/session.js";
import { WRITE_STYLE } from "../characters/style.js";

const TITLE = "Two models, one prompt";
const COUNT = 80; // characters for each press of the button
const STAMP_STYLE = `
.text mark { background: none; color: var(--ink); font-weight: 700; border-bottom: 3px solid var(--accent); }
.stamp { position: absolute; top: -0.4rem; right: 0; margin: 0; padding: 0 0.5rem; rotate: -6deg; color: var(--error); border: 2px solid; border-radius: 6px;
  font-weight: 700; background: var(--paper); }
`;

/** @typedef {import("../characters/session.js").GPT} GPT */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  async render(context) {
    const { model } = context;
    const opened = await openModel(context, TITLE, symbolsOf);
    if (!opened) return undefined;
    const { engine, gpt } = opened;
    const frame = createFrame(context, {
      title: TITLE,
      first:
        "Move along the letters of the prompt: which model needs to see a letter to predict it? Then let both write.",
      onChange: () => update(),
    });
    frame.root.append(create("style", {}, WRITE_STYLE + STAMP_STYLE));
    frame.busy(true);
    frame.onRemove(() => engine.close());
    const { state } = frame;
    /** @type {{gpt: GPT, known: string[]}[]} */
    let models;
    try {
      const other = await engine.load(await loadFile(model, "second"));
      models = [gpt, other].map((each) => ({ gpt: each, known: symbolsOf(each) }));
    } catch (error) {
      engine.close();
      frame.stop(messageOf(error));
      return frame.remove;
    }

    const size = Math.min(...models.map((each) => each.gpt.config.block_size)); // also that of the figure that trains
    button(frame.controls, {
      label: "Let both write",
      main: true,
      onClick: () => state.set({ seed: (state.values.seed + 1) % 2 ** 31 }),
    });
    const { slider, textField } = controlsOf(frame);
    const box = textField("prompt", {
      parent: more(frame, "Another prompt"),
      label: "Prompt",
      rows: 2,
      onInput: (prompt) => {
        if (prompt) state.set({ prompt });
        else refuse("Type at least one character to continue.");
      },
    });
    box.node.style.flexBasis = "100%";
    const note = create("span", { class: "note" });
    box.node.append(note);
    let letters = [" "];
    const place = slider("letter", {
      label: "Letter to predict",
      min: 2,
      max: 2,
      show: () => at() + 1,
      take: (value) => (value === letters.length ? -1 : value - 1),
      format: (value) => `${value}, “${shortName(letters[value - 1] ?? "")}”`,
    });
    const [labels, losses] = [model.get("labels"), model.get("losses")];
    const panels = models.map((_, i) => {
      const text = create("p", { class: "text" });
      const title = create("p", { class: "panel-title" }, capital(labels[i]));
      const stamp = create("p", { class: "stamp", "aria-hidden": "true", hidden: true }, "copies!");
      const loss = losses[i] === null ? "" : surprise(losses[i]);
      const note = create("p", { class: "note" }, loss);
      const panel = create("div", { class: "panel" }, title, stamp);
      const list = bars(panel, `Probability of the letter, model ${labels[i]}`);
      list.node.style.setProperty("--names", "8.5rem");
      panel.append(note, text);
      frame.stage.append(panel);
      return { text, title, stamp, note, loss, list };
    });
    const refresh = latest(frame, write);
    const book = models[0];
    const labelsNow = [...labels];
    const mine = modelChoice(frame, engine, symbolsOf, (own) => {
      models[0] = own ?? book;
      labelsNow[0] = own ? nameOfOwnModel() : labels[0];
      panels[0].title.textContent = capital(labelsNow[0]);
      panels[0].note.textContent = own ? surprise(store.get("model").nats) : panels[0].loss;
      refresh();
    });
    if (!model.get("_linked")?.prompt)
      await mine.prefer((known) => encodeText(state.values.prompt, known).unknown.length === 0);

    update();
    await refresh();
    return frame.remove;

    function update() {
      const { prompt } = state.values;
      const count = [...prompt].length;
      const rest = count >= size ? "the window is full" : `the window holds ${size}`;
      note.textContent = `${count} ${count === 1 ? "character" : "characters"}; ${rest}.`;
      refresh();
    }

    /** Say at the prompt why it is not continued. */
    function refuse(/** @type {string} */ why) {
      box.input.setAttribute("aria-invalid", "true");
      frame.fail(why);
    }

    async function write() {
      const { prompt, seed } = state.values;
      const unknown = models.map(({ known }) => ({ known, ...encodeText(prompt, known) }));
      const wrong = unknown.find((each) => each.unknown.length);
      if (wrong) return refuse(unknownSentence(wrong.unknown, wrong.known));
      box.input.setAttribute("aria-invalid", "false");
      const shares = await Promise.all(models.map((each, i) => probabilities(each.gpt, unknown[i].ids)));
      const jobs = models.map((each, i) => each.gpt.generate(unknown[i].ids, { count: COUNT, seed }).done);
      const texts = (await Promise.all(jobs)).map((ids, i) =>
        Array.from(ids, (/** @type {number} */ id) => models[i].known[id]).join(""),
      );
      frame.fail("");
      // The letter that is predicted, among those that are given.
      const given = [...prompt];
      const here = given.length - letters.length + at();
      const parts = () => [
        given.slice(0, here).join(""),
        create("mark", {}, given[here]),
        given.slice(here + 1).join(""),
      ];
      texts.forEach((text, i) => {
        const start = create("span", {}, ...(shares[i] ? parts() : [prompt]));
        start.style.color = "var(--note)";
        panels[i].text.replaceChildren(start, create("b", {}, text));
      });
      const said = shares.flatMap((share, i) => {
        if (!share) return [];
        const [visible, hidden] = share.map((each) => percent(each));
        const letter = `“${shortName(letters[at()])}”`;
        const copies = copied(share) ? "it copies, and " : "";
        return [
          `${capital(labelsNow[i])}: ${copies || "it "}gives ${letter} ${visible} in sight and ${hidden} hidden.`,
        ];
      });
      panels.forEach(({ list, stamp }, i) => {
        stamp.hidden = !copied(shares[i]);
        const names = [`“${shortName(letters[at()])}” in sight`, `“${shortName(letters[at()])}” hidden`];
        list.update(
          (shares[i] ?? []).map((share, k) => ({
            name: names[k],
            text: percent(share),
            share,
          })),
        );
      });
      frame.describe(said.join(" "));
    }

    /** Place of the letter that is predicted, in what the models see of the prompt. */
    function at() {
      const { letter } = state.values;
      return letter < 1 || letter >= letters.length ? letters.length - 1 : letter;
    }

    /**
     * The probability of the letter at its place, if the input goes on to the end of the prompt, and if it ends before it.
     * @returns {Promise<[number, number] | null>}  null: the prompt has one letter, and nothing before it
     */
    async function probabilities(/** @type {GPT} */ each, /** @type {number[]} */ ids) {
      const seen = ids.slice(-size);
      letters = [...state.values.prompt].slice(-seen.length);
      place.node.hidden = seen.length < 2;
      if (seen.length < 2) return null;
      place.input.max = String(seen.length);
      const t = at();
      place.set(t + 1);
      const [all, before] = await Promise.all([each.forward(seen, {}), each.forward(seen.slice(0, t), {})]);
      const [visible, hidden] = [all, before].map(({ logits }) => {
        const width = logits.length / (logits === all.logits ? seen.length : t);
        return softmax(logits.subarray((t - 1) * width, t * width))[seen[t]];
      });
      return [visible, hidden];
    }
  },
};

const surprise = (/** @type {number} */ nats) => `Surprise per letter (validation loss): ${nats.toFixed(2)}`;

/** Whether a model needs to see a letter to predict it. */
function copied(/** @type {[number, number] | null} */ shares) {
  return Boolean(shares && shares[0] - shares[1] > 0.5);
}

function capital(/** @type {string} */ text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
