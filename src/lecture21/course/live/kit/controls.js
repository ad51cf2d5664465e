// Controls: native inputs with visible names, so that keyboards and screen readers work without further code.

import { create } from "./frame.js";

let used = 0;

/**
 * A slider with its value beside the name.
 * @param {Element} parent
 * @param {{label: string, min: number, max: number, step: number, value: number, format?: (value: number) => string,
 *   onInput: (value: number) => void}} options
 */
export function slider(parent, { label, min, max, step, value, format = String, onInput }) {
  const id = `control-${++used}`;
  const input = create("input", { type: "range", id, min, max, step, value });
  const output = create("output", { htmlFor: id });
  const control = {
    node: create("div", { class: "control" }, create("label", { htmlFor: id }, `${label}: `, output), input),
    set,
  };
  function set(/** @type {number | string} */ next) {
    input.value = String(next);
    output.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  }
  set(value);
  input.addEventListener("input", () => {
    set(input.value);
    onInput(Number(input.value));
  });
  parent.append(control.node);
  return { ...control, input };
}

/**
 * A choice of one among few, as buttons in a row.
 * @template T
 * @param {Element} parent
 * @param {{label: string, options: [T, string][], value: T, onInput: (value: T) => void}} options
 *   pairs of a value and its name
 */
export function choice(parent, { label, options, value, onInput }) {
  const name = `control-${++used}`;
  const inputs = options.map(([each]) => create("input", { type: "radio", name, checked: each === value }));
  const labels = options.map(([, text], i) => create("label", {}, inputs[i], create("span", {}, text)));
  const node = create(
    "fieldset",
    { class: "control" },
    create("legend", {}, label),
    create("div", { class: "choice" }, ...labels),
  );
  inputs.forEach((input, i) => input.addEventListener("change", () => input.checked && onInput(options[i][0])));
  parent.append(node);
  const set = (/** @type {T} */ next) => inputs.forEach((input, i) => (input.checked = options[i][0] === next));
  return { node, set, inputs };
}

/**
 * Something that is on or off.
 * @param {Element} parent
 * @param {{label: string, value: boolean, onInput: (value: boolean) => void}} options
 */
export function toggle(parent, { label, value, onInput }) {
  const input = create("input", { type: "checkbox", checked: value });
  const node = create("label", { class: "check" }, input, create("span", {}, label));
  input.addEventListener("change", () => onInput(input.checked));
  parent.append(node);
  return { node, input, set: (/** @type {boolean} */ next) => void (input.checked = next) };
}

/**
 * A button. Its neighbors keep their places while it takes another label.
 * @param {Element} parent
 * @param {{label: string, others?: string[], main?: boolean, onClick: () => void}} options
 *   others: the labels that it takes later
 */
export function button(parent, { label, others = [], main = false, onClick }) {
  const node = create("button", { type: "button", class: main ? "main" : "" }, label);
  const longest = Math.max(...[label, ...others].map((each) => each.length));
  if (others.length) node.style.minWidth = `calc(${longest}ch + 1.7rem)`; // with the padding of a button
  node.addEventListener("click", onClick);
  parent.append(node);
  return node;
}

/**
 * A number that is typed. What is not a number in the range is not taken, and a sentence says what is.
 * @param {Element} parent
 * @param {{label: string, min: number, max: number, step?: number | "any", value: number, integer?: boolean,
 *   onInput: (value: number) => void, onError: (sentence: string) => void}} options  onError gets "" when all is well
 */
export function numberField(parent, { label, min, max, step = "any", value, integer = false, onInput, onError }) {
  const id = `control-${++used}`;
  const input = create("input", {
    type: "number",
    id,
    min,
    max,
    step,
    value,
    inputMode: integer ? "numeric" : "decimal",
  });
  const node = create("div", { class: "control" }, create("label", { htmlFor: id }, label), input);
  input.addEventListener("input", () => {
    const found = input.value.trim() === "" ? NaN : Number(input.value);
    const right = Number.isFinite(found) && found >= min && found <= max && (!integer || Number.isInteger(found));
    input.setAttribute("aria-invalid", String(!right));
    onError(right ? "" : `${label} must be ${integer ? "a whole number" : "a number"} from ${min} to ${max}.`);
    if (right) onInput(found);
  });
  parent.append(node);
  const set = (/** @type {number | ""} */ next) => {
    const root = /** @type {ShadowRoot} */ (input.getRootNode());
    if (root.activeElement === input) return; // what is being typed stays
    input.value = String(next);
    input.setAttribute("aria-invalid", "false");
  };
  return { node, input, set };
}

/**
 * Text that is typed, in one line or several.
 * @param {Element} parent
 * @param {{label: string, value: string, rows?: number, longest?: number, onInput: (value: string) => void}} options
 */
export function textField(parent, { label, value, rows = 1, longest = 2000, onInput }) {
  const id = `control-${++used}`;
  const input = create(rows > 1 ? "textarea" : "input", {
    id,
    value,
    maxLength: longest,
    spellcheck: false,
    ...(rows > 1 ? { rows } : { type: "text" }),
  });
  const node = create("div", { class: "control" }, create("label", { htmlFor: id }, label), input);
  input.addEventListener("input", () => onInput(input.value));
  parent.append(node);
  return { node, input, set: (/** @type {string} */ next) => void (input.value !== next && (input.value = next)) };
}

/**
 * A choice of one among many, from a list.
 * @param {Element} parent
 * @param {{label: string, options: [string, string][], value: string, onInput: (value: string) => void}} options
 */
export function select(parent, { label, options, value, onInput }) {
  const id = `control-${++used}`;
  const input = create("select", { id }, ...options.map(([each, text]) => create("option", { value: each }, text)));
  input.value = value;
  const node = create("div", { class: "control" }, create("label", { htmlFor: id }, label), input);
  input.addEventListener("change", () => onInput(input.value));
  parent.append(node);
  return { node, input, set: (/** @type {string} */ next) => void (input.value = next) };
}

/**
 * Add a place below the controls for those that are not in sight at first, which the reader can open.
 * @param {import("./frame.js").Frame} frame
 * @param {string} [summary]  what is in it
 * @returns {HTMLElement} where the controls go
 */
export function more(frame, summary = "More") {
  const controls = create("div", { class: "controls" });
  frame.controls.after(create("details", { class: "more" }, create("summary", {}, summary), controls));
  return controls;
}

/**
 * Add a part that is folded at first where the figure is narrow and in a talk, and otherwise always open.
 * @param {import("./frame.js").Frame} frame
 * @param {Element} parent
 * @param {...(string | Node)} text  what is in it
 */
export function fold(frame, parent, ...text) {
  const summary = create("summary", {}, ...text);
  const node = create("details", { class: "fold" }, summary);
  parent.append(node);
  const isNarrow = () => !["none", ""].includes(getComputedStyle(summary).display); // "": not on the page yet
  node.open = !isNarrow();
  const sizes = new ResizeObserver(() => !isNarrow() && (node.open = true));
  sizes.observe(node);
  frame.onRemove(() => sizes.disconnect());
  return node;
}
