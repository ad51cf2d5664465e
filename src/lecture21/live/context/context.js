// Available context (chapter 01): the losses of an RNN, an LSTM, two GPTs and n-grams when the context is cut.

import { fillTable } from "../kit/bars.js";
import { legend, lineChart } from "../kit/chart.js";
import { slider } from "../kit/controls.js";
import { drawing } from "../kit/draw.js";
import { create, createFrame } from "../kit/frame.js";

const CONTEXTS = [1, 2, 4, 8, 16, 32, 64];
const LAST = CONTEXTS.length - 1;
const BEFORE = "We are such stuff\nAs dreams are made on, and our little life\nIs rounded with a s";
const NEXT = "l"; // The Tempest, act 4, scene 1

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {{name: string, contexts: number[], seeds: number[][]}[]} */
    const curves = context.model.get("curves");
    const frame = createFrame(context, {
      title: "How much context does each model use?",
      first: "Move the slider from 64 characters to 8, and then to 2.",
      then: "with 8 characters, no network's loss rises by as much as 0.01 nats; with 2, each rises by more than 0.1.",
      onChange: update,
    });
    const { state } = frame;
    const count = (i) => `${CONTEXTS[i]} ${CONTEXTS[i] === 1 ? "character" : "characters"}`;
    const control = slider(frame.controls, {
      label: "Context given to the models",
      min: context.fields.index.min,
      max: context.fields.index.max,
      step: 1,
      value: state.values.index,
      format: count,
      onInput: (index) => state.set({ index }),
    });
    const passage = create("p", { class: "text" });
    frame.stage.append(
      create(
        "div",
        { class: "panel full" },
        create("p", { class: "panel-title" }, "The context from which the models predict the next character"),
        passage,
      ),
    );
    const chart = drawing(frame, {
      title: "Loss at the last position: mean over 5,167 characters, each of three seeds",
      label: "Loss at the last position against the number of characters of context",
      height: (width) => Math.min(320, 190 + width / 5),
      full: true,
      draw(pen, width, height) {
        const chosen = CONTEXTS[state.values.index];
        const seeds = curves.flatMap(({ contexts, seeds }, i) =>
          seeds.map((nats) => ({ x: contexts, y: nats, ...look(i), width: 0.75 })),
        );
        const means = curves.map((curve, i) => ({
          x: curve.contexts,
          y: curve.contexts.map((each) => at(curve, each).mean),
          points: true,
          ...look(i),
        }));
        lineChart(pen, frame.colors, {
          curves: [...seeds, ...means],
          xRange: [1, 64],
          yRange: [1.6, 2.7],
          logX: true,
          xTicks: CONTEXTS,
          xTitle: "characters of context",
          yTitle: "nats per character",
          cursor: chosen,
          width,
          height,
        });
      },
    });
    legend(frame, chart.panel, () => curves.map(({ name }, i) => ({ name, ...look(i) })));
    const table = create("table");
    chart.panel.append(create("div", { class: "scroll" }, table));

    function look(i) {
      return { color: frame.colors.series[i], dashed: curves[i].name === "n-gram" };
    }

    /** Show the passage: what is cut, what is left, and the place of the next character. */
    function showPassage(length) {
      const shown = (text) => text.replaceAll("\n", "⏎\n");
      const cut = create("s", {}, shown(BEFORE.slice(0, BEFORE.length - length)));
      cut.style.color = "var(--note)";
      const left = create("span", {}, shown(BEFORE.slice(-length)));
      left.style.background = "var(--accent)";
      left.style.color = "var(--on-accent)";
      const next = create("b", {}, " ? ");
      passage.replaceChildren(cut, left, next, `(it is “${NEXT}”)`);
    }

    function update() {
      const { index } = state.values;
      const chosen = CONTEXTS[index];
      control.set(index);
      showPassage(chosen);
      chart.redraw();
      const found = curves.map((curve) => ({
        name: curve.name,
        now: at(curve, chosen),
        whole: at(curve, CONTEXTS[LAST]),
      }));
      fillTable(
        table,
        ["nats per character", `with ${chosen}`, "seeds", `more than with ${CONTEXTS[LAST]}`],
        found.map(({ name, now, whole }) =>
          now
            ? [
                name,
                now.mean.toFixed(3),
                `${now.low.toFixed(3)}\u2013${now.high.toFixed(3)}`,
                whole ? signed(now.mean - whole.mean) : "–",
              ]
            : [name, "–", "–", "–"],
        ),
      );
      const known = found.filter(({ now }) => now).map(({ name, now }) => `${name} ${now.mean.toFixed(3)}`);
      const kept = BEFORE.slice(-chosen).replaceAll("\n", "⏎");
      const left = chosen > 16 ? "" : ` Of the sentence, “${kept}” is left.`;
      frame.describe(`With ${count(index)} of context, nats per character: ${known.join(", ")}.${left}`);
    }

    update();
    return frame.remove;
  },
};

/** Mean, least and greatest loss over the seeds, or null for a context that was not measured. */
function at({ contexts, seeds }, context) {
  const place = contexts.indexOf(context);
  if (place < 0) return null;
  const losses = seeds.map((nats) => nats[place]);
  return {
    mean: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    low: Math.min(...losses),
    high: Math.max(...losses),
  };
}

function signed(difference) {
  const text = Math.abs(difference).toFixed(3);
  return Number(text) === 0 ? "0.000" : `${difference < 0 ? "−" : "+"}${text}`;
}
