// Aligned or not (chapter 17): one prompt, and the responses of policies along their divergence from the reference.

import { frontier } from "./drawing.js";
import { createJudge } from "./judge.js";
import { createSampler } from "./live.js";
import { controlsOf } from "../kit/bound.js";
import { legend } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { create, createFrame, find, messageOf } from "../kit/frame.js";
import { argmax, written } from "../kit/numbers.js";
import { integerIn } from "../kit/state.js";

/**
 * @typedef {[text: string, score: number, learned: number]} Line  a response, its score and its learned reward
 * @typedef {{name: string, method: string, n: number, measured: import("./drawing.js").Measured}} Stop
 *   n: of how many responses the policy takes the best; 0 if it takes the first
 * @typedef {object} Stored  what Python gives; responses are text, of which `linesOf` makes lines
 * @property {string[]} prompts
 * @property {number[][]} ids  of the tokens of each prompt
 * @property {number} newest  tokens of a response at most
 * @property {(Stop & {responses: string})[]} stops
 * @property {string} base
 * @property {string[]} draws  of the reference, for each prompt
 * @property {import("./drawing.js").Course[]} courses
 * @property {import("./judge.js").Grammar} grammar
 */

const N = 8; // live responses of which the judge chooses the best

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Stored} */
    const stored = context.model.get("stored");
    const { prompts, courses, ids } = stored;
    const [base, draws] = [linesOf(stored.base), stored.draws.map(linesOf)];
    const stops = stored.stops.map((stop) => ({ ...stop, responses: linesOf(stop.responses) }));
    const judge = createJudge(stored.grammar);
    const reference = /** @type {typeof stops[0]} */ (stops.find(({ method }) => method === "sft"));
    const frame = createFrame(context, {
      title: "Aligned or not?",
      first: "Click a large point to read that policy's response, or move the slider from policy to policy.",
      then: "at the right end the learned reward is high and the response is nonsense; further left, the judge's mean score is higher.",
      fields: {
        stop: { start: stops.length - 1, check: integerIn(0, stops.length - 1) },
      },
      onChange: update,
    });
    const { state } = frame;
    const { select, slider } = controlsOf(frame);
    const chosen = () => stops[state.values.stop];

    select("prompt", {
      label: "Prompt",
      options: prompts.map((prompt, i) => [String(i), prompt]),
      show: String,
      take: Number,
    });
    slider("stop", {
      label: "Policy",
      min: 0,
      max: stops.length - 1,
      format: (index) => `${stops[index].name}, ${written(stops[index].measured[0], 1)} nats`,
    });
    const sampleButton = button(frame.controls, {
      label: "Sample both models now",
      others: ["Sample again"],
      onClick: sampleNow,
    });

    const answer = create("div", { class: "panel full responses answer" });
    frame.stage.append(answer);
    const look = (/** @type {number} */ i) => ({ color: THEMED.series[i] });
    const points = {
      courses,
      look,
      stops,
      chosen: () => chosen().measured,
      onChoose: (/** @type {number} */ stop) => state.set({ stop }),
    };
    const charts = [
      frontier(frame, {
        ...{ ...points, value: 1, yRange: [0, 1] },
        ...{ title: "Judge's score", yTitle: "judge's score" },
      }),
      frontier(frame, {
        ...{ ...points, value: 2, yRange: [-0.5, 2.5] },
        ...{ title: "Learned reward, which was optimized", yTitle: "learned reward" },
      }),
    ];
    const key = create("div", { class: "panel full" });
    frame.stage.append(key);
    legend(key, () => courses.map(({ name }, i) => ({ name, ...look(i) })));
    key.append(
      create(
        "p",
        { class: "note" },
        "Large points: policies of seed 0, whose responses can be read. Rings: two other seeds.",
      ),
    );
    const responses = create("div", { class: "panel full responses" });
    const now = create("div", { class: "panel full responses" });
    frame.stage.append(responses, now);
    frame.root.append(create("style", {}, STYLE));

    /** Draws of the reference, the one that the learned reward chooses, and the one that the judge would choose. */
    function best(/** @type {number} */ n) {
      const list = draws[state.values.prompt].slice(0, n);
      return { list, picked: argmax(list.map((line) => line[2])), judged: argmax(list.map((line) => line[1])) };
    }

    /** Name, response, score and learned reward of the chosen policy. */
    function response() {
      const { n, responses: lines } = chosen();
      if (!n) return lines[state.values.prompt];
      const { list, picked } = best(n);
      return list[picked];
    }

    function update() {
      const { prompt } = state.values;
      for (const chart of charts) chart.redraw();
      answer.replaceChildren(row(capital(chosen().name), response(), "chosen"));
      responses.replaceChildren(...storedRows());
      if (sampled && sampled.prompt !== prompt) {
        sampled = null;
        now.replaceChildren();
      }
      const { name, measured } = chosen();
      const [kl, score, learned] = measured;
      const [text, own, reward] = response();
      frame.describe(
        `${capital(name)}, ${written(kl, 1)} nats from the fine-tuned model: over all held-out prompts the learned reward is ` +
          `${signed(learned)} and the judge's score ${score.toFixed(2)}. To “${prompts[prompt]}” it responds “${text}” ` +
          `(learned reward ${signed(reward)}, score ${own.toFixed(2)}).`,
      );
    }

    function storedRows() {
      const { prompt } = state.values;
      const rows = [row("Before fine-tuning (base)", base[prompt])];
      rows.push(row("Fine-tuned, the reference", reference.responses[prompt]));
      const { n } = chosen();
      if (!n) return rows;
      const { list, picked, judged } = best(n);
      const marks = (/** @type {number} */ i) => [
        i === picked ? "chosen by the learned reward" : "",
        i === judged ? "best according to the judge" : "",
      ];
      const items = list.map((line, i) => row(marks(i).filter(Boolean).join(", ") || `response ${i + 1}`, line));
      const all = create("details", {}, create("summary", {}, `All ${n} responses from which it chooses`), ...items);
      all.open = opened;
      all.addEventListener("toggle", () => (opened = all.open));
      return [...rows, all];
    }

    let opened = false;
    /** What was sampled last. @type {{prompt: number} | null} */
    let sampled = null;
    let seed = 0;

    async function sampleNow() {
      const { prompt } = state.values;
      const [start, { newest }] = [ids[prompt], stored];
      const section = find(frame.root, "section");
      sampleButton.disabled = true;
      section.setAttribute("aria-busy", "true");
      frame.fail("");
      if (!sampled)
        now.replaceChildren(create("p", { role: "status" }, "The models are loading and will respond in a moment."));
      try {
        const lines = [];
        for (let i = 0; i < N; i++) lines.push(await sample("unaligned", start, newest, seed * (N + 1) + i));
        const aligned = await sample("aligned", start, newest, seed * (N + 1) + N);
        seed += 1;
        if (prompt === state.values.prompt) showSampled(prompt, lines, aligned);
      } catch (error) {
        now.replaceChildren();
        frame.fail(messageOf(error));
      } finally {
        sampleButton.disabled = false;
        sampleButton.textContent = "Sample again";
        section.removeAttribute("aria-busy");
      }
    }
    const sample = createSampler(context.model, frame);

    function showSampled(/** @type {number} */ prompt, /** @type {string[]} */ lines, /** @type {string} */ aligned) {
      sampled = { prompt };
      /** @type {[string, number, null][]} */
      const scored = [...lines, aligned].map((text) => [text, judge(prompts[prompt], text).score, null]);
      const winner = argmax(scored.slice(0, N).map((line) => line[1]));
      now.replaceChildren(
        create("p", { class: "panel-title", role: "status" }, "Sampled just now, and scored by the judge"),
        row("Before fine-tuning (base)", scored[0]),
        row(`Before fine-tuning, best of ${N} according to the judge (response ${winner + 1})`, scored[winner]),
        row("Aligned (PPO, KL weight 0.1)", scored[N], "chosen"),
      );
    }

    update();
    return frame.remove;
  },
};

