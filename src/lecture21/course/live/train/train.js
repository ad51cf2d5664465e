// Train a GPT in this page (chapter 07): losses and samples while it learns, beside n-grams and a run in PyTorch.

import { controlsOf } from "../kit/bound.js";
import { button, more } from "../kit/controls.js";
import { loadFile } from "../kit/files.js";
import { create, createFrame, messageOf, panel } from "../kit/frame.js";
import { download as saveFile, kept, nameOfOwnModel } from "../kit/kept.js";
import { store } from "../kit/store.js";
import { lossChart, storedRun } from "./chart.js";
import { prepare } from "./corpus.js";
import { ownText } from "./own_text.js";
import { PLAIN, blindGuess, plainDescription, plainProgress } from "./plain.js";
import { ENOUGH, STEPS_PER_SECOND, stepsIn } from "./recipe.js";
import { createSession } from "./session.js";
import { timeline } from "./timeline.js";
import { broken, describe, grouped, isRecipe, labelOf, progress, rates } from "./words.js";

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
const ACTIONS = { running: "Stop", stopping: "Stop", stopped: "Resume", starting: "Starting…" };
/** In which something is computed. */
const BUSY = ["starting", "running", "stopping"];
const MORE_TIME = 90; // seconds that a slow machine is offered

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
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {import("./words.js").Values} */ (state.values);
    const session = createSession(follow, timeFor);
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
      format: rates,
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
    frame.controls.append(asked);
    let keptRun = 0; // number of the run whose model is the reader's own

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
      expected: () => (values.steps ? values.steps / STEPS_PER_SECOND : values.budget),
    });
    const samples = timeline(frame, session);
    frame.stage.append(chart.panel); // beside what the model writes, or below it

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

    function begin() {
      asked.hidden = true;
      frame.fail("");
      command.hidden = true;
      session.start(settings());
    }

    /**
     * Ask something where the reader has just acted.
     * @param {string} text
     * @param {[string, () => void][]} answers
     */
    function ask(text, answers) {
      asked.replaceChildren(create("span", {}, text));
      for (const [i, [label, action]] of answers.entries()) {
        const onClick = () => {
          asked.hidden = true;
          action();
        };
        button(asked, { label, main: i === 0, onClick });
      }
      asked.hidden = false;
    }

    /** The seconds of a run: more than the reader chose, if this machine is too slow and the reader agrees. */
    function timeFor(/** @type {import("./session.js").Settings} */ { steps, budget }, /** @type {number} */ perStep) {
      if (steps || budget >= MORE_TIME || stepsIn(budget, perStep) >= ENOUGH) return budget;
      const few = grouped(stepsIn(budget, perStep));
      return /** @type {Promise<number>} */ (
        new Promise((resolve) => {
          ask(`This machine is slow: ${budget} s are ${few} steps, too few to see much.`, [
            [`Train for ${MORE_TIME} s`, () => (state.set({ budget: MORE_TIME }), resolve(MORE_TIME))],
            [`Train for ${budget} s`, () => resolve(budget)],
          ]);
        })
      );
    }

    /** Start again at the learning rate of the recipe. */
    function mend() {
      state.set({ doublings: 0 });
      begin();
    }

    async function save() {
      try {
        saveFile(await session.save(), FILE, "application/octet-stream");
        command.replaceChildren("The command line reads the file: ", create("code", {}, COMMAND));
        command.hidden = false;
      } catch (error) {
        frame.fail(messageOf(error));
      }
    }

    const isOfUse = () => session.hasModel && !session.isBroken;

    /** After a run: its model is the reader's own, unless there is one of another run, which stays until this is kept. */
    function offer() {
      const name = nameOfOwnModel();
      const keep = () => keepModel().catch((error) => frame.fail(messageOf(error)));
      if (!isOfUse()) return;
      if (!name || keptRun === session.number) return keep();
      ask(`The other figures have ${name}, until you keep this one.`, [
        ["Keep this one", keep],
        ["Drop this one", drop],
      ]);
    }

    function drop() {
      session.end();
      follow("status");
    }

    /** Keep the model that was trained, for the figures that write. */
    async function keepModel() {
      const nats = session.validation.findLast(Number.isFinite);
      if (nats === undefined) return;
      keptRun = session.number;
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
        main.disabled = status === "starting" || status === "stopping";
        again.hidden = status !== "stopped";
        if (status !== "starting") asked.hidden = true;
        if (status === "running" && session.settings?.steps && !session.times.length)
          chart.guess.stretch(session.expected); // how long the steps take was not known
        if (status === "finished" || status === "stopped") offer();
        for (const input of frame.root.querySelectorAll(".controls :is(input, select, textarea)"))
          input.toggleAttribute("disabled", BUSY.includes(status));
      }
      download.disabled = !session.hasModel;
      now.textContent = plain ? plainProgress(session) : progress(session);
      if (what === "sample" || what === "status") samples.update();
      if (what !== "sample") chart.redraw();
      if (what === "status" || what === "crossed") say();
      if (session.isBroken && asked.hidden)
        ask(broken(session), [["Start again with the recipe's learning rate", mend]]);
    }

    function say() {
      if (plain) return frame.describe(plainDescription(session, goals()));
      const { settings, planned } = session;
      const stored = settings && isRecipe(settings) ? storedRun(curves, planned) : undefined;
      // A run of so many steps ends where the guess ends, whatever time was foreseen.
      const isWhole = session.status === "finished" && settings?.steps;
      const expected = planned ? chart.guess.upTo(isWhole ? chart.guess.span : session.seconds) : undefined;
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
    /** Neither a run nor a model that was not kept is lost without a question of the browser. */
    const stay = (/** @type {BeforeUnloadEvent} */ event) => {
      if (BUSY.includes(session.status) || (isOfUse() && keptRun !== session.number)) event.preventDefault();
    };
    addEventListener("beforeunload", stay);
    frame.onRemove(() => removeEventListener("beforeunload", stay));
    frame.onReset(() => {
      session.forget();
      chart.guess.clear();
      own.clear();
      command.hidden = true;
      keptRun = 0;
      follow("status");
    });
    frame.onRemove(session.close);
    follow("status");
    update();
    return frame.remove;
  },
};
