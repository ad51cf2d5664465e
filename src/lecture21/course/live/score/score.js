// A model from a file: its loss on the held-out text, and which rows of the speedrun it beats (book/speedrun.md).

import { button } from "../kit/controls.js";
import { loadFile } from "../kit/files.js";
import { byInput, create, createFrame, headings, messageOf, panel } from "../kit/frame.js";
import { filesOf, readModel } from "./dropped.js";
import { startScoring } from "./scoring.js";

const EXAMPLE = "GPT-0 of this book";

/** @typedef {{ recipe: string, minutes: number, nats: number, seeds: number }} Row */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const rows = /** @type {unknown[]} */ (Array.isArray(model.get("rows")) ? model.get("rows") : []).filter(isRow);
    const frame = createFrame(context, { title: "Score your model", fields: {}, linked: false, onChange() {} });
    frame.root.append(create("style", {}, STYLE));

    const input = create("input", { type: "file", multiple: true, accept: ".safetensors,.json" });
    const words = byInput("Drop your model.safetensors here, or choose it", "Choose your model.safetensors");
    const drop = create("label", { class: "drop" }, create("span", {}, words), input);
    frame.controls.append(drop);
    button(frame.controls, { label: `I have none: score the ${EXAMPLE}`, onClick: () => start(readExample) });
    const note =
      "The page computes its loss on the last tenth of the nine plays, which nobody trains on. Nothing leaves this machine.";
    const about = create("p", { class: "note full" }, note);
    const bar = create("progress", { max: 1, value: 0, "aria-label": "Share of the text that is read" });
    const left = create("span", { class: "left" });
    const working = create("div", { class: "working", hidden: true }, bar, left);
    button(working, { label: "Cancel", onClick: () => cancel("Canceled.") });
    const result = create("div", { class: "full" });
    panel(frame, "", working, result, about);

    /** What ends the scoring that is going on; of no use once another one has begun. */
    let current = 0;
    let stop = () => {};
    /** @type {string | null} */
    let text = null;

    /** The held-out text, all of it. */
    async function readText() {
      const found = new TextDecoder().decode(await loadFile(model, "text"));
      if (found.length !== model.get("characters"))
        throw new Error("The held-out text arrived incomplete; check the connection, and try again.");
      return found;
    }

    async function readExample() {
      return { name: `the ${EXAMPLE}`, weights: await loadFile(model, "example"), tokenizer: null };
    }

    /** @param {() => ReturnType<typeof readModel>} read */
    async function start(read) {
      cancel("");
      const mine = current;
      frame.busy(true);
      result.replaceChildren();
      about.hidden = true;
      working.hidden = false;
      bar.removeAttribute("value");
      left.textContent = "Reading the file …";
      const known = () => mine === current;
      try {
        text ??= await readText();
        const { name, weights, tokenizer } = await read();
        if (!known()) return;
        let [began, before] = [0, 0]; // the first answer: workers start at different times
        const onProgress = (/** @type {number} */ share) => {
          if (!known()) return;
          const now = performance.now();
          if (!began) [began, before] = [now, share];
          bar.value = share;
          const percent = `${Math.floor(100 * share)} %`;
          const seconds = ((now - began) / 1000) * ((1 - share) / (share - before));
          left.textContent = share > before ? `${percent}, ${timeLeft(seconds)} left` : percent;
        };
        const scoring = startScoring({ weights, tokenizer, text, onProgress });
        stop = scoring.cancel;
        const score = await scoring.done;
        if (known()) show(name, score);
      } catch (error) {
        if (known()) frame.fail(messageOf(error));
      }
      if (known()) rest();
    }

    /** Back to rest. */
    function rest() {
      stop = () => {};
      working.hidden = true;
      about.hidden = false;
      frame.busy(false);
      input.value = ""; // so that the same file can be chosen again
    }

    function cancel(/** @type {string} */ said) {
      current++;
      stop();
      rest();
      frame.fail("");
      frame.describe(said);
    }

    /** @param {string} name @param {import("./scoring.js").Score} score */
    function show(name, { nats, characters, tokens, parameters }) {
      const rounded = Number(nats.toFixed(4));
      const number = create("p", { class: "number" }, create("b", {}, nats.toFixed(4)), " nats per character");
      const count = (/** @type {number} */ n) => n.toLocaleString("en");
      const read = tokens === characters ? "" : `, ${count(tokens)} tokens`;
      result.replaceChildren(number, ...(rows.length ? [tableOf(name, rounded)] : []));
      frame.describe(
        `${verdict(rounded)} (${name}: ${count(parameters)} parameters; ${count(characters)} characters of held-out text${read}.)`,
      );
    }

    function verdict(/** @type {number} */ nats) {
      if (!rows.length) return `${nats.toFixed(4)} nats per character. The speedrun's table has no rows yet.`;
      const best = rows.find((row) => nats < row.nats);
      const ahead = rows.findLast((row) => nats >= row.nats);
      const beaten = rows.filter((row) => nats < row.nats).length;
      if (!best) return `It beats no row yet; the nearest is ${named(ahead)}.`;
      if (!ahead) return `✓ It beats every row: the lowest until now is ${named(best)}.`;
      return `✓ It beats ${beaten} of ${rows.length} rows, the best of them ${named(best)}; ahead of it is ${named(ahead)}.`;
    }

    function tableOf(/** @type {string} */ name, /** @type {number} */ nats) {
      const line = (/** @type {string[]} */ [first, ...others], own = false) =>
        create(
          "tr",
          own ? { class: "own" } : {},
          create("th", { scope: "row" }, first),
          ...others.map((each) => create("td", {}, each)),
        );
      const before = rows.filter((row) => row.nats <= nats);
      const lines = rows.map(({ recipe, minutes, nats }) => line([recipe, `${minutes}`, nats.toFixed(4)]));
      lines.splice(before.length, 0, line([`→ ${name}`, "", nats.toFixed(4)], true));
      const table = create(
        "table",
        {},
        headings("Recipe", "Minutes", "Nats per character"),
        create("tbody", {}, ...lines),
      );
      return create("div", { class: "scroll" }, table);
    }

    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      if (files.length) start(() => readModel(files));
    });
    const section = /** @type {HTMLElement} */ (frame.stage.parentElement);
    const isOver = (/** @type {DragEvent} */ event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    };
    section.addEventListener("dragenter", isOver);
    section.addEventListener("dragover", isOver);
    section.addEventListener("dragleave", () => drop.classList.remove("over"));
    section.addEventListener("drop", (event) => {
      drop.classList.remove("over");
      const { dataTransfer } = event;
      if (!dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const files = filesOf(dataTransfer); // now: after this event, the drop is empty
      start(async () => readModel(await files));
    });
    frame.onReset(() => {
      cancel("");
      result.replaceChildren();
    });
    frame.onRemove(() => cancel(""));
    return frame.remove;
  },
};

