// Calculator (chapters 09, 14 and 16): what a GPT costs, and whether it fits.

import { changeInWords, comparePanels, comparison } from "./compare.js";
import { waysToFit } from "./fit.js";
import { bytes, count, percent } from "./format.js";
import { SIZES, areChanges, changed, ownContext, problemOf, sizesOf } from "./model.js";
import { report } from "./report.js";
import { parametersPanel, sections } from "./sections.js";
import { TITLES, description, firstFor, lessonOf } from "./words.js";
import { parameters } from "./costs.js";
import { shapeOf } from "./shapes.js";
import { controlsOf } from "../kit/bound.js";
import { more, numberField } from "../kit/controls.js";
import { create, createFrame } from "../kit/frame.js";
import { fieldsFrom } from "../kit/state.js";

/** @type {[string, string][]} */
const PRECISIONS = [
  ["bf16", "16 bits"],
  ["fp32", "32 bits"],
  ["fp8", "8 bits"],
  ["int4", "4 bits"],
];
/** @typedef {import("../kit/state.js").Values} Values */

/** Settings that are not out of sight at first. @type {Record<import("./report.js").Focus, string[]>} */
const IN_SIGHT = {
  training: ["preset", "card", "utilization"],
  serving: ["preset", "card", "batch"],
  cache: ["preset", "context", "batch"],
};

