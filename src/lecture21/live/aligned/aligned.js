// Aligned or not (chapter 17): one request, and the replies of policies along their divergence from the reference.

import { frontier } from "./drawing.js";
import { createJudge } from "./judge.js";
import { createSampler } from "./live.js";
import { legend } from "../kit/chart.js";
import { button, select, slider } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { argmax, written } from "../kit/numbers.js";
import { fieldsFrom, integerIn } from "../kit/state.js";

const N = 8; // live replies of which the judge chooses the best

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    const stored = context.model.get("stored");
    const { requests, courses, prompts } = stored;
    const [base, draws] = [linesOf(stored.base), stored.draws.map(linesOf)];
    const stops = stored.stops.map((stop) => ({ ...stop, replies: linesOf(stop.replies) }));
    const judge = createJudge(stored.grammar);
    const reference = stops.find(({ method }) => method === "sft");
    const frame = createFrame(context, {
      title: "Aligned or not?",
      first: "Click a large point to read what that policy replies, or move the slider from policy to policy.",
      then: "at the right end the learned reward is high and the reply is nonsense; further left, the judge's mean score is higher.",
      fields: {
        ...fieldsFrom(context.fields),
        stop: { start: stops.length - 1, check: integerIn(0, stops.length - 1) },
      },
      onChange: update,
    });
    const { state } = frame;
    const chosen = () => stops[state.values.stop];

    const asked = select(frame.controls, {
      label: "Request",
      options: requests.map((request, i) => [String(i), request]),
      value: String(state.values.request),
      onInput: (value) => state.set({ request: Number(value) }),
    });
    const policy = slider(frame.controls, {
      label: "Policy",
      min: 0,
      max: stops.length - 1,
      step: 1,
      value: state.values.stop,
      format: (index) => `${stops[index].name}, ${written(stops[index].measured[0], 1)} nats`,
      onInput: (stop) => state.set({ stop }),
    });
    const sampleButton = button(frame.controls, { label: "Sample both models now", onClick: sampleNow });

    const answer = create("div", { class: "panel full replies answer" });
    frame.stage.append(answer);
    const look = (i) => ({ color: frame.colors.series[i] });
    const points = { courses, look, stops, chosen: () => chosen().measured, onChoose: (stop) => state.set({ stop }) };
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
    legend(frame, key, () => courses.map(({ name }, i) => ({ name, ...look(i) })));
    key.append(
      create(
        "p",
        { class: "note" },
        "Large points: policies of seed 0, whose replies can be read. Rings: two other seeds.",
      ),
    );
    const replies = create("div", { class: "panel full replies" });
    const now = create("div", { class: "panel full replies" });
    frame.stage.append(replies, now);
    frame.root.append(create("style", {}, STYLE));

    /** Draws of the reference, the one that the learned reward chooses, and the one that the judge would choose. */
    function best(n) {
      const list = draws[state.values.request].slice(0, n);
      return { list, picked: argmax(list.map((line) => line[2])), judged: argmax(list.map((line) => line[1])) };
    }

    /** Name, reply, score and learned reward of the chosen policy. */
    function reply() {
      const { n, replies: lines } = chosen();
      if (!n) return lines[state.values.request];
      const { list, picked } = best(n);
      return list[picked];
    }

    function update() {
      const { request, stop } = state.values;
      asked.set(String(request));
      policy.set(stop);
      for (const chart of charts) chart.redraw();
      answer.replaceChildren(row(capital(chosen().name), reply(), "chosen"));
      replies.replaceChildren(...storedRows());
      if (sampled && sampled.request !== request) {
        sampled = null;
        now.replaceChildren();
      }
      const { name, measured } = chosen();
      const [kl, score, learned] = measured;
      const [text, own, reward] = reply();
      frame.describe(
        `${capital(name)}, ${written(kl, 1)} nats from the fine-tuned model: over all held-out requests the learned reward is ` +
          `${signed(learned)} and the judge's score ${score.toFixed(2)}. To “${requests[request]}” it replies “${text}” ` +
          `(learned reward ${signed(reward)}, score ${own.toFixed(2)}).`,
      );
    }

    function storedRows() {
      const { request } = state.values;
      const rows = [row("Before fine-tuning (base)", base[request])];
      rows.push(row("Fine-tuned, the reference", reference.replies[request]));
      const { n } = chosen();
      if (!n) return rows;
      const { list, picked, judged } = best(n);
      const marks = (i) => [
        i === picked ? "chosen by the learned reward" : "",
        i === judged ? "best according to the judge" : "",
      ];
      const items = list.map((line, i) => row(marks(i).filter(Boolean).join(", ") || `reply ${i + 1}`, line));
      const all = create("details", {}, create("summary", {}, `All ${n} replies from which it chooses`), ...items);
      all.open = opened;
      all.addEventListener("toggle", () => (opened = all.open));
      return [...rows, all];
    }

    let opened = false;
    let sampled = null;
    let seed = 0;

    async function sampleNow() {
      const { request } = state.values;
      const [prompt, { newest }] = [prompts[request], stored];
      const section = frame.root.querySelector("section");
      sampleButton.disabled = true;
      section.setAttribute("aria-busy", "true");
      frame.fail("");
      if (!sampled)
        now.replaceChildren(create("p", { role: "status" }, "The models are loading and will reply in a moment."));
      try {
        const lines = [];
        for (let i = 0; i < N; i++) lines.push(await sample("unaligned", prompt, newest, seed * (N + 1) + i));
        const aligned = await sample("aligned", prompt, newest, seed * (N + 1) + N);
        seed += 1;
        if (request === state.values.request) showSampled(request, lines, aligned);
      } catch (error) {
        now.replaceChildren();
        frame.fail(error instanceof Error ? error.message : String(error));
      } finally {
        sampleButton.disabled = false;
        sampleButton.textContent = "Sample again";
        section.removeAttribute("aria-busy");
      }
    }
    const sample = createSampler(context.model, frame);

    function showSampled(request, lines, aligned) {
      sampled = { request };
      const scored = [...lines, aligned].map((text) => [text, judge(requests[request], text).score, null]);
      const winner = argmax(scored.slice(0, N).map((line) => line[1]));
      now.replaceChildren(
        create("p", { class: "panel-title", role: "status" }, "Sampled just now, and scored by the judge"),
        row("Before fine-tuning (base)", scored[0]),
        row(`Before fine-tuning, best of ${N} according to the judge (reply ${winner + 1})`, scored[winner]),
        row("Aligned (PPO, KL weight 0.1)", scored[N], "chosen"),
      );
    }

    update();
    return frame.remove;
  },
};

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** A reward with two digits and a real minus sign. */
function signed(value) {
  return value.toFixed(2).replace("-", "\u2212");
}

