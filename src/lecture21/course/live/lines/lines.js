// An exercise to put together: lines of code are chosen, and the page says what the notebook's check says of them.

import { button } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { kept } from "../kit/kept.js";
import { choices, codeOf, verdictOf } from "./combination.js";
import { progress } from "./progress.js";

const STYLE = `
.program { flex: 1 1 100%; font: 0.875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; --step: 1ch; }
.program code { font: inherit; display: block; flex: 1; min-width: 0; }
.row { display: block; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.5em;
  padding-left: calc(var(--indent) * var(--step) + 3ch); text-indent: -3ch; }
.gap { margin: 0.2rem 0 0.2rem calc(var(--indent) * var(--step)); border: 1px solid var(--note); border-radius: 6px; }
.gap summary { font: inherit; display: flex; gap: 0.5rem; padding: 0.3rem 0.5rem; width: auto; list-style: none; border-radius: 6px; }
.gap summary::-webkit-details-marker { display: none; }
.gap summary::before { content: "▸"; font-family: system-ui, sans-serif; }
.gap[open] summary::before { content: "▾"; }
.gap:not(.made) summary { color: var(--accent); font-family: system-ui, sans-serif; }
.gap fieldset { padding: 0.2rem 0.5rem 0.4rem; border-top: 1px solid var(--line); }
.gap label { display: flex; gap: 0.5rem; align-items: flex-start; min-height: 2rem; padding: 0.25rem; border-radius: 4px; cursor: pointer; }
.gap label:hover, .gap label:has(:checked) { background: var(--panel); }
.gap input { flex: none; width: 1.05rem; height: 1.05rem; margin: 0.15rem 0 0; accent-color: var(--accent); }
.verdict { font: 0.95rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.detail { display: block; }
.solved { font-size: 0.85rem; color: var(--note); }
@container (max-width: 30rem) { .program { font-size: 0.8125rem; --step: 0.5ch; } }
`;

let used = 0;

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {import("./combination.js").Exercise} */
    const exercise = context.model.get("exercise");
    const options = choices(exercise);
    const isChoice = (/** @type {number | null} */ value, /** @type {number} */ n) =>
      value === null || (Number.isInteger(value) && value >= 0 && value < options[n].length);
    const frame = createFrame(context, {
      title: `Exercise ${exercise.number}: put the code together`,
      fields: {
        chosen: {
          start: options.map(() => null),
          check: (value) => Array.isArray(value) && value.length === options.length && value.every(isChoice),
        },
        checked: { start: false, check: (value) => typeof value === "boolean" },
      },
      linked: false,
      onChange: update,
    });
    const { state } = frame;
    frame.root.append(create("style", {}, STYLE));
    const first = options.length > 1 ? `Choose the ${options.length} missing parts` : "Choose the missing part";
    frame.controls.before(create("p", {}, `${exercise.wanted} ${first}, then check.`), frame.stage);
    const gaps = showProgram(exercise, frame.stage, (n, i) => {
      const chosen = [...state.values.chosen];
      chosen[n] = i;
      state.set({ chosen, checked: false });
    });
    const actions = create("div", { class: "actions" });
    frame.controls.append(actions);
    button(actions, { label: "Check", main: true, onClick: check });
    const copy = button(actions, { label: "Copy this code", onClick: copyCode });
    const copied = create("span", { class: "said", role: "status" });
    const count = create("span", { class: "solved" });
    frame.foot.append(copied, count);
    frame.onRemove(progress.onChange(showProgress));
    kept(frame);

    function check() {
      const open = state.values.chosen.indexOf(null);
      if (open >= 0) {
        frame.fail(`Choose ${gaps[open].name} first.`, gaps[open].node);
        return gaps[open].focus();
      }
      frame.fail("");
      state.set({ checked: true });
      if (verdictOf(exercise, state.values.chosen) === "correct") progress.add(exercise.number);
    }

    async function copyCode() {
      try {
        await navigator.clipboard.writeText(codeOf(exercise, state.values.chosen));
        copied.textContent = "The code is copied.";
      } catch {
        copied.textContent = "This browser does not let the page copy; select the code instead.";
      }
    }

    function update() {
      const { chosen, checked } = state.values;
      gaps.forEach((gap, n) => gap.show(chosen[n]));
      const isComplete = !chosen.includes(null);
      if (isComplete) frame.fail("");
      const verdict = checked && isComplete ? verdictOf(exercise, chosen) : "";
      copy.hidden = verdict !== "correct";
      copied.textContent = "";
      const tone = verdict === "correct" ? "right" : "wrong";
      const [sentence, ...details] = verdict.split("\n");
      const sign = tone === "right" ? "✓ " : "";
      const said = create("span", { class: `verdict ${tone}` }, `${sign}${exercise.number}: ${sentence}`);
      if (tone === "right") details.push(passed(exercise));
      frame.describe(
        ...(verdict ? [said, ...details.map((each) => create("span", { class: "verdict detail" }, each))] : []),
      );
      showProgress();
    }

    function showProgress() {
      const solved = exercise.chapter.filter(progress.has);
      const all = exercise.chapter.length;
      count.textContent = `${solved.length} of ${all} exercises of this chapter${solved.length ? `: ${solved.join(", ")}` : ""}`;
    }

    update();
    return frame.remove;
  },
};

