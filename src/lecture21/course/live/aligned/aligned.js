// Push the score (chapter 17): one prompt, and what two policies respond on their way, without and with the KL penalty.

import { way } from "./drawing.js";
import { createJudge } from "./judge.js";
import { createSampler } from "./live.js";
import { controlsOf } from "../kit/bound.js";
import { legend } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { button } from "../kit/controls.js";
import { create, createFrame, find, messageOf } from "../kit/frame.js";
import { STYLE, linesOf, row, sampledRows, signed } from "./responses.js";

/**
 * @typedef {object} Stored  what Python gives; responses are text, of which `linesOf` makes lines
 * @property {string[]} prompts
 * @property {number[][]} ids  of the tokens of each prompt
 * @property {number} newest  tokens of a response at most
 * @property {number[]} steps  iterations, from 0, the fine-tuned model
 * @property {(import("./drawing.js").Arm & {responses: string[]})[]} arms  responses: for each step
 * @property {import("./judge.js").Grammar} grammar
 */

const TRY = "Drag the slider slowly to the right, and read what the customer gets.";
const N = 8; // live responses of which the judge chooses the best

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {Stored} */
    const stored = context.model.get("stored");
    const { prompts, ids, steps } = stored;
    const arms = stored.arms.map((arm) => ({ ...arm, lines: arm.responses.map(linesOf) }));
    const judge = createJudge(stored.grammar);
    const frame = createFrame(context, {
      title: "Push the score",
      first: TRY,
      onChange: update,
    });
    const { state } = frame;
    const { select, slider } = controlsOf(frame);

    select("prompt", {
      label: "Prompt",
      options: prompts.map((prompt, i) => [String(i), prompt]),
      show: String,
      take: Number,
    });
    slider("stop", { label: "Pushed for", format: (stop) => `${steps[stop]} iterations` });
    const look = (/** @type {number} */ i) => ({ color: THEMED.series[1 + i] });
    const answers = arms.map((_, i) =>
      create("div", { class: "panel responses answer", style: `--accent: ${THEMED.series[1 + i]}` }),
    );
    frame.stage.append(...answers, create("div", { class: "row" })); // the charts begin a new row, however wide
    const points = { arms, steps, look, chosen: () => Number(state.values.stop) };
    const charts = [
      way(frame, { ...points, value: "reward", yRange: [-0.1, 2.5], title: "Learned reward: what is pushed" }),
      way(frame, { ...points, value: "score", yRange: [0, 1], title: "Judge's score: what was meant" }),
    ];
    const key = create("div", { class: "panel full" });
    frame.stage.append(key);
    legend(key, () => arms.map(({ name }, i) => ({ name, ...look(i) })));
    key.append(create("p", { class: "note" }, "The penalty is on leaving the fine-tuned model."));
    const below = create("div", { class: "panel full" });
    const sampleButton = button(below, {
      label: "Sample both models now",
      others: ["Sample again"],
      onClick: sampleNow,
    });
    const now = create("div", { class: "responses" });
    below.append(now);
    frame.stage.append(below);
    frame.root.append(create("style", {}, STYLE));

    function update() {
      const { prompt, stop } = state.values;
      for (const chart of charts) chart.redraw();
      const shown = arms.map(({ lines }) => lines[stop][prompt]);
      for (const [i, { name }] of arms.entries()) {
        answers[i].replaceChildren(row(name, shown[i], "chosen"));
      }
      const { score } = arms[0];
      frame.advise({ first: TRY, then: told(stop) });
      if (sampled !== null && sampled !== prompt) {
        sampled = null;
        now.replaceChildren();
      }
      const said =
        `After ${steps[stop]} iterations, over all held-out prompts: ` +
        arms
          .map(
            (arm) =>
              `${arm.name}, learned reward ${signed(arm.reward[stop])}, judge's score ${arm.score[stop].toFixed(2)}`,
          )
          .join("; ") +
        `. To “${prompts[prompt]}” the policy responds ${arms.map(({ name }, i) => `“${shown[i][0]}” (${name})`).join(" and ")}.`;
      frame.describe(create("span", { class: "hidden" }, said)); // it is in the drawings

      /** What one should see, which depends on how far the policy has been pushed. */
      function told(/** @type {number} */ at) {
        if (at === 0) return "both policies begin as the same model, so they respond alike.";
        if (score[at] > score[0]) return "the push helps: reward and score are above where they began.";
        return "without the penalty the score is below where it began, and the reward higher than before.";
      }
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
