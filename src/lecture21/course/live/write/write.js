// Write with a GPT (chapters 08, 07): the next character's distribution and what is behind it, while the reader types.

import { percent } from "../kit/numbers.js";
import { controlsOf } from "../kit/bound.js";
import { button, textField } from "../kit/controls.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, find, messageOf } from "../kit/frame.js";
import { nextTokenProbabilities } from "../engine/sampling.js";
import { bars, distributionRows } from "../characters/bars.js";
import { encodeText, longName, shortName } from "../characters/characters.js";
import { nGramNats, readNGrams } from "./ngrams.js";
import { ownModel } from "./own_model.js";
import { samplingControls } from "./sampling.js";
import { modelChoice } from "../characters/mine.js";
import { latest, openModel } from "../characters/session.js";
import { WRITE_STYLE } from "../characters/style.js";
import { vocabularyOf } from "../characters/vocabulary.js";
import { attentionView, layersView, priceView } from "./views.js";
import { createWriter } from "./writer.js";

/** @type {Record<string, string>} */
const TITLES = {
  next: "Write with a GPT",
  attention: "Where a GPT looks",
  layers: "What each layer predicts",
  price: "How surprised is a GPT?",
};
const COUNT = 120; // characters or tokens for each press of the button
/** @type {[string, number][]} */
const ORDERS = [["bigram", 2], ["trigram", 3], ["5-gram", 5]]; // prettier-ignore
/** What to try in each view, and what one should then see. @type {Record<string, [string, string]>} */
const FIRST = {
  next: ["Press “Write on”, then raise the temperature and write again.", "the bars change with every character."],
  attention: [
    "Point at a character or tap it, then choose another head.",
    "the wider an arc, the larger the weight, and no arc leads to a later character.",
  ],
  layers: [
    "Read the table from top to bottom, then continue typing.",
    "the first row depends on the last character only, and the last row is what the model predicts.",
  ],
  price: ["Make a spelling mistake. What surprises the model, and for how long?", ""],
};

