// Agreement at a distance (chapters 01, 02, 03, 05): the reader moves the subject away from its verb, and trains the
// chapter's models in the page.

import { controlsOf } from "../kit/bound.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { byInput, create, createFrame, headings, panel } from "../kit/frame.js";
import { seededRandom } from "../kit/numbers.js";
import { integerIn } from "../kit/state.js";
import { BAG, BESIDE, CHAPTERS, COLORS } from "./chapters.js";
import { KINDS, pluralShare, read } from "./models.js";
import { inWords, otherDistances, outcomeOf, rowOf } from "./readings.js";
import { newRun, scoresAt, sweep, trainRun } from "./runs.js";
import { DISTANCES, FARTHEST, scoreChart } from "./scores.js";
import { sentenceView, STYLE } from "./sentence.js";
import { drawSentence, withFlipped } from "./task.js";

/**
 * @typedef {{chapter: number, distance: number, below: boolean, sentence: number, flipped: number[]}} Values
 *   sentence: a seed; flipped: the nouns that the reader has changed
 */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const { model } = context;
    const { kinds, ...chapter } = CHAPTERS[model.get("chapter")];
    /** @type {string[]} */
    const vocabulary = model.get("words");
    const frame = createFrame(context, {
      title: "Which noun decides the verb?",
      first: chapter.first,
      fields: { flipped: { start: [], check: isFlipped } },
      onChange: update,
    });
    const { state } = frame;
    const values = /** @type {Values} */ (state.values);
    const { slider, toggle } = controlsOf(frame);
    frame.root.append(create("style", {}, STYLE));
    const people = values.chapter === 5;
    const models = kinds.map((kind) => {
      const name = BESIDE[values.chapter]?.[kind] ?? KINDS[kind].name;
      return { kind, name, color: kind === BAG ? THEMED.note : THEMED.series[COLORS[kind]] };
    });
    let untrained = newRun(kinds, 0);
    /** @type {import("./runs.js").Run[]} */
    let runs = [];
    let trainings = 0;
    /** @type {object | null}  of the training whose scores are still to come */
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
    if (chapter.mixes) toggle("below", { label: "train on shorter distances too; takes 3 times as long" });

    const view = sentenceView(frame, {
      words: vocabulary,
      onFlip: (noun) => {
        const others = values.flipped.filter((each) => each !== noun);
        state.set({ flipped: others.length < values.flipped.length ? others : [...others, noun] });
      },
    });
    const attends = kinds.some((kind) => kind !== BAG && !KINDS[kind].recurrent);
    const does = `${byInput("Click", "Tap")} a noun to change it.${attends ? " Bars: attention." : ""}`;
    const head = create("div", { class: "head" }, create("p", { class: "panel-title" }, does));
    const another = () => state.set({ sentence: (values.sentence + 1) % 1000, flipped: [] });
    button(head, { label: "Another sentence", onClick: another });
    panel(frame, "", head, view.node);
    const body = create("tbody");
    const says = create("table", { class: "says" }, headings("model", "P(plural)", "here", "score"), body);
    const table = create("div", { class: "panel" }, says);
    frame.stage.append(table);

    const chart = scoreChart(frame, { models, majority: model.get("majority"), runs: () => runs });

    async function train() {
      const token = {};
      current = token;
      trainings++;
      const [at, seed] = [values.distance, trainings];
      const run = newRun(kinds, seed, at, values.below);
      const distances = run.below ? DISTANCES.filter((distance) => distance <= at) : [at];
      trainButton.disabled = true;
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
      trainButton.disabled = false;
      runs.push(run);
      update();
      await sweep(run, {
        people,
        onScore() {
          if (current === token) chart.redraw();
          return current === token;
        },
      });
      if (current === token) update();
    }

    /** What is true of all other distances, once they are scored. @param {import("./runs.js").Run} run */
    function elsewhere(run) {
      const others = models.flatMap(({ kind, name }) => {
        const far = DISTANCES.filter((each) => each !== values.distance).map((each) => run.scores[kind].get(each));
        return kind === BAG ? [] : [{ name, scores: far.filter((score) => score !== undefined) }];
      });
      return otherDistances(others);
    }

    function stop() {
      current = null;
      trainButton.disabled = false;
    }

    function update() {
      const { distance, sentence: seed } = values;
      if (!trainButton.disabled) trainButton.textContent = `Train at ${wordsOf(distance)}`;
      const sentence = withFlipped(drawSentence(seededRandom(seed), { distance, people }), values.flipped);
      const run = runs.at(-1) ?? untrained;
      const scores = runs.length ? scoresAt(run, { distance, people }) : null;
      const found = models.map((shown) => {
        const { logits, weights } = read(run.models[shown.kind], [sentence])[0];
        return { ...shown, plural: pluralShare(logits), weights, score: scores?.[shown.kind] };
      });
      const attention = found.flatMap(({ color, weights }) => (weights ? [{ color, weights }] : []));
      view.update(sentence, attention);
      body.replaceChildren(...found.map((each) => rowOf(each, sentence)));
      chart.redraw();
      const voted = model.get("majority")[DISTANCES.indexOf(distance)];
      const first = runs.length ? chapter.next : chapter.first;
      frame.advise({ first, then: runs.length ? outcomeOf(found, distance, voted) + elsewhere(run) : "" });
      frame.acted();
      frame.describe(`${trained(run)}. ${inWords(found, sentence)}`);
    }

    function trained(/** @type {import("./runs.js").Run} */ { at, below }) {
      if (!runs.length) return "Not trained yet";
      return `Trained at ${below && at > 1 ? "1 to " : ""}${wordsOf(at)}, scored at ${wordsOf(values.distance)}`;
    }

    frame.onRemove(stop);
    frame.onReset(() => {
      stop();
      runs = [];
      trainings = 0;
      untrained = newRun(kinds, 0);
      chart.clear();
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
