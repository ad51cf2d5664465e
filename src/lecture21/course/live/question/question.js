// A question that checks: the answer is compared with the right one and with foreseen mistakes.

import { button, textField } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { store } from "../kit/store.js";
import { judge } from "./judge.js";

let used = 0;

export default {
  /** @param {import("../kit/frame.js").Context} context */
  render(context) {
    /** @type {import("./judge.js").Question} */
    const question = context.model.get("question");
    const id = `question-${++used}`;
    const frame = createFrame(context, {
      title: `Question ${question.id.replace("exam.", "")}`,
      linked: false,
      onChange: update,
    });
    const { state } = frame;
    frame.stage.remove();
    frame.controls.before(create("p", { id }, ...markup(question.text)));
    const field = question.kind === "choice" ? options(frame.controls, question.choices) : number(frame.controls);
    const actions = create("div", { class: "actions" });
    frame.controls.append(actions);
    button(actions, { label: "Check", main: true, onClick: check });
    const reveal = button(actions, { label: "Show the answer", onClick: () => state.set({ shown: true }) });

    function number(/** @type {HTMLElement} */ parent) {
      const label = question.unit ? `Your answer, in ${question.unit}` : "Your answer";
      const { node, input, set } = textField(parent, {
        label,
        value: "",
        longest: context.fields.given.longest,
        onInput: () => {},
      });
      input.setAttribute("aria-describedby", id);
      input.autocomplete = "off";
      input.addEventListener(
        "keydown",
        (/** @type {Event} */ event) => event instanceof KeyboardEvent && event.key === "Enter" && check(),
      );
      return { node, set, get: () => input.value };
    }

    function options(/** @type {HTMLElement} */ parent, /** @type {string[]} */ choices) {
      const name = `${id}-choice`;
      const inputs = choices.map((value) => create("input", { type: "radio", name, value }));
      const labels = choices.map((text, i) =>
        create("label", { class: "check" }, inputs[i], create("span", {}, ...markup(text))),
      );
      const group = { class: "options", role: "radiogroup", "aria-label": "Your answer", "aria-describedby": id };
      const node = create("div", group, ...labels);
      parent.append(node);
      return {
        node,
        get: () => inputs.find((input) => input.checked)?.value ?? "",
        set: (/** @type {string} */ value) => inputs.forEach((input) => (input.checked = input.value === value)),
      };
    }

    function check() {
      const given = field.get().trim();
      const { right, hint } = judge(question, given);
      if (right === null) return frame.fail(hint, field.node);
      frame.fail("");
      store.set("answers", { ...answers(), [question.id]: given });
      state.set({ given });
    }

    /** What the reader has answered, by the number of the question. */
    function answers() {
      const found = store.get("answers", {});
      return found && typeof found === "object" ? found : {};
    }

    /** Show what was answered on an earlier visit. */
    function remember() {
      const given = answers()[question.id];
      if (!state.values.given && typeof given === "string") state.set({ given });
    }

    function update() {
      const { given, shown } = state.values;
      if (field.get().trim() !== given) field.set(given);
      const { right, hint } = judge(question, given);
      reveal.hidden = right !== false || shown;
      frame.foot.hidden = right === null; // nothing to reset
      const parts = [];
      if (right) parts.push(create("b", { class: "right" }, "✓ Right. "));
      if (right === false) parts.push(create("b", { class: "wrong" }, "✗ Not yet. "), ...markup(hint));
      const isAnswered = right || (shown && right !== null);
      if (isAnswered) parts.push(explanation());
      frame.describe(...parts);
      if (isAnswered) context.el.dispatchEvent(new CustomEvent("live-answered", { bubbles: true })); // to the page
    }

    function explanation() {
      const answer = `${question.answer}${question.unit ? ` ${question.unit}` : ""}`;
      const sentence = /\.`?$/.test(answer) ? answer : `${answer}.`; // a choice may end with its own full stop
      const right = create("b", {}, ...markup(sentence), " ");
      return create("span", { class: "answer" }, "Answer: ", right, ...markup(question.explanation));
    }

    frame.onReset(() => {
      const others = Object.entries(answers()).filter(([id]) => id !== question.id);
      store.set("answers", others.length ? Object.fromEntries(others) : null);
    });
    update();
    remember();
    return frame.remove;
  },
};

/** Text with *emphasis*, `code` and superscripts (W^q), as nodes. */
function markup(/** @type {string} */ text) {
  return text.split(/(\*[^*]+\*|`[^`]+`|\^\w+)/).map((/** @type {string} */ part, /** @type {number} */ i) => {
    if (i % 2 === 0) return part;
    if (part.startsWith("^")) return create("sup", {}, part.slice(1));
    return create(part.startsWith("*") ? "em" : "code", {}, part.slice(1, -1));
  });
}