function capital(/** @type {string} */ text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** A reward with two digits and a real minus sign. */
function signed(/** @type {number} */ value) {
  return value.toFixed(2).replace("-", "\u2212");
}

/** Responses, each with its score and learned reward, from lines of text. @returns {Line[]} */
function linesOf(/** @type {string} */ text) {
  const lines = text ? text.split("\n") : [];
  return lines.map((line) => {
    const [, score, learned, response] = line.match(/^(\S+) (\S+) (.*)$/) ?? [];
    return [response, Number(score), Number(learned)];
  });
}

/**
 * One response: which policy's it is, how it scores, and the text.
 * @param {string} name
 * @param {Line | [string, number, null]} line  null: without its learned reward
 * @param {string} [mark]
 */
function row(name, [text, score, learned], mark = "") {
  const reward = learned === null ? "" : `, learned reward ${signed(learned)}`;
  const head = create("p", { class: "who" }, create("b", {}, name), ` · score ${score.toFixed(2)}${reward}`);
  return create("div", { class: `response ${mark}` }, head, create("p", { class: "said" }, text || "(nothing)"));
}

const STYLE = `
.responses.answer { min-height: 5.5rem; } .responses > p { margin-bottom: 0.3rem; }
.note { font-size: 0.85rem; color: var(--note); margin: 0.2rem 0 0; }
.response { border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 0.7rem; margin-bottom: 0.5rem; }
.response.chosen { border-color: var(--accent); }
.response p { margin: 0; } .who { font-size: 0.85rem; font-variant-numeric: tabular-nums; }
`;