export default {
  /** @param {import("../kit/frame.js").Context} context */
  async render(context) {
    const { model } = context;
    const { longest } = context.fields.prompt;
    const opened = await openModel(context, TITLES.next, vocabularyOf);
    if (!opened) return undefined;
    const { engine } = opened;
    let { gpt, known: vocabulary } = opened;
    const [first, then] = FIRST[model.get("view")] ?? FIRST.next;
    const frame = createFrame(context, {
      title: TITLES[model.get("view")] ?? TITLES.next,
      first,
      then,
      onChange: () => update(),
    });
    const { state } = frame;
    frame.root.append(create("style", {}, WRITE_STYLE));

    // The parts of the page.
    const wrote = create("div", { class: "panel wrote" });
    frame.stage.append(wrote);
    const box = textField(wrote, {
      label: "Your text",
      value: state.values.prompt,
      rows: 5,
      longest,
      onInput: onType,
    });
    box.node.classList.add("wide");
    const seenNote = create("p", { class: "said" });
    const write = button(wrote, {
      label: "Write on",
      others: ["Stop"],
      main: true,
      onClick: () => (writer.running ? writer.stop() : writer.start()),
    });
    wrote.append(seenNote); // below the button, which stays where it is when this takes another line
    const { node: choice } = controlsOf(frame).choice("view", {
      label: "Show",
      options: [["next", "Next character"], ["attention", "Attention"], ["layers", "Layers"], ["price", "Surprise"]], // prettier-ignore
      onInput: (view) => change({ view }),
    });
    const title = create("p", { class: "panel-title" }, "The next character");
    const panel = create("div", { class: "panel" }, title);
    const list = bars(panel, "Probabilities of the next character");
    const key = create("p", { class: "key" }, "hollow: the model; filled: what is drawn from");
    panel.append(key);
    frame.stage.append(panel);
    /** @type {Record<string, import("./views.js").View>} */
    const views = {
      next: { show: (visible) => (panel.hidden = !visible), update: () => "" },
      attention: attentionView(frame, {
        onHead: (head) => change({ head }),
        onQuery: (query) => change({ query }),
      }),
      layers: layersView(frame),
      price: priceView(frame),
    };

    /** @type {import("./ngrams.js").NGrams | null} */
    let ngrams = null;
    /** What was computed last. @type {import("./views.js").Seen | null} */
    let shown = null;
    let text = state.values.prompt;

    const sampling = samplingControls(frame, () => vocabulary.symbols.length, change);
    const refresh = latest(frame, compute);
    const writer = createWriter(frame, {
      job: continuation,
      onText: onWritten,
      onState(running) {
        write.textContent = running ? "Stop" : "Write on";
        if (running) frame.describe(""); // what was said was of another text
      },
      onEnd: () => change({ query: -1, seed: (state.values.seed + 1) % 2 ** 31 }),
    });
    const mine = modelChoice(frame, engine, vocabularyOf, (own) => {
      writer.cancel();
      useModel(own?.gpt ?? opened.gpt, own?.known ?? opened.known);
    });
    ownModel(frame, engine, { onChoose: () => writer.cancel(), onLoad: useModel });
    frame.onReset(() => {
      writer.cancel();
      mine.reset();
      useModel(opened.gpt, opened.known);
    });
    frame.onRemove(() => engine.close());
    frame.onTheme(show);
    frame.busy(true);
    if (!model.get("_linked")?.prompt)
      // a link shows what the book's model does
      await mine.prefer((known) => !encoded(state.values.prompt, known).problem);
    update();
    await refresh();
    return frame.remove;

    /** Change the state, and keep the text as it is now. */
    function change(/** @type {import("../kit/state.js").Values} */ values) {
      state.set({ prompt: text, ...values });
    }

    function onType(/** @type {string} */ value) {
      writer.cancel();
      text = value;
      change({ query: -1 });
    }

    function update() {
      const { values } = state;
      const isNext = values.view === "next";
      if (!writer.running) text = values.prompt;
      box.set(text);
      const [first, then] = FIRST[values.view];
      frame.advise({ first, then: (isNext && sampling.says()) || then });
      find(frame.root, ".title").textContent = TITLES[values.view];
      write.hidden = !isNext && !writer.running;
      wrote.classList.toggle("full", values.view === "attention");
      for (const [name, each] of Object.entries(views)) each.show(name === values.view);
      sampling.update(isNext);
      key.hidden = sampling.isPlain();
      refresh();
    }

    /** Compute what is shown for the text as it is now. */
    async function compute() {
      const { ids, problem } = encoded(text, vocabulary);
      box.input.setAttribute("aria-invalid", String(problem !== ""));
      if (problem) return frame.fail(problem, box.node);
      const which = state.values.view;
      const pieces = ids.map((id) => vocabulary.symbols[id]);
      const seen = ids.slice(-gpt.config.block_size);
      const read = { vocabulary, config: gpt.config, seenText: pieces.slice(-seen.length) };
      const pass = gpt.forward(seen, { attention: which === "attention" });
      const layers = which === "layers" ? await gpt.lens(seen) : undefined;
      const prices = which === "price" && ids.length > 1 ? await pricesOf(ids, text) : undefined;
      const { logits, attention } = await pass;
      const next = logits.slice(-read.vocabulary.symbols.length);
      shown = { which, text: pieces, ...read, logits: next, attention, layers, prices };
      frame.fail("");
      show();
    }

    async function pricesOf(/** @type {number[]} */ ids, /** @type {string} */ text) {
      const counts = (ngrams ??= await readNGrams(await loadFile(model, "ngrams")));
      const characters = [...text];
      const first = Math.max(1, [...vocabulary.decoder()(ids[0])].length); // characters that have no prediction
      const { ids: counted, unknown } = encodeText(characters.join(""), counts.symbols);
      const prices = ORDERS.map(([name, order]) => ({
        name,
        nats: unknown.length ? null : nGramNats(counts, counted, order).slice(first - 1),
      }));
      const logs = await gpt.logProbabilities(ids);
      return { ngrams: prices, gpt: Float64Array.from(logs, (log) => -log), count: characters.length - first };
    }

    function show() {
      if (!shown) return;
      const { which, logits, seenText, text, vocabulary } = shown;
      const { symbols: known, unit } = vocabulary;
      const now = nextTokenProbabilities(logits, sampling.options());
      list.update(distributionRows(known, nextTokenProbabilities(logits, {}), now, 12));
      const size = gpt.config.block_size;
      seenNote.textContent =
        text.length > size
          ? `The model uses only the last ${size} of these ${text.length} ${unit}s.`
          : `${text.length} of the ${size} ${unit}s that the model can use.`;
      title.textContent = `The next ${unit}`;
      find(choice, "span").textContent = `Next ${unit}`;
      list.node.setAttribute("aria-label", `Probabilities of the next ${unit}`);
      if (which !== state.values.view) return;
      const said = views[which].update({ ...shown, ...aim() });
      if (writer.running) return frame.describe(""); // it would be of another text
      if (which !== "next") return frame.describe(said);
      const top = Array.from(now.keys())
        .sort((a, b) => now[b] - now[a])
        .slice(0, 3);
      const names = top.map((id) => `${longName(known[id])} ${percent(now[id])}`);
      const last = seenText.slice(-8).map(shortName).join("");
      frame.describe(`After “${last}” the next ${unit} is most probably ${names.join(", ")}.`);
    }

    /** Whose attention is shown: that of the last character, while more are written. */
    function aim() {
      const { head, query } = state.values;
      return { head, query: writer.running ? -1 : query };
    }

    // Writing on.
    function continuation(/** @type {(symbol: string) => void} */ onSymbol) {
      const { ids, problem } = encoded(text, vocabulary);
      if (problem) return null;
      const room = Math.min(COUNT, (longest ?? Infinity) - text.length);
      if (room < 1) {
        frame.fail(`The box holds ${longest} characters and is full; delete some to write on.`, box.node);
        return null;
      }
      const decode = vocabulary.decoder();
      return gpt.generate(ids, { count: room, seed: state.values.seed, ...sampling.options() }, (token) =>
        onSymbol(decode(token)),
      );
    }

    function onWritten(/** @type {string} */ more) {
      text = (text + more).slice(0, longest); // a token may have more characters than there is room for
      box.set(text);
      box.input.scrollTop = box.input.scrollHeight;
      refresh();
    }

    function useModel(/** @type {typeof gpt} */ nextModel, /** @type {typeof vocabulary} */ nextVocabulary) {
      [gpt, vocabulary] = [nextModel, nextVocabulary];
      update();
    }
  },
};

/**
 * The ids of a text, or a sentence on why the model can't read it.
 * @param {string} text
 * @param {import("../characters/vocabulary.js").Vocabulary} vocabulary
 * @returns {{ids: number[], problem: string}}
 */
function encoded(text, vocabulary) {
  try {
    const ids = vocabulary.encode(text);
    const nothing = "Type at least one character: the model predicts what comes next from what is before it.";
    return { ids, problem: ids.length ? "" : nothing };
  } catch (error) {
    return { ids: [], problem: messageOf(error) };
  }
}
