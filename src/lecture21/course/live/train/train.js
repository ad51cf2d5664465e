// Train a GPT in this page (chapter 07): losses and samples while it learns, beside n-grams and a run in PyTorch.

import { controlsOf } from "../kit/bound.js";
import { button, more } from "../kit/controls.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, find, messageOf, panel } from "../kit/frame.js";
import { download as offer, kept, nameOfOwnModel } from "../kit/kept.js";
import { percent } from "../kit/numbers.js";
import { store } from "../kit/store.js";
import { lossChart, storedRun } from "./chart.js";
import { prepare } from "./corpus.js";
import { ownText } from "./own_text.js";
import { PLAIN, blindGuess, plainDescription, plainProgress } from "./plain.js";
import { STEPS_PER_SECOND } from "./recipe.js";
import { createSession } from "./session.js";
import { timeline } from "./timeline.js";
import { describe, isRecipe, labelOf, progress } from "./words.js";

const FILE = "gpt-from-the-page.safetensors";
const COMMAND = `lecture21 sample ${FILE} --length 300 --temperature 0.8`;
const PROMPT = "ROMEO:\n";

/** Load the text of the page or the notebook, all of it: the lines of the n-grams belong to the whole text. */
async function loadText(/** @type {import("../kit/frame.js").Model} */ model) {
  const corpus = prepare(new TextDecoder().decode(await loadFile(model, "text")));
  if (corpus.tokens.length + corpus.validation.length !== model.get("characters")) {
    throw new Error("The text arrived incomplete; check the connection, and press Start training again.");
  }
  return corpus;
}

