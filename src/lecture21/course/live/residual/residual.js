// The residual stream (chapter 05): one character's vector through the layers, what each part adds, and what goes
// wrong without it.

import { controlsOf } from "../kit/bound.js";
import { fold, more } from "../kit/controls.js";
import { byInput, create, createFrame } from "../kit/frame.js";
import { argmax, dot, percent, softmax, written } from "../kit/numbers.js";
import { player } from "../kit/player.js";
import { integerIn } from "../kit/state.js";
import { bars, distributionRows } from "../characters/bars.js";
import { encodeText, shortName, unknownSentence } from "../characters/characters.js";
import { modelChoice } from "../characters/mine.js";
import { latest, openModel, symbolsOf } from "../characters/session.js";
import { streamView } from "./stream.js";
import { WRITE_STYLE } from "../characters/style.js";

const TITLE = "One character on its way through the model";
/**
 * @typedef {object} Shown  what was computed last, for the characters that the model uses
 * @property {number[]} ids  T
 * @property {Float32Array} whole  logits with all parts: T x V
 * @property {Float32Array} now  logits without those that are removed
 * @property {Float32Array} residual  (2 L + 1) x T x C
 * @property {Float32Array} lens  (2 L + 1) x T x V
 * @property {string[]} remove  the parts that are removed
 * @property {number} length  of the sentence
 */

const PAUSE = 700; // milliseconds for each part that is removed in turn
const PART = /^\d{1,3}\.(attention|feed_forward)$/;
const isPartList = (/** @type {unknown} */ value) =>
  Array.isArray(value) && value.length <= 256 && value.every((part) => PART.test(part));

const FIRST = `Which part would be missed most? Guess, then remove each in turn. ${byInput("A click on", "A tap on")} a part removes it alone.`;
const THEN = "nothing is added there, all bars below it change, and with them the surprise per letter.";