export default {
  /** @param {import("../kit/frame.js").Context} widget */
  render(widget) {
    /** @type {Record<string, import("./shapes.js").Model>} */
    const models = widget.model.get("models");
    /** @type {Record<string, import("./report.js").Device>} */
    const devices = widget.model.get("devices");
    const named = widget.model.get("focus");
    const { focus: focuses, ...limits } = widget.fields; // the focus does not change
    /** @type {import("./report.js").Focus} */
    const focus = focuses.choices.includes(named) ? named : focuses.start;
    const asked = widget.model.get("preset");
    const first = Object.hasOwn(models, asked) ? asked : "gpt0";
    const bySize = Object.keys(models).sort((a, b) => parameters(models[a]).total - parameters(models[b]).total);
    const larger = parameters(models[first]).active > parameters(models.gpt1).active;
    /** @type {import("../kit/state.js").Fields} */
    const own = { ...fieldsFrom(limits), changes: { start: {}, check: areChanges } };
    const isPinned = (/** @type {unknown} */ values) =>
      typeof values === "object" &&
      values !== null &&
      Object.entries(values).every(([name, value]) => Object.hasOwn(own, name) && own[name].check(value));
    const frame = createFrame(
      { ...widget, fields: limits },
      {
        title: TITLES[focus],
        first: firstFor(focus, shapeOf(models[first]), larger),
        fields: { changes: own.changes, pinned: { start: {}, check: isPinned } },
        onChange: update,
      },
    );
    const { state } = frame;
    let current = compute();
    /** Sizes that the reader typed and that do not fit each other yet. @type {import("./model.js").Changes} */
    let typed = {};
    const rest = more(frame, "More: sizes, context, cards, tokens");
    frame.onState(() => (current = compute()));
    createControls();
    const fields = createFields();
    const compared = comparePanels(focus, {
      onPin: () => state.set({ pinned: settingsOf(state.values) }),
      onFit: (set) => state.set(set),
    });
    const showSections = sections(frame, focus, () => current, [compared.fit]); // first: what the controls in sight change
    const showParameters = parametersPanel(frame, () => current);
    frame.stage.append(compared.pair); // last: where it appears, nothing moves

    function createControls() {
      const { numberField, select, slider } = controlsOf(frame);
      const on = (/** @type {string} */ name) => (IN_SIGHT[focus].includes(name) ? frame.controls : rest);
      const powerOfTwo = (
        /** @type {"context" | "batch"} */ name,
        /** @type {string} */ label,
        /** @type {number} */ max,
      ) =>
        slider(name, {
          parent: on(name),
          label,
          min: 0,
          max,
          show: (value) => Math.round(Math.log2(value || current.context)),
          take: (exponent) => 2 ** exponent,
          format: (exponent) => count(current.settings[name] || 2 ** exponent),
        });
      select("preset", {
        label: "Model, from small to large",
        options: bySize.map((name) => [name, name]),
        onInput(preset) {
          typed = {};
          state.set({ preset, changes: {}, context: focus === "cache" ? state.values.context : 0 });
        },
      });
      powerOfTwo("context", "Context (tokens)", 20);
      select("card", {
        parent: on("card"),
        label: "Card",
        options: Object.entries(devices).map(([name, { memory }]) => [name, `${name} (${bytes(memory)})`]),
      });
      slider("utilization", {
        parent: on("utilization"),
        label: "Utilization of the peak FLOP/s",
        min: 0.05,
        step: 0.05,
        format: percent,
      });
      powerOfTwo("batch", focus === "training" ? "Sequences at once" : "Batch (sequences)", 14);
      select("precision", { parent: rest, label: "Weights during generation", options: PRECISIONS });
      numberField("cards", { parent: rest, label: "Cards" });
      numberField("tokens", { parent: rest, label: "Training tokens (billions)" });
    }

    /** @returns {[import("./model.js").Size, ReturnType<typeof numberField>][]} */
    function createFields() {
      return SIZES.map(([name, label, min, max]) => {
        const onInput = (/** @type {number} */ value) =>
          change({ ...state.values.changes, ...typed, [name]: value }, field.node);
        const options = { label, min, max, value: 0, integer: true, onInput, onError: frame.fail };
        const field = numberField(rest, options);
        return [name, field];
      });
    }

    /** Take the changed sizes if they fit each other; if not, say why, and leave the last model in sight. */
    function change(/** @type {import("./model.js").Changes} */ changes, /** @type {Element} */ field) {
      const own = models[state.values.preset];
      const problem = problemOf(changed(own, changes, state.values.context || ownContext(own)));
      typed = problem ? changes : {};
      if (problem) frame.fail(problem, field);
      else state.set({ changes });
    }

    /** What is compared: all values but what was pinned; A is the first state until the reader keeps another one. */
    function settingsOf(/** @type {Values} */ { pinned: _, ...values }) {
      return values;
    }

    /** Count; sizes from a link or a notebook that do not fit each other are left out. */
    function compute() {
      const { values } = state;
      const found = counted(values);
      if (found.problem) frame.fail(`${found.problem} The sizes of ${values.preset} are shown.`);
      return found;
    }

    function counted(/** @type {Values} */ values) {
      const own = models[values.preset];
      const context = values.context || ownContext(own);
      const problem = problemOf(changed(own, values.changes, context));
      const changes = problem ? {} : values.changes;
      const device = devices[values.card];
      const cardsName = values.cards === 1 ? `one ${values.card}` : `${count(values.cards)} ${values.card}s`;
      const { batch, tokens, cards, utilization, precision } = values;
      const settings = { batch, tokens, cards, utilization, precision, context, device };
      const name = Object.keys(changes).length ? `${values.preset}, changed` : values.preset;
      const counts = report(own, changes, settings);
      return { ...counts, own, changes, settings, name, card: values.card, cardsName, problem };
    }

    function update() {
      const { values } = state;
      const sizes = sizesOf(current.model);
      for (const [name, field] of fields) {
        field.input.disabled = sizes[name] === null;
        if (!(name in typed)) field.set(sizes[name] ?? "");
      }
      const kept = { ...settingsOf(state.first), ...values.pinned };
      const differ = JSON.stringify(kept) !== JSON.stringify(settingsOf(values));
      const a = counted(kept);
      const holds = focus === "training" ? current.training.fits : current.serving.fits;
      const ways = holds ? [] : waysToFit(current.own, current.changes, current.settings, focus);
      compared.update(a, current, differ, ways);
      showParameters();
      showSections();
      const change = differ ? changeInWords(comparison(a, current, focus)) : "";
      const first = firstFor(focus, current.shape, larger, current.context);
      frame.advise({ first, then: differ ? lessonOf(focus, a, current) : "" });
      if (differ) frame.acted();
      frame.describe(create("span", { class: "hidden" }, `${description(focus, current)} ${change}`.trim()));
    }

    update();
    return frame.remove;
  },
};
