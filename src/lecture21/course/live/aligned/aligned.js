// Aligned or not (chapter 17): one prompt, and the responses of policies along their divergence from the reference.

import { frontier } from "./drawing.js";
import { createJudge } from "./judge.js";
import { createSampler } from "./live.js";
import { controlsOf } from "../kit/bound.js";
import { legend } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { create, createFrame, find, messageOf } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { integerIn } from "../kit/state.js";
import { STYLE, allDraws, bestOf, capital, linesOf, row, sampledRows, signed } from "./responses.js";

/**
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
      frontier(frame, { ...points, value: 1, yRange: [0, 1], title: "Judge's score", yTitle: "judge's score" }),
      frontier(frame, {
        ...points,
        value: 2,
        yRange: [-0.5, 2.5],
        title: "Learned reward, which was optimized",
        yTitle: "learned reward",
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

    const drawn = allDraws();

    /** The draws of which the chosen policy takes the best; null if it responds at once. */
    function best() {
      const { n } = chosen();
      return n ? bestOf(draws[state.values.prompt], n) : null;
    }

    /** Response, score and learned reward of the chosen policy. */
    function response() {
      const found = best();
      return found ? found.list[found.picked] : chosen().responses[state.values.prompt];
    }

    function update() {
      const { prompt } = state.values;
      for (const chart of charts) chart.redraw();
      answer.replaceChildren(row(capital(chosen().name), response(), "chosen"));
      const among = best();
      responses.replaceChildren(
        row("Before fine-tuning (base)", base[prompt]),
        row("Fine-tuned, the reference", reference.responses[prompt]),
        ...(among ? [drawn(among)] : []),
      );
      if (sampled !== null && sampled !== prompt) {
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

    /** The prompt of what was sampled last. @type {number | null} */
    let sampled = null;
    let seed = 0;

    async function sampleNow() {
      const { prompt } = state.values;
      const [start, { newest }] = [ids[prompt], stored];
      const section = find(frame.root, "section");
      sampleButton.disabled = true;
      section.setAttribute("aria-busy", "true");
      frame.fail("");
      if (sampled === null)
        now.replaceChildren(create("p", { role: "status" }, "The models are loading and will respond in a moment."));
      try {
        const texts = [];
        for (let i = 0; i <= N; i++)
          texts.push(await sample(i < N ? "unaligned" : "aligned", start, newest, seed * (N + 1) + i));
        seed += 1;
        if (prompt !== state.values.prompt) return now.replaceChildren();
        sampled = prompt;
        now.replaceChildren(...sampledRows(texts, (text) => judge(prompts[prompt], text).score));
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

    update();
    return frame.remove;
  },
};