/** Replies, each with its score and learned reward, from lines of text. */
function linesOf(text) {
  const lines = text ? text.split("\n") : [];
  return lines.map((line) => {
    const [, score, learned, reply] = line.match(/^(\S+) (\S+) (.*)$/);
    return [reply, Number(score), Number(learned)];
  });
}

/**
 * One reply: who replies, how it scores, and the text.
 * @param {string} name
 * @param {any[]} line  text, score, learned reward or null
 * @param {string} [mark]
 */
function row(name, [text, score, learned], mark = "") {
  const reward = learned === null ? "" : `, learned reward ${signed(learned)}`;
  const head = create("p", { class: "who" }, create("b", {}, name), ` · score ${score.toFixed(2)}${reward}`);
  return create("div", { class: `reply ${mark}` }, head, create("p", { class: "said" }, text || "(nothing)"));
}

const STYLE = `
.replies.answer { min-height: 5.5rem; } .replies > p { margin-bottom: 0.3rem; }
.note { font-size: 0.85rem; color: var(--note); margin: 0.2rem 0 0; }
.reply { border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 0.7rem; margin-bottom: 0.5rem; }
.reply.chosen { border-color: var(--accent); }
.reply p { margin: 0; } .who { font-size: 0.85rem; font-variant-numeric: tabular-nums; }
`;