/**
 * Why it is right: the check has run every combination.
 * @param {import("./combination.js").Exercise} exercise
 */
function passed({ of, verdicts }) {
  const right = of.filter((each) => verdicts[each] === "correct").length;
  return `The check ran all ${of.length} combinations, and ${right === 1 ? "only this one passes" : `${right} pass`}.`;
}

/**
 * Show the code, with a gap for each choice.
 * @param {import("./combination.js").Exercise} exercise
 * @param {HTMLElement} parent
 * @param {(choice: number, option: number) => void} onChoose
 */
function showProgram({ code }, parent, onChoose) {
  const program = create("div", { class: "program" });
  const count = code.filter(Array.isArray).length;
  /** @type {ReturnType<typeof createGap>[]} */
  const gaps = [];
  for (const part of code) {
    if (Array.isArray(part)) {
      const n = gaps.length;
      gaps.push(createGap(part, count > 1 ? `part ${n + 1}` : "the missing part", (i) => onChoose(n, i)));
      program.append(gaps[n].node);
    } else {
      program.append(create("code", {}, ...rows(part, 0)));
    }
  }
  parent.append(program);
  return gaps;
}

/**
 * A gap in the code: it shows the chosen lines, and opens to show the alternatives.
 * @param {string[]} options  each one or several lines, or "" for none
 * @param {string} name
 * @param {(option: number) => void} onChoose
 */
function createGap(options, name, onChoose) {
  const indent = Math.min(...options.filter(Boolean).map(indentation));
  const group = `gap-${++used}`;
  const inputs = options.map(() => create("input", { type: "radio", name: group }));
  const code = (/** @type {string} */ text) =>
    create("code", {}, ...rows(text || `${" ".repeat(indent)}# no line here`, indent));
  const labels = options.map((text, i) => create("label", {}, inputs[i], code(text)));
  const summary = create("summary");
  const legend = create("legend", { class: "hidden" }, `Alternatives for ${name}`);
  const node = create("details", { class: "gap" }, summary, create("fieldset", {}, legend, ...labels));
  node.style.setProperty("--indent", String(indent));
  inputs.forEach((input, i) => input.addEventListener("change", () => onChoose(i)));
  const close = () => {
    node.open = false;
    summary.focus();
  };
  // A pointer chooses at once; the arrow keys go through the alternatives until Enter or Escape.
  labels.forEach((label) =>
    label.addEventListener(
      "click",
      (event) => event.detail && /** @type {HTMLInputElement} */ (event.target).checked && close(),
    ),
  );
  node.addEventListener("keydown", (event) => {
    if (node.open && (event.key === "Escape" || (event.key === "Enter" && event.target !== summary))) {
      event.preventDefault();
      close();
    }
  });
  return {
    name,
    node,
    focus: () => summary.focus(),
    /** @param {number | null} chosen */
    show(chosen) {
      inputs.forEach((input, i) => (input.checked = chosen === i));
      node.classList.toggle("made", chosen !== null);
      summary.replaceChildren(chosen === null ? `Choose ${name}` : code(options[chosen]));
    },
  };
}

/** @param {string} line */
const indentation = (line) => line.length - line.trimStart().length;

/**
 * Code that may break after a parenthesis and before a dot, and not within a name.
 * @param {string} line
 */
const breakable = (line) =>
  line.split(/(?<=[([])(?=[^)\]])|(?=\.[a-z_])/).flatMap((part, i) => (i ? [create("wbr"), part] : [part]));

/**
 * Lines of code, which keep their indentation where they are too long for one row.
 * @param {string} text
 * @param {number} outer  indentation that is left out
 */
function rows(text, outer) {
  return text.split("\n").map((line) => {
    const row = create("span", { class: "row" }, ...breakable(line.trimStart()));
    row.style.setProperty("--indent", String(Math.max(0, indentation(line) - outer)));
    return row;
  });
}