export default {
  /** @param {import("../kit/frame.js").Context} context */
  async render(context) {
    const opened = await openModel(context, TITLE, symbolsOf);
    if (!opened) return undefined;
    const { engine } = opened;
    let { gpt, known: symbols } = opened;
    let { n_layer: L, d_model: C, block_size: size } = gpt.config;
    const frame = createFrame(context, {
      title: TITLE,
      first: FIRST,
      fields: {
        removed: { start: [], check: isPartList },
        chosen: { start: 2 * L, check: integerIn(0, 512) },
      },
      onChange: () => update(),
    });
    const { state } = frame;
    frame.root.append(create("style", {}, WRITE_STYLE));
    frame.onRemove(() => engine.close());

    const { slider, textField } = controlsOf(frame);
    const box = textField("prompt", { parent: more(frame, "Another sentence"), label: "Sentence", rows: 2 });
    box.node.classList.add("wide");
    const seenNote = create("span", { class: "said" });
    box.node.append(seenNote);
    let names = [" "];
    const movie = player(frame, {
      label: "Remove each in turn",
      main: true,
      pause: () => PAUSE,
      onPlay() {
        turn = 0;
        state.set({ removed: [allParts()[0]] });
        measureEach();
      },
      advance() {
        turn += 1;
        state.set({ removed: allParts().slice(turn, turn + 1) });
        return turn < 2 * L;
      },
      onStop: () => update(),
    });
    let turn = 0;
    /** @type {{ids: number[], losses: number[]} | null} the loss of a sentence without each part */
    let without = null;
    const place = slider("token", {
      label: "Character",
      min: 1,
      max: 1,
      show: (token) => (token < 0 || token >= names.length ? names.length : token + 1),
      take: (value) => (value === names.length ? -1 : value - 1),
      format: (value) => `${value}, “${shortName(names[value - 1] ?? "")}”`,
      onInput(token) {
        without = null; // the bars are of this character again
        state.set({ token });
      },
    });
    const makeView = () =>
      streamView(
        frame,
        L,
        (part, inUse) => {
          movie.halt();
          const others = state.values.removed.filter((/** @type {string} */ each) => each !== part);
          state.set({ removed: inUse ? others : [...others, part] });
        },
        (chosen) => chosen !== state.values.chosen && state.set({ chosen }),
      );
    let begun = false;
    let view = makeView();
    const panel = create("div", { class: "panel next" });
    const heading = create("p", { class: "panel-title" });
    const losses = create("p", {});
    panel.append(losses);
    const next = fold(frame, panel, "The next character");
    next.append(heading);
    const list = bars(next, "Probabilities of the next character");
    const key = create("p", { class: "key" }, "hollow: with all parts");
    const effect = create("p", { "aria-live": "polite" });
    next.append(key, effect);
    frame.stage.append(panel);

    /** @type {Shown | null} */
    let shown = null;
    const refresh = latest(frame, compute);
    const mine = modelChoice(frame, engine, symbolsOf, (own) => {
      ({ gpt, known: symbols } = own ?? opened);
      ({ n_layer: L, d_model: C, block_size: size } = gpt.config);
      view.panel.remove();
      view = makeView();
      view.use(removedParts());
      frame.stage.prepend(view.panel);
      shown = without = null;
      refresh();
    });
    frame.onReset(() => {
      movie.halt();
      without = null;
      mine.reset();
    });
    frame.onTheme(show);
    if (!context.model.get("_linked")?.prompt)
      await mine.prefer((known) => encodeText(state.values.prompt, known).unknown.length === 0);
    update();
    await refresh();
    return frame.remove;

    function allParts() {
      return Array.from({ length: 2 * L }, (_, n) => `${n >> 1}.${n % 2 ? "feed_forward" : "attention"}`);
    }

    /** Compute the loss of the sentence without each part. */
    async function measureEach() {
      if (!shown) return;
      const { ids } = shown;
      const found = [];
      for (const part of allParts())
        found.push(lossOf((await gpt.forward(ids, { remove: [part] })).logits, ids, symbols.length));
      without = { ids, losses: found };
      show();
    }

    /** The losses without each part, if they are those of the sentence that is shown. */
    function losesOf(/** @type {number[]} */ ids) {
      const fits = without?.losses.length === 2 * L && without.ids.join() === ids.join();
      return fits && without ? without.losses : null;
    }

    /** The parts that are removed, of those that this model has. */
    function removedParts() {
      return state.values.removed.filter((/** @type {string} */ part) => parseInt(part) < L);
    }

    function update() {
      frame.advise({ first: FIRST, then: outcome() });
      if (begun) frame.acted(); // which shows what one should see, or hides it while nothing is removed
      begun = true;
      view.use(removedParts());
      refresh();
    }

    /** What is true of the state: of what is removed, or of all parts, once each has been removed. */
    function outcome() {
      if (removedParts().length) return THEN;
      const each = shown && !movie.plays && losesOf(shown.ids);
      if (!shown || !each) return "";
      const [most, least] = [argmax(each), argmax(each.map((value) => -value))];
      const said = (/** @type {number} */ n) => `${view.names[n + 1]}, to ${each[n].toFixed(2)}`;
      const all = lossOf(shown.whole, shown.ids, symbols.length).toFixed(2);
      return `the surprise per letter, ${all}, changes most without ${said(most)}, and least without ${said(least)}.`;
    }

    async function compute() {
      const { ids, unknown } = encodeText(state.values.prompt, symbols);
      box.input.setAttribute("aria-invalid", String(unknown.length > 0 || ids.length < 2));
      if (unknown.length) return frame.fail(unknownSentence(unknown, symbols));
      if (ids.length < 2)
        return frame.fail("Type at least two characters: the loss is that of each character after the first.");
      const remove = removedParts();
      const seen = ids.slice(-size);
      const [whole, now, lens] = await Promise.all([
        gpt.forward(seen, {}),
        gpt.forward(seen, { residual: true, remove }),
        gpt.lens(seen, { remove }),
      ]);
      names = [...state.values.prompt].slice(-seen.length);
      shown = {
        ids: seen,
        whole: whole.logits,
        now: now.logits,
        residual: /** @type {Float32Array} */ (now.residual),
        lens,
        remove,
        length: ids.length,
      };
      frame.fail("");
      show();
    }

    function show() {
      if (!shown) return;
      const { ids, whole, now, residual, lens, remove, length } = shown;
      const [T, V] = [ids.length, symbols.length];
      const { token } = state.values;
      const t = token < 0 || token >= T ? T - 1 : token;
      place.input.max = String(T);
      place.set(t + 1);
      seenNote.textContent = length > size ? `The model uses only the last ${size} of these ${length} characters.` : "";
      const at = (/** @type {Float32Array} */ array, /** @type {number} */ step, /** @type {number} */ width) =>
        array.subarray((step * T + t) * width, (step * T + t + 1) * width);
      const stream = Array.from({ length: 2 * L + 1 }, (_, step) => at(residual, step, C));
      const last = softmax(at(lens, 2 * L, V));
      const target = t + 1 < T ? ids[t + 1] : argmax(last); // after the last character: what the model predicts
      const rows = stream.map((x, step) => {
        const added = step ? x.map((value, i) => value - stream[step - 1][i]) : x;
        const p = softmax(at(lens, step, V));
        return {
          added: length2(added),
          stream: length2(x),
          turned: step ? degrees(stream[step - 1], x) : 0,
          share: p[target],
          best: shortName(symbols[argmax(p)]),
        };
      });
      const chosen = Math.min(state.values.chosen, 2 * L);
      const which = t + 1 < T ? "the next character" : "the most probable next character";
      const [before, after] = [lossOf(whole, ids, V), lossOf(now, ids, V)];
      const each = remove.length || movie.plays ? null : losesOf(ids);
      view.update(rows, {
        removed: remove,
        chosen,
        target: `“${shortName(symbols[target])}”, ${which}`,
        without: each && { losses: each, whole: before },
      });
      const logits = (/** @type {number} */ step) => at(lens, step, V);
      effect.textContent = chosen
        ? sentenceOf(chosen, rows[chosen - 1].stream, rows[chosen], logits(chosen - 1), logits(chosen))
        : `The embedding is a vector of length ${written(rows[0].stream)}.`;
      const probabilities = (/** @type {Float32Array} */ logits) => softmax(at(logits, 0, V));
      heading.textContent = `The character after “${names
        .slice(Math.max(0, t - 7), t + 1)
        .map(shortName)
        .join("")}”`;
      list.update(distributionRows(symbols, probabilities(whole), probabilities(now), 8));
      key.hidden = !remove.length;
      if (begun) {
        frame.advise({ first: FIRST, then: outcome() });
        frame.acted();
      }
      const change = remove.length ? `; with all parts ${before.toFixed(3)}` : "";
      losses.textContent = `Surprise per letter (loss): ${after.toFixed(3)}${change}.`;
      const [start, end] = [rows[0], rows[2 * L]].map(({ share }) => percent(share));
      const so = `The probability of “${shortName(symbols[target])}” is ${start} after the embedding and ${end} at the end.`;
      const loss = `the surprise per letter is ${after.toFixed(3)} instead of ${before.toFixed(3)}`;
      const gone = remove.length ? ` Without ${remove.map(view.nameOf).join(", ")} ${loss}.` : "";
      frame.describe(`Character ${t + 1}, “${shortName(names[t])}”. ${so}${gone}`);
    }

    /**
     * Say how a part changes the prediction so far, and the vector.
     * @param {number} step
     * @param {number} before  length of the vector
     * @param {{stream: number, turned: number}} row
     * @param {Float32Array} old  logits
     * @param {Float32Array} now
     */
    function sentenceOf(step, before, { stream, turned }, old, now) {
      const name = view.names[step];
      const [was, is] = [softmax(old), softmax(now)];
      const change = is.map((value, i) => value - was[i]);
      const said = (/** @type {number} */ i) =>
        `“${shortName(symbols[i])}” from ${percent(was[i])} to ${percent(is[i])}`;
      const [up, down] = [argmax(change), argmax(change.map((value) => -value))];
      if (!(change[up] > 0)) return `Without ${name}, nothing is added here.`;
      const where = name[0].toUpperCase() + name.slice(1);
      const longer = stream < before ? "shorter" : "longer";
      const vector = `The vector gets ${longer}, from ${written(before)} to ${written(stream)}, and turns by ${turned.toFixed(0)}°.`;
      return `${where}, raises ${said(up)} and lowers ${said(down)}. ${vector}`;
    }
  },
};

const length2 = (/** @type {ArrayLike<number>} */ x) => Math.sqrt(dot(x, x));

/** The angle between two vectors. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function degrees(a, b) {
  const cosine = dot(a, b) / (length2(a) * length2(b) || 1);
  return (180 / Math.PI) * Math.acos(Math.min(1, Math.max(-1, cosine)));
}

/**
 * The mean loss of all characters after the first, in nats.
 * @param {Float32Array} logits  T x V
 * @param {number[]} ids  T
 * @param {number} size  V
 */
function lossOf(logits, ids, size) {
  let sum = 0;
  for (let t = 0; t + 1 < ids.length; t++)
    sum -= Math.log(softmax(logits.subarray(t * size, (t + 1) * size))[ids[t + 1]]);
  return sum / (ids.length - 1);
}
