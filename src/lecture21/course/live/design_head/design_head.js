// Design a head (chapters 03 and 05): the reader says what words look for and what they write, sees what the word that
// is wrong finds, and tries the design on random sentences. The one that breaks it is shown.

import { judged, NOTHING, packed, STRENGTHS, tried, unpacked } from "./compute.js";
import { layersOf, puzzlesWith } from "./puzzles.js";
import { formsOf, mapOf, STYLE } from "./views.js";
import { explained, noteText, resultOf, rowText } from "./words.js";
import { button, choice } from "../kit/controls.js";
import { FINDS_STYLE, wordsFound } from "../kit/finds.js";
import { create, createFrame } from "../kit/frame.js";
import { kept } from "../kit/kept.js";
import { written } from "../kit/numbers.js";
import { integerIn, oneOf } from "../kit/state.js";
import { store } from "../kit/store.js";

const KEPT = "designs";
const SEEN = 0.005; // a weight whose bar can be seen

/** @typedef {import("./compute.js").Word} Word @typedef {import("./compute.js").Layer} Layer */
/** @typedef {import("./puzzles.js").Puzzle} Puzzle */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const puzzles = puzzlesWith(model.get("puzzle"));
    const ids = puzzles.map(({ id }) => id);
    const sentences = sentencesOf(model.get("words"), model.get("sentences"));
    const frame = createFrame(context, {
      title: "Design a head",
      first: "Change the lists until each red ✗ is a ✓.",
      fields: {
        puzzle: { start: ids[0], check: oneOf(ids) },
        design: { start: [], check: (value) => Array.isArray(value) && value.length <= 40 },
        sentence: { start: 0, check: integerIn(0, sentences.length - 1) },
      },
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, FINDS_STYLE + STYLE));
    const task = create("p", { class: "task" });
    const rules = create("div", { class: "controls" });
    const actions = create("div", { class: "actions" });
    const hints = create("div", { class: "hints" });
    const chosen = choice(frame.controls, {
      label: "Puzzle",
      options: puzzles.map(({ id, title }) => [id, title]),
      value: state.values.puzzle,
      onInput: (puzzle) => open(puzzle),
    });
    frame.controls.after(task, rules);
    frame.foot.before(actions, hints);
    button(actions, { label: `Check on ${sentences.length} random sentences`, main: true, onClick: check });
    button(actions, { label: "Another sentence", onClick: another });
    const addRule = button(actions, {
      label: "A second rule",
      onClick() {
        isWide = true;
        update();
      },
    });
    const shown = create("div", { class: "shown" });
    const maps = create("div", { class: "maps" });
    const summary = create("summary", {}, "All weights, and the design as matrices");
    frame.stage.append(shown, create("details", { class: "more" }, summary, maps));

    /** The last check: of which design, what it said. */
    let checked = { of: "", wrong: 0 };
    let showing = "";
    /** Whether the reader has asked for the second rule. */
    let isWide = false;
    /** The word whose weights the reader has asked for; -1: that of the first mistake. */
    let asked = -1;
    /** @type {ReturnType<typeof stripOf>[]} the words, once for each layer */
    let strips = [];
    let stripped = "";

    const puzzleNow = () => /** @type {Puzzle} */ (puzzles.find(({ id }) => id === state.values.puzzle));
    const layersNow = () => {
      const { family, layers } = puzzleNow();
      const { design } = state.values;
      return design.length ? unpacked(family, layers, design) : layersOf(puzzleNow(), "half");
    };
    const fingerprint = () => JSON.stringify([state.values.puzzle, packed(layersNow())]);

    /** @param {string} puzzle */
    function open(puzzle) {
      state.set({ puzzle, design: remembered()[puzzle]?.design ?? [] });
    }

    function another() {
      state.set({ sentence: (state.values.sentence + 37) % sentences.length });
    }

    /** @param {Layer[]} layers */
    function take(layers) {
      const design = packed(layers);
      remember({ design });
      state.set({ design });
    }

    function check() {
      const { wrong, first } = tried(puzzleNow(), layersNow(), sentences);
      checked = { of: fingerprint(), wrong };
      if (!wrong) remember({ design: packed(layersNow()), solved: true });
      state.set(wrong ? { sentence: first } : {});
    }

    /** @param {{design: number[], solved?: boolean}} what */
    function remember(what) {
      const all = remembered();
      store.set(KEPT, { ...all, [state.values.puzzle]: { ...all[state.values.puzzle], ...what } });
    }

    function update() {
      const puzzle = puzzleNow();
      const layers = layersNow();
      if (showing !== puzzle.id) show(puzzle);
      const words = sentences[state.values.sentence];
      const found = judged(puzzle, layers, words);
      const first = found.rows.findIndex(({ isRight }) => !isRight);
      const used = Math.max(
        ...layers.flatMap(({ rules }) => rules.map(({ strength }, n) => (strength === NOTHING ? 1 : n + 1))),
        ...puzzle.design.map(({ rules }) => rules.length),
        isWide ? puzzle.family.rules : 1,
      );
      layers.forEach((layer, n) => controls[n].set(layer, used));
      addRule.hidden = used >= puzzle.family.rules;
      const texts = found.heads.map((head, n) => {
        const value = puzzle.family.values[layers[n].value];
        if (n < layers.length - 1) return head.written.map((amounts) => noteText(amounts, words));
        return found.rows.map((row, i) => rowText(row, value, i === first));
      });
      const now = `${puzzle.id} ${state.values.sentence}`;
      if (stripped !== now) {
        stripped = now;
        asked = -1;
        strips = layers.map((_, n) => stripOf(words, layers.length > 1 ? `Layer ${n + 1}: ` : ""));
        shown.replaceChildren(...strips.map(({ node }) => node));
      }
      const last = found.rows.reduce((best, { wanted }, i) => (wanted ? i : best), words.length - 1);
      const query = asked >= 0 ? asked : first >= 0 ? first : last;
      found.heads.forEach(({ weights }, n) => {
        const isLast = n === layers.length - 1;
        const value = puzzle.family.values[layers[n].value];
        const flag = /** @type {keyof Word} */ (value.reads);
        const { name } = words[query];
        strips[n].update(
          isLast
            ? resultOf(name, found.rows[query], value)
            : { text: `“${name}” writes ${texts[n][query].text}.`, tone: "" },
          {
            query,
            weights: weights[query].map((weight, j) => (j > query ? null : weight)),
            tags: words.map((word, j) =>
              value.kind === "flag" && weights[query][j] >= SEEN ? `${value.reads} ${word[flag]}` : "",
            ),
            right: isLast ? found.rows.map(({ wanted, isRight }) => (wanted ? isRight : null)) : [],
          },
        );
      });
      const titles = layers.length > 1 ? layers.map((_, n) => `Weights of layer ${n + 1}`) : ["Weights of all words"];
      maps.replaceChildren(
        ...found.heads.flatMap((head, n) => [
          mapOf(frame, words, head, { title: titles[n], writes: "writes", rows: texts[n] }),
          formsOf(frame, puzzle.family, layers[n]),
        ]),
      );
      say(puzzle, layers, words, found, first);
    }

    /** The words of a sentence, for a layer. @param {Word[]} words @param {string} which */
    function stripOf(words, which) {
      const title = create("p", { class: "writes" });
      const node = create("div", {}, title);
      const { update: draw } = wordsFound(node, {
        label: `${which}weights of the word that asks`,
        words: words.map(({ name }) => name),
        onQuery(query) {
          asked = query;
          update();
        },
      });
      return {
        node,
        /** @type {(said: {text: string, tone: string}, found: import("../kit/finds.js").Found) => void} */
        update({ text, tone }, found) {
          title.textContent = `${which}${text}`;
          title.className = `writes ${tone}`;
          draw(found);
        },
      };
    }

    /**
     * @param {Puzzle} puzzle
     * @param {Layer[]} layers
     * @param {Word[]} words
     * @param {ReturnType<typeof judged>} found
     * @param {number} first  the first word that is wrong; -1: none
     */
    function say(puzzle, layers, words, found, first) {
      const judgedRows = found.rows.filter(({ wanted }) => wanted);
      const right = judgedRows.filter(({ isRight }) => isRight).length;
      const isChecked = checked.of === fingerprint();
      const parts = [];
      if (isChecked && !checked.wrong) {
        parts.push(
          create("b", { class: "right" }, `✓ Right in all ${sentences.length} random sentences. `),
          puzzle.why,
        );
      } else if (isChecked) {
        const count = `✗ Wrong in ${checked.wrong} of ${sentences.length} random sentences. `;
        parts.push(create("b", { class: "wrong" }, count), "The shortest is shown. ");
      }
      if (first >= 0) parts.push(explained(puzzle, layers, words, found, first));
      else if (!isChecked)
        parts.push(
          `${right > 1 ? `All ${right} words that count are` : "It is"} right in this sentence. Now check the others.`,
        );
      if (first >= 0 && judgedRows.length > 1) parts.push(` ${right} of ${judgedRows.length} words are right here.`);
      frame.describe(...parts);
      ticks();
    }

    /** @type {ReturnType<typeof layerControls>[]} */
    let controls = [];
    /** Show the task, the rules and the hints of a puzzle. @param {Puzzle} puzzle */
    function show(puzzle) {
      showing = puzzle.id;
      isWide = false;
      chosen.set(puzzle.id);
      task.textContent = puzzle.task;
      controls = Array.from({ length: puzzle.layers }, (_, n) =>
        layerControls(puzzle, n, (layer) => {
          const layers = layersNow();
          layers[n] = layer;
          take(layers);
        }),
      );
      rules.replaceChildren(...controls.flatMap(({ nodes }) => nodes));
      const folds = puzzle.hints.map((text, i) => fold(`Hint ${i + 1}`, create("p", {}, text)));
      const solution = create("div", {}, create("p", {}, puzzle.solution));
      button(solution, { label: "Use this design", onClick: () => take(layersOf(puzzle, "design")) });
      hints.replaceChildren(...folds, fold("Solution", solution));
    }

    function ticks() {
      const all = remembered();
      chosen.inputs.forEach((input, i) => {
        const tick = all[ids[i]]?.solved ? " ✓" : "";
        const text = input.nextElementSibling;
        if (text) text.textContent = `${puzzles[i].title}${tick}`;
      });
    }

    frame.onReset(() => {
      const others = Object.entries(remembered()).filter(([id]) => id !== state.values.puzzle);
      store.set(KEPT, others.length ? Object.fromEntries(others) : null);
    });
    frame.onTheme(update);
    frame.onRemove(store.onChange(ticks));
    kept(frame);
    if (!state.values.design.length) state.values.design = remembered()[state.values.puzzle]?.design ?? [];
    update();
    return frame.remove;
  },
};

