// Available context (lab "RNN against GPT"): the probability of one letter, and the mean losses of an RNN, an LSTM, two
// GPTs and n-grams, when the context is cut.

import { percent } from "../kit/numbers.js";
import { bars } from "../characters/bars.js";
import { WRITE_STYLE } from "../characters/style.js";
import { controlsOf } from "../kit/bound.js";
import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { create, createFrame, panel } from "../kit/frame.js";

const CONTEXTS = [1, 2, 4, 8, 16, 32, 64];
const BEFORE = "insubstantial pageant faded,\nLeave not a rack behind. We are such stuff\nAs drea";
const NEXT = "m"; // The Tempest, act 4, scene 1

/** @typedef {{name: string, contexts: number[], seeds: number[][], letter: Record<string, number>}} Curve */

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Curve[]} */
    const curves = context.model.get("curves");
    const frame = createFrame(context, {
      title: "How much context does each model use?",
      first: "Move the slider from 64 characters to 8, and then to 2.",
      then:
        "with 8 characters, no network's mean loss rises by as much as 0.01 nats, and one bar even grows; with 2, each " +
        "loss rises by more than 0.1.",
      onChange: update,
    });
    frame.root.append(create("style", {}, WRITE_STYLE));
    const { state } = frame;
    const count = (/** @type {number} */ i) => `${CONTEXTS[i]} ${CONTEXTS[i] === 1 ? "character" : "characters"}`;
    controlsOf(frame).slider("index", { label: "Context given to the models", format: count });
    const passage = create("p", { class: "text" });
    panel(frame, "What the models read", passage);
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
        const seeds = curves.flatMap(({ contexts, seeds }, i) =>
          seeds.map((nats) => ({ x: contexts, y: nats, ...look(i), width: 0.75 })),
        );
        const means = curves.map((curve, i) => ({
          name: curve.name,
          x: curve.contexts,
          y: curve.contexts.map((each) => mean(curve, each)),
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
      const next = create("b", {}, " ? ");
      passage.replaceChildren(cut, left, next, `(it is “${NEXT}”)`);
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
      chart.redraw();
      showLetter();
      const kept = BEFORE.slice(-chosen).replaceAll("\n", "⏎");
      const letters = curves
        .filter(({ letter }) => chosen in letter)
        .map(({ name, letter }) => `${name} ${percent(letter[chosen])}`);
      const means = curves
        .filter(({ contexts }) => contexts.includes(chosen))
        .map((curve) => `${curve.name} ${mean(curve, chosen).toFixed(3)}`);
      frame.describe(
        `With ${count(index)} of context, “${kept}”, the probability of “${NEXT}”: ${letters.join(", ")}. ` +
          `Mean loss in nats per character: ${means.join(", ")}.`,
      );
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