/** What the button does; in any other status, it starts a training. @type {Record<string, string>} */
const ACTIONS = { running: "Stop", stopped: "Resume", starting: "Starting…" };

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    /** @type {import("./words.js").Shape[]} */
    const shapes = model.get("shapes");
    const shapeOf = Object.fromEntries(shapes.map((shape) => [shape.name, shape]));
    /** @type {import("./session.js").Level[]} */
    const levels = model.get("levels");
    /** @type {[number, number]}  beginning and length of the validation text, as in `own.part` */
    const windows = model.get("windows");
    /** @type {import("./chart.js").Stored[]} */
    const curves = model.get("curves");
    const plain = Boolean(model.get("plain")); // no word that a chapter explains
    const frame = createFrame(context, {
      title: "Train a GPT in this page",
      first: plain
        ? PLAIN.first
        : "Draw the curve that you expect into the chart, then press Start training and read what the model writes.",
      then: plain
        ? ""
        : "the loss passes the line of the bigram, then that of the trigram, while letters turn into words.",
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {import("./words.js").Values} */ (state.values);
    const session = createSession(follow);
    /** The text that the page or the notebook gives, once it is loaded. @type {import("./corpus.js").Corpus | null} */
    let plays = null;

    const { choice, numberField, select, slider, toggle } = controlsOf(frame);
    const further = more(frame, plain ? PLAIN.more : "More: size, optimizer, seed, causal mask, your own text");
    const inSight = plain ? further : frame.controls;
    choice("budget", {
      parent: inSight,
      label: "Training time",
      options: context.fields.budget.choices.map((each) => [each, each < 120 ? `${each} s` : `${each / 60} min`]),
    });
    slider("doublings", {
      parent: inSight,
      label: "Learning rate",
      format: (doublings) => `${percent(2 ** doublings, 3)} of the recipe's`,
    });
    const buttons = create("div", { class: "buttons" });
    frame.controls.append(buttons);
    const main = button(buttons, {
      label: "Start training",
      others: ["Starting…", "Stop", "Resume"],
      main: true,
      onClick: act,
    });
    const again = button(buttons, { label: "Start again", onClick: begin });
    const asked = create("div", { class: "actions", role: "group", hidden: true });
    const what = create("span");
    asked.append(what);
    button(asked, { label: "Replace it", onClick: () => start(true) });
    button(asked, { label: "Keep it", onClick: () => start(false) });
    frame.controls.append(asked);
    let keeps = true; // whether the model of this run becomes the reader's own

    const sizes = select("size", { parent: further, label: "Model", options: shapes.map(({ name }) => [name, name]) });
    choice("optimizer", {
      parent: further,
      label: "Optimizer",
      options: [
        ["muon", "Muon"],
        ["adamw", "AdamW"],
      ],
    });
    numberField("seed", { parent: further, label: "Seed" });
    numberField("steps", { parent: further, label: "Steps, or 0 for as many as fit" });
    toggle("causal", { parent: further, label: "Causal mask" });
    frame.stage.after(further.parentElement ?? further); // the controls, the curve and the samples are in sight together
    const own = ownText(further, { levels, onChange: update, onError: (sentence) => frame.fail(sentence) });

    const now = create("p", { class: "now" });
    panel(frame, "", now);
    const goals = () => (plain ? blindGuess(own.levels) : own.levels);
    const chart = lossChart(frame, {
      session,
      curves: plain ? [] : curves,
      levels: goals,
      plain,
      planned: () => session.planned || values.steps || STEPS_PER_SECOND * values.budget,
    });
    const samples = timeline(frame, session);

    const download = button(frame.foot, { label: "Download .safetensors", onClick: save });
    const command = create("p", { class: "reading", hidden: true });
    frame.foot.after(command);
    kept(frame);

    /** The text that is trained on, with what belongs to it. */
    async function source() {
      await own.ready();
      if (own.corpus) return { corpus: own.corpus, prompt: own.corpus.symbols[own.corpus.tokens[0]], part: own.part };
      const corpus = (plays ??= await loadText(model));
      const known = Array.from(PROMPT).every((character) => corpus.symbols.includes(character));
      const prompt = known ? PROMPT : corpus.symbols[corpus.tokens[0]];
      return { corpus, prompt, part: windows };
    }

    /** @returns {Promise<import("./session.js").Settings>} */
    async function settings() {
      const { budget, size, steps, optimizer, doublings, seed, causal } = values;
      const { corpus, prompt, part } = await source();
      const validation = corpus.validation.slice(part[0], part[0] + part[1]);
      return {
        corpus,
        validation,
        prompt,
        levels: goals(),
        config: { ...shapeOf[size].config, causal },
        size,
        own: corpus !== plays,
        budget,
        steps,
        optimizer,
        factor: 2 ** doublings,
        seed,
      };
    }

    function act() {
      if (session.status === "running") session.stop();
      else if (session.status === "stopped") session.resume();
      else begin();
    }

    /** Ask before a run replaces the model that the reader has. */
    function begin() {
      const name = nameOfOwnModel();
      if (!name) return start(true);
      what.textContent = `This run would replace ${name} in the other figures.`;
      asked.hidden = false;
      find(asked, "button").focus();
    }

    /** @param {boolean} keepsModel */
    function start(keepsModel) {
      keeps = keepsModel;
      asked.hidden = true;
      frame.fail("");
      command.hidden = true;
      session.start(settings());
    }

    async function save() {
      try {
        offer(await session.save(), FILE, "application/octet-stream");
        command.replaceChildren("The command line reads the file: ", create("code", {}, COMMAND));
        command.hidden = false;
      } catch (error) {
        frame.fail(messageOf(error));
      }
    }

    /** Keep the model that was trained, for the figures that write. */
    async function keepModel() {
      const nats = session.validation.findLast(Number.isFinite);
      if (nats === undefined) return; // it diverged
      const { settings, step } = session;
      if (!settings) return;
      const sample = settings.prompt + (session.samples.at(-1)?.text ?? "");
      // The reader may start another run, or forget this one, before the file is written.
      await store.keepModel({ bytes: await session.save(), nats, steps: step, sample });
      command.replaceChildren(
        `The figures that write, remove parts or compare models now offer ${nameOfOwnModel()}`,
        store.keeps ? "; this browser keeps it." : " until you leave this page.",
      );
      command.hidden = false;
    }

    /** Show what the run did. */
    function follow(/** @type {"progress" | "status" | "crossed" | "sample"} */ what) {
      if (what === "status") {
        const { status } = session;
        context.el.dataset.training = status; // for what surrounds the figure on a page
        if (status === "failed") frame.fail(session.error);
        main.textContent = ACTIONS[status] ?? "Start training";
        main.disabled = status === "starting";
        again.hidden = status !== "stopped";
        if (status === "finished" && keeps) keepModel().catch((error) => frame.fail(messageOf(error)));
        const busy = status === "running" || status === "starting";
        for (const input of frame.root.querySelectorAll(".controls :is(input, select, textarea)"))
          input.toggleAttribute("disabled", busy);
      }
      download.disabled = !session.hasModel;
      now.textContent = plain ? plainProgress(session) : progress(session);
      if (what === "sample" || what === "status") samples.update();
      if (what !== "sample") chart.redraw();
      if (what === "status" || what === "crossed") say();
      if (session.steps.length > 1) frame.acted();
    }

    function say() {
      if (plain) return frame.describe(plainDescription(session, goals()));
      const { settings, planned } = session;
      const stored = settings && isRecipe(settings) ? storedRun(curves, planned) : undefined;
      const expected = planned ? chart.guess.upTo(planned) : undefined;
      const { corpus, levels } = own;
      frame.describe(describe(session, { values, shape: shapeOf[values.size], corpus, levels, stored, expected }));
    }

    function update() {
      const vocabulary = own.corpus?.vocabulary ?? 65;
      for (const option of sizes.input.options) {
        option.textContent = labelOf(shapeOf[option.value], vocabulary);
      }
      follow("progress");
      say();
    }

    frame.onVisible((visible) => session.leave(!visible));
    frame.onReset(() => {
      session.forget();
      chart.guess.clear();
      own.clear();
      command.hidden = true;
      asked.hidden = true;
      follow("status");
    });
    frame.onRemove(session.close);
    follow("status");
    update();
    return frame.remove;
  },
};
