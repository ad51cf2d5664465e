// Available context (lab "RNN against GPT"): the probability of one letter, and the mean losses of an RNN, an LSTM, two
// GPTs and n-grams, when the context is cut.

import { percent, written } from "../kit/numbers.js";
import { bars } from "../characters/bars.js";
import { WRITE_STYLE } from "../characters/style.js";
import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { create, createFrame, panel } from "../kit/frame.js";

const CONTEXTS = [1, 2, 4, 8, 16, 32, 64];
const BEFORE = "insubstantial pageant faded,\nLeave not a rack behind. We are such stuff\nAs drea";
const GUESS = "Which letter comes next? Type it; then see how sure the models are.";
const MOVE = "Move the slider from 64 characters to 8, and then to 2.";
const NEXT = "m"; // The Tempest, act 4, scene 1

/** @typedef {{name: string, contexts: number[], seeds: number[][], letter: Record<string, number>}} Curve */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Curve[]} */
    const curves = context.model.get("curves");
    const frame = createFrame(context, {
      title: "How much context does each model use?",
      first: GUESS,
      fields: { guess: { start: "", check: (value) => typeof value === "string" && [...value].length <= 1 } },
      onChange: update,
    });
    frame.root.append(create("style", {}, WRITE_STYLE));
    const { state } = frame;
    const count = (/** @type {number} */ i) => `${CONTEXTS[i]} ${CONTEXTS[i] === 1 ? "character" : "characters"}`;
    const { slider, textField } = controlsOf(frame);
    textField("guess", { label: "Your guess, one letter", longest: 1 });
    slider("index", { label: "Context given to the models", format: count });
    const passage = create("p", { class: "text" });
    panel(frame, "What the models read", passage);
    const judged = create("p", {});
    passage.after(judged);
    const asked = `How probable each finds the next letter, “${NEXT}” (one trained model of each kind)`;
    const letter = panel(frame, asked);
    const list = bars(letter, `Probability of the next letter, “${NEXT}”`);
    list.node.style.setProperty("--names", "8rem");
    const chart = lineChart(frame, {
      title: "Mean loss at 5,167 letters, each of three seeds",
      label: "Loss at the last position against the number of characters of context",
      height: (width) => Math.min(320, 190 + width / 5),
      full: true,
      content() {
        const seen = (/** @type {Curve} */ { contexts }, /** @type {number[]} */ losses) =>
          losses.map((loss, k) => (contexts[k] < CONTEXTS[state.values.index] ? NaN : loss)); // the rest gives the answer away
        const seeds = curves.flatMap((curve, i) =>
          curve.seeds.map((nats) => ({ x: curve.contexts, y: seen(curve, nats), ...look(i), width: 0.75 })),
        );
        const means = curves.map((curve, i) => ({
          name: curve.name,
          x: curve.contexts,
          y: seen(
            curve,
            curve.contexts.map((each) => mean(curve, each)),
          ),
          points: true,
          ...look(i),
        }));
        return {
          curves: [...seeds, ...means],
          xRange: [1, 64],
          yRange: [1.6, 2.7],
          logX: true,
          xTicks: CONTEXTS,
          xTitle: "characters of context",
          yTitle: "nats per character",
          cursor: CONTEXTS[state.values.index],
        };
      },
    });
    legend(chart.panel, () => curves.map(({ name }, i) => ({ name, ...look(i) })));

    function look(/** @type {number} */ i) {
      return { color: THEMED.series[i], dashed: curves[i].name === "n-gram" };
    }

    /** Show the passage: what is cut, what is left, and the place of the next character. */
    function showPassage(/** @type {number} */ length) {
      const shown = (/** @type {string} */ text) => text.replaceAll("\n", "⏎\n");
      const cut = create("s", {}, shown(BEFORE.slice(0, BEFORE.length - length)));
      cut.style.color = "var(--note)";
      const left = create("span", {}, shown(BEFORE.slice(-length)));
      left.style.background = "var(--accent)";
      left.style.color = "var(--on-accent)";
      const next = create("b", {}, " ?");
      passage.replaceChildren(cut, left, next);
    }

    /** Say whether the reader has found the letter; before, the models do not give it away. */
    function judge() {
      const { guess } = state.values;
      letter.hidden = judged.hidden = !guess;
      const right = guess.toLowerCase() === NEXT;
      const verdict = create("b", { class: right ? "right" : "wrong" }, right ? "✓ Right: " : `✗ It is “${NEXT}”: `);
      judged.replaceChildren(verdict, "“such stuff as dreams are made on”. You read words, the models letters.");
    }

    /** Show how probable each model finds the letter, with the color of its curve. */
    function showLetter() {
      const chosen = CONTEXTS[state.values.index];
      list.update(
        curves.map(({ name, letter }) => {
          const share = letter[chosen];
          return { name, share: share ?? 0, text: share === undefined ? "–" : percent(share) };
        }),
      );
      list.node.querySelectorAll("li").forEach((row, i) => {
        const bar = /** @type {HTMLElement | null} */ (row.querySelector(".drawn"));
        if (bar) bar.style.background = look(i).color;
      });
    }

    function update() {
      const { index } = state.values;
      const chosen = CONTEXTS[index];
      showPassage(chosen);
      judge();
      const { guess } = state.values;
      frame.advise({ first: guess ? MOVE : GUESS, then: told(index) });
      frame.acted();
      chart.redraw();
      showLetter();
      const kept = BEFORE.slice(-chosen).replaceAll("\n", "⏎");
      const letters = curves
        .filter(({ letter }) => chosen in letter)
        .map(({ name, letter }) => `${name} ${percent(letter[chosen])}`);
      const means = curves
        .filter(({ contexts }) => contexts.includes(chosen))
        .map((curve) => `${curve.name} ${mean(curve, chosen).toFixed(3)}`);
      const said =
        `With ${count(index)} of context, “${kept}”` +
        `${guess ? `, the probability of “${NEXT}”: ${letters.join(", ")}` : ""}. ` +
        `Mean loss in nats per character: ${means.join(", ")}.`;
      frame.describe(create("span", { class: "hidden" }, said)); // it is in the drawings
    }

    /** By how much the mean losses of the networks rise, against the whole context; below 0.01 nats, seeds differ as much. */
    function told(/** @type {number} */ index) {
      if (index === CONTEXTS.length - 1) return "";
      const [now, whole] = [CONTEXTS[index], CONTEXTS[CONTEXTS.length - 1]];
      const rises = curves
        .filter(({ contexts }) => contexts.includes(now) && contexts.includes(whole))
        .map((curve) => mean(curve, now) - mean(curve, whole));
      const [least, most] = [Math.min(...rises), Math.max(...rises)];
      return most < 0.01
        ? `with ${count(index)}, every network predicts as well as with ${whole}.`
        : `with ${count(index)}, every network predicts worse than with ${whole}, by ${written(least)} to ${written(most)} nats.`;
    }

    update();
    return frame.remove;
  },
};

/** Mean loss over the seeds with a context that was measured. */
function mean(/** @type {Curve} */ { contexts, seeds }, /** @type {number} */ context) {
  const losses = seeds.map((nats) => nats[contexts.indexOf(context)]);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
