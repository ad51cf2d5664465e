// Controls of a figure's state: each shows its value after every change of the state, and changes it.

import { choice, numberField, select, slider, textField, toggle } from "./controls.js";

/**
 * @typedef {import("./state.js").Value} Value
 * @typedef {import("./state.js").Limits} Limits
 *
 * @typedef {object} Binding
 * @property {Element} [parent]  by default the controls that are in sight at first
 * @property {(value: Value) => Value} [show]  what the control has for a value
 * @property {(shown: Value) => Value} [take]  the value for what the control has
 * @property {(value: Value) => void} [onInput]  by default the state takes the value
 */

/**
 * Return functions that make the controls of a figure. Each takes the name of a value, and options; limits and choices
 * are those that Python declares for a parameter of this name, unless the options have others.
 * @param {import("./frame.js").Frame} frame
 */
export function controlsOf(frame) {
  const { state, limits } = frame;
  const same = (/** @type {Value} */ value) => value;

  /**
   * @template Options
   * @template {{set: (value: Value) => void}} Control
   * @param {(parent: Element, options: Options) => Control} make
   * @param {(limits: Limits) => object} declared
   * @returns {(name: string, options: Binding & Omit<Partial<Options>, "value" | "onInput">) => Control}
   */
  const bound = (make, declared) => (name, options) => {
    const { parent = frame.controls, show = same, take = same, onInput, ...others } = options;
    const shown = () => show(state.values[name]);
    const given = { ...declared(limits[name] ?? {}), ...others, value: shown() };
    const change = onInput ?? ((/** @type {Value} */ value) => state.set({ [name]: value }));
    const whole = { ...given, onInput: (/** @type {Value} */ next) => change(take(next)) };
    const control = make(parent, /** @type {Options} */ (/** @type {unknown} */ (whole)));
    frame.onState(() => control.set(shown()));
    return control;
  };
  const options = (/** @type {Limits} */ { choices = [] }) => ({
    options: choices.map((each) => [each, String(each)]),
  });
  return {
    choice: bound(choice, options),
    select: bound(select, options),
    toggle: bound(toggle, () => ({})),
    slider: bound(slider, ({ min, max }) => ({ min, max, step: 1 })),
    numberField: bound(numberField, ({ min, max, integer }) => ({ min, max, integer, onError: frame.fail })),
    textField: bound(textField, ({ longest }) => ({ longest })),
  };
}