/** What the reader has designed, by puzzle. @returns {Record<string, {design: number[], solved?: boolean}>} */
function remembered() {
  const found = store.get(KEPT, {});
  return found && typeof found === "object" && !Array.isArray(found) ? found : {};
}

/**
 * The sentences as lists of words with their features.
 * @param {[string, ...number[]][]} words
 * @param {number[][]} sentences  places in the list of words
 */
function sentencesOf(words, sentences) {
  const lexicon = words.map(([name, noun = 0, person = 0, adjective = 0, verb = 0, plural = 0]) => ({
    name,
    noun,
    person,
    adjective,
    verb,
    plural,
  }));
  return sentences.map((ids) => ids.map((id) => lexicon[id]));
}

/** @param {string} summary @param {Node} content */
const fold = (summary, content) => create("details", {}, create("summary", {}, summary), content);

/**
 * The choices of one layer, as sentences.
 * @param {Puzzle} puzzle
 * @param {number} number
 * @param {(layer: Layer) => void} onChange
 */
function layerControls({ family, layers }, number, onChange) {
  const { asks, offers, values, slots, text } = family;
  const which = layers > 1 ? `Layer ${number + 1}: ` : "";
  /** @type {Layer} */
  let now = { rules: [], value: 0, slot: 0 };
  const rows = Array.from({ length: family.rules }, (_, n) => {
    const name = `${which}rule ${n + 1}, `;
    const change = (/** @type {Partial<import("./compute.js").Rule>} */ part) => {
      const rule = { ...now.rules[n], ...part };
      const kind = (part.ask === undefined ? offers[rule.offer] : asks[rule.ask]).kind;
      // The other side follows where the two could not be compared.
      if (asks[rule.ask].kind !== kind) rule.ask = asks.findIndex((each) => each.kind === kind);
      if (offers[rule.offer].kind !== kind) rule.offer = offers.findIndex((each) => each.kind === kind);
      onChange({ ...now, rules: now.rules.map((each, i) => (i === n ? rule : each)) });
    };
    const ask = list(`${name}the word that asks`, asks, (i) => change({ ask: i }));
    const offer = list(`${name}what it looks for`, offers, (i) => change({ offer: i }));
    const amounts = STRENGTHS.map((each) => ({ says: each > 0 ? `+${each}` : written(each, 1) }));
    const strength = list(`${name}what the score adds`, amounts, (i) => change({ strength: i }));
    const pieces = [text[0], ask, text[1], offer, text[2], strength].filter(Boolean);
    const row = create("div", { class: "rule" }, ...pieces);
    if (which && n === 0) row.prepend(create("span", { class: "layer" }, `Layer ${number + 1}`));
    return {
      row,
      set(/** @type {import("./compute.js").Rule} */ rule, /** @type {number} */ used) {
        row.hidden = n >= used;
        ask.selectedIndex = rule.ask;
        offer.selectedIndex = rule.offer;
        strength.selectedIndex = rule.strength;
        row.classList.toggle("off", rule.strength === NOTHING);
      },
    };
  });
  const value = list(`${which}what is written`, values, (i) => onChange({ ...now, value: i }));
  const writes = create("div", { class: "rule" }, "It writes of the word that it finds", value);
  const slot = slots.length ? list(`${which}where it is written`, slots, (i) => onChange({ ...now, slot: i })) : null;
  if (slot) writes.append("as", slot);
  return {
    nodes: [...rows.map(({ row }) => row), writes],
    set(/** @type {Layer} */ layer, /** @type {number} */ used) {
      now = layer;
      layer.rules.forEach((rule, n) => rows[n].set(rule, used));
      value.selectedIndex = layer.value;
      if (slot) slot.selectedIndex = layer.slot;
    },
  };
}

/** @param {string} label @param {{says: string}[]} options @param {(at: number) => void} onInput */
function list(label, options, onInput) {
  const node = create("select", { "aria-label": label }, ...options.map(({ says }) => create("option", {}, says)));
  node.addEventListener("change", () => onInput(node.selectedIndex));
  return node;
}
