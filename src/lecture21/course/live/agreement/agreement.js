// Agreement at a distance (chapters 01 to 05): the reader moves the subject away from its verb, and trains the
// chapter's models in the page.

import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { byInput, create, createFrame, headings, panel } from "../kit/frame.js";
import { seededRandom } from "../kit/numbers.js";
import { sketch } from "../kit/sketch.js";
import { integerIn } from "../kit/state.js";
import { ADVICE, BESIDE, CHAPTERS, COLORS } from "./chapters.js";
import { KINDS, pluralShare, read } from "./models.js";
import { newRun, placeOf, scoresAt, trainRun } from "./runs.js";
import { sentenceView, STYLE } from "./sentence.js";
import { drawSentence, withFlipped } from "./task.js";

const FARTHEST = 100;
const DISTANCES = Array.from({ length: 34 }, (_, i) => 1 + 3 * i);

/**
 * @typedef {import("./task.js").Sentence} Sentence
 * @typedef {{chapter: number, distance: number, below: boolean, ahead: boolean, sentence: number, flipped: number[]}} Values
 *   sentence: a seed; flipped: the nouns that the reader has changed
 * @typedef {{kind: string, plural: number, weights: Float64Array | null, score: number | undefined}} Reading
 *   of a sentence by one model
 */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    /** @type {string[]} */
    const vocabulary = model.get("words");
    /** @type {{last_noun: number[], majority: number[]}}  scores at each distance */
    const lines = model.get("lines");
    const frame = createFrame(context, {
      title: "Which noun decides the verb?",
      ...ADVICE[model.get("chapter") === 4 ? "open" : "distance"],
      fields: { flipped: { start: [], check: isFlipped } },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    const { slider, toggle } = controlsOf(frame);
    frame.root.append(create("style", {}, STYLE));
    const kinds = CHAPTERS[values.chapter];
    const people = values.chapter === 5;
    const nameOf = (/** @type {string} */ kind) => BESIDE[values.chapter]?.[kind] ?? KINDS[kind].name;
    const color = (/** @type {string} */ kind) => THEMED.series[COLORS[kind]];
    let untrained = newRun(kinds, 0);
    /** @type {import("./runs.js").Run[]} */
    let runs = [];
    let trainings = 0;
    /** @type {object | null}  of the training that is going on */
    let current = null;

    const far = slider("distance", {
      label: "From the subject to the verb",
      min: 0,
      max: DISTANCES.length - 1,
      show: (distance) => DISTANCES.indexOf(distance),
      take: (i) => DISTANCES[i],
      format: (i) => wordsOf(DISTANCES[i]),
    });
    far.node.classList.add("wide");
    const trainButton = button(frame.controls, {
      label: "Train",
      others: [`Train at ${wordsOf(FARTHEST)}`, trainingAt(FARTHEST, 1)],
      main: true,
      onClick: train,
    });
    toggle("below", { label: "also at shorter distances" });
    const ahead = toggle("ahead", { label: "show the words after the gap" });
    ahead.node.hidden = values.chapter !== 4;
    const another = () => state.set({ sentence: (values.sentence + 1) % 1000, flipped: [] });
    button(frame.controls, { label: "Another sentence", onClick: another });

    const view = sentenceView(frame, {
      words: vocabulary,
      onFlip: (noun) => {
        const others = values.flipped.filter((each) => each !== noun);
        state.set({ flipped: others.length < values.flipped.length ? others : [...others, noun] });
      },
    });
    const attends = kinds.some((kind) => !KINDS[kind].recurrent);
    const does = `${byInput("Click", "Tap")} a noun to change it.${attends ? " Bars: attention to the words." : ""}`;
    panel(frame, does, view.node);
    const body = create("tbody");
    const says = create("table", { class: "says" }, headings("model", "P(plural)", "here", "score"), body);
    const table = create("div", { class: "panel" }, says);
    frame.stage.append(table);

    const chart = lineChart(frame, {
      title: "Score: right verbs in 600 sentences",
      label: "Score against the distance from the subject to the verb",
      height: (width) => Math.min(230, 120 + width / 5),
      content: () => ({
        curves: curves(),
        marks: runs.flatMap((run) =>
          kinds.flatMap((kind) => {
            const score = run.scores[kind].get(placeOf(run.at, values.ahead));
            return score === undefined ? [] : [{ x: run.at, y: score, color: color(kind), radius: 7, ring: 2 }];
          }),
        ),
        xRange: [0, 1.03 * FARTHEST],
        yRange: [0.4, 1.02],
        xTicks: [1, 25, 50, 75, 100],
        xTitle: "words from the subject to the verb",
        yTitle: "score",
        cursor: values.distance,
      }),
    });
    const guess = sketch(chart, {
      label: "The scores that you expect",
      end: () => 1.03 * FARTHEST,
      value: (distance, level) => `${Math.round(distance)} words: ${level.toFixed(2)}`,
      onChange: () => {
        frame.acted();
        chart.redraw();
        key.update();
      },
    });
    const key = legend(chart.panel, () => {
      const { note, series } = THEMED;
      return [
        ...kinds.map((kind) => ({ name: nameOf(kind), color: color(kind) })),
        { name: "guess by the last noun", color: note, dashed: true },
        { name: "by the majority of nouns", color: note, dotted: true },
        ...(guess.drawn ? [{ name: "your prediction", color: series[6] }] : []),
      ];
    });
    chart.panel.append(create("p", { class: "note" }, "Circle: the distance of a training."));

    /** What the chart shows: the reader's prediction, earlier trainings, the last one, and the two guesses. */
    function curves() {
      const { note, series } = THEMED;
      /** @type {import("../kit/chart.js").Curve[]} */
      const found = [
        { name: "the last noun", x: DISTANCES, y: lines.last_noun, color: note, dashed: true, width: 1.5 },
        { name: "the majority", x: DISTANCES, y: lines.majority, color: note, dotted: true, width: 2 },
      ];
      if (guess.drawn) found.push({ ...guess.curve, name: "your prediction", color: series[6], width: 3 });
      for (const run of runs) {
        const last = run === runs.at(-1);
        for (const kind of kinds) {
          const scores = DISTANCES.map((distance) => run.scores[kind].get(placeOf(distance, values.ahead)));
          const x = DISTANCES.filter((_, i) => scores[i] !== undefined);
          const y = scores.filter((score) => score !== undefined);
          found.push({ name: last ? nameOf(kind) : "", x, y, color: color(kind), points: last, width: last ? 2.5 : 1 });
        }
      }
      return found;
    }

    async function train() {
      const token = {};
      current = token;
      trainings++;
      const [at, seed] = [values.distance, trainings];
      const run = newRun(kinds, seed, at, values.below);
      const distances = run.below ? DISTANCES.filter((distance) => distance <= at) : [at];
      trainButton.disabled = true;
      frame.acted();
      const finished = await trainRun(run, {
        distances,
        people,
        seed,
        onProgress(part) {
          if (current === token) trainButton.textContent = trainingAt(at, part);
          return current === token;
        },
      });
      if (!finished || current !== token) return;
      current = null;
      trainButton.disabled = false;
      runs.push(run);
      scoresAt(run, { distance: at, people, ahead: values.ahead });
      update();
    }

    function stop() {
      current = null;
      trainButton.disabled = false;
    }

    function update() {
      const { distance, sentence: seed } = values;
      if (!current) trainButton.textContent = `Train at ${wordsOf(distance)}`;
      const sentence = withFlipped(drawSentence(seededRandom(seed), { distance, people }), values.flipped);
      const run = runs.at(-1) ?? untrained;
      const scores = runs.length ? scoresAt(run, { distance, people, ahead: values.ahead }) : null;
      /** @type {Reading[]} */
      const found = kinds.map((kind) => {
        const { logits, weights } = read(run.models[kind], [sentence], values.ahead)[0];
        return { kind, plural: pluralShare(logits), weights, score: scores?.[kind] };
      });
      const attention = found.flatMap(({ kind, weights }) => (weights ? [{ color: color(kind), weights }] : []));
      view.update(sentence, attention, values.ahead);
      body.replaceChildren(...found.map((each) => rowOf(each, sentence)));
      chart.redraw();
      key.update();
      frame.describe(sayAll(run, sentence, found));
    }

    /** A row of the table: what a model says of the sentence, and its score. */
    function rowOf(/** @type {Reading} */ { kind, plural, score }, /** @type {Sentence} */ sentence) {
      const bar = create("i");
      bar.style.width = `${100 * plural}%`;
      bar.style.background = color(kind);
      const right = plural > 0.5 === sentence.plural;
      const verdict = create("span", { class: right ? "right" : "wrong" }, right ? "right" : "wrong");
      return create(
        "tr",
        {},
        create("th", { scope: "row" }, nameOf(kind)),
        create("td", { class: "bar" }, create("div", { class: "track", "aria-hidden": "true" }, bar, create("b"))),
        create("td", {}, `${plural.toFixed(2)} `, score === undefined ? "" : verdict),
        create("td", {}, score === undefined ? "–" : score.toFixed(2)),
      );
    }

    /** @param {import("./runs.js").Run} run @param {Sentence} sentence @param {Reading[]} found */
    function sayAll(run, sentence, found) {
      const number = sentence.plural ? "plural" : "singular";
      const trained = runs.length
        ? `Trained at ${run.below && run.at > 1 ? "1 to " : ""}${wordsOf(run.at)}, scored at ${wordsOf(values.distance)}`
        : "Not trained yet";
      const parts = found.map(({ kind, plural, weights, score }) => {
        const scored = score === undefined ? "" : `, score ${score.toFixed(2)}`;
        const looks = weights ? `, weight of the subject ${weights[sentence.nouns[0]].toFixed(2)}` : "";
        return `${nameOf(kind)}: P(plural) ${plural.toFixed(2)}${looks}${scored}`;
      });
      return `${trained}. The subject is ${number}. ${parts.join("; ")}.`;
    }

    frame.onRemove(stop);
    frame.onReset(() => {
      stop();
      runs = [];
      trainings = 0;
      untrained = newRun(kinds, 0);
      guess.clear();
    });
    update();
    return frame.remove;
  },
};

function wordsOf(/** @type {number} */ distance) {
  return `${distance} ${distance === 1 ? "word" : "words"}`;
}

/** How far a training is: as short as the button's other label. */
function trainingAt(/** @type {number} */ distance, /** @type {number} */ part) {
  return `At ${wordsOf(distance)}: ${Math.round(100 * part)} %`;
}

/** Whether a value is a list of nouns, of which the subject is 0. */
function isFlipped(/** @type {unknown} */ value) {
  const isNoun = integerIn(0, DISTANCES.length - 1);
  return Array.isArray(value) && value.every(isNoun) && new Set(value).size === value.length;
}