const named = (/** @type {Row | undefined} */ row) =>
  row ? `${row.recipe} in ${row.minutes} minutes with ${row.nats.toFixed(4)}` : "none";

/** @returns {row is Row} */
function isRow(/** @type {unknown} */ row) {
  const { recipe, minutes, nats } = /** @type {Partial<Row>} */ (row ?? {});
  return typeof recipe === "string" && Number.isFinite(minutes) && Number.isFinite(nats);
}

function timeLeft(/** @type {number} */ seconds) {
  const rounded = Math.max(1, Math.round(seconds));
  if (rounded >= 90) return `${Math.round(rounded / 60)} minutes`;
  return rounded === 1 ? "1 second" : `${rounded} seconds`;
}

const STYLE = `
.drop { box-sizing: border-box; display: flex; flex-direction: column; gap: 0.5rem; flex: 1 1 20rem; min-width: 0; padding: 1rem; border: 2px dashed var(--note); border-radius: 8px; font-weight: 600; cursor: pointer; }
.drop input { min-width: 0; max-width: 100%; box-sizing: border-box; } .drop.over, .drop:hover { border-color: var(--accent); background: var(--paper); }
.working { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; } .working progress { flex: 1 1 12rem; accent-color: var(--accent); }
.left { font-variant-numeric: tabular-nums; min-width: 11em; }
.number { font-variant-numeric: tabular-nums; } .number b { font-size: 1.6rem; }
.own > * { background: var(--accent); color: var(--on-accent); font-weight: 600; }
`;
