// The frame of every figure: title, what to try first, controls, stage, what is seen now, reset, a link to the state.

import { isDark, palette } from "./colors.js";
import { gate } from "./gate.js";
import { createState, encodeState, fieldsFrom } from "./state.js";
import { STYLE } from "./style.js";

/**
 * Create a node.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} properties  `class` and names with a hyphen are attributes, others properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function create(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class" || key.includes("-")) node.setAttribute(key, String(value));
    else Object.assign(node, { [key]: value });
  }
  node.append(...children);
  return node;
}

/** A row of names above a table. */
export const headings = (/** @type {string[]} */ ...names) =>
  create("thead", {}, create("tr", {}, ...names.map((name) => create("th", { scope: "col" }, name))));

/**
 * Add a part to the stage, as wide as the figure.
 * @param {Frame} frame
 * @param {string} title  empty for none
 * @param {...(Node | string)} content
 */
export function panel(frame, title, ...content) {
  const heading = title ? [create("p", { class: "panel-title" }, title)] : [];
  const node = create("div", { class: "panel full" }, ...heading, ...content);
  frame.stage.append(node);
  return node;
}

/**
 * Return the element that a selector finds, of which there must be one.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(parent, selector) {
  const found = parent.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`There is no ${selector} here.`);
  return found;
}

/** What to say of something that was thrown. */
export const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));

/**
 * Return the words for a reader with a mouse and a keyboard, or those for one with a finger.
 * @param {string} mouse
 * @param {string} finger
 */
export const byInput = (mouse, finger) => (globalThis.matchMedia?.("(hover: none)").matches ? finger : mouse);

/**
 * @typedef {import("./state.js").Model} Model
 * @typedef {object} Context  what `render` gets
 * @property {Model} model
 * @property {HTMLElement} el  where the figure goes
 * @property {Record<string, import("./state.js").Limits>} fields  the limits of the parameters that Python declares
 */

/**
 * @typedef {object} Frame
 * @property {ShadowRoot} root
 * @property {HTMLElement} controls
 * @property {HTMLElement} stage  where the drawings go
 * @property {HTMLElement} foot
 * @property {import("./state.js").State} state
 * @property {Record<string, import("./state.js").Limits>} limits  of the parameters that Python declares
 * @property {import("./colors.js").Colors} colors  of the theme now
 * @property {boolean} visible
 * @property {(...parts: (Node | string)[]) => void} describe  say in words what is seen now: shown below the drawing,
 *   and read aloud when it changes
 * @property {(advice: {first: string, then: string, solved?: boolean}) => void} advise  replace what to try first and
 *   what one should then see, because the state has changed; solved: this is what the reader was to reach, and why
 * @property {() => void} acted  say what one should see now: the reader has acted. Each change of the state does so too
 * @property {(text: string, at?: Element) => void} fail  show one sentence about what went wrong, at a part of the figure
 *   if one is given; an empty text removes it. Where a
 *   field is marked as invalid, it stands there, and the stage is marked as what was before
 * @property {(text: string) => void} stop  give up with one sentence, when the figure cannot be used at all; on a page
 *   its picture comes back
 * @property {(action: () => void) => void} onState  call a function after each change of the state, before the figure
 *   redraws
 * @property {(action: () => void) => void} onTheme  call a function when the theme changes
 * @property {(action: () => void) => void} onRemove  call a function when the figure is removed
 * @property {(isBusy: boolean) => void} busy  say whether the figure is loading or computing
 * @property {(action: () => void) => void} onReset  call a function when the reader presses "Reset", before the state
 *   returns to its start
 * @property {(action: (visible: boolean) => void) => void} onVisible  call a function when the figure can be seen, or
 *   no longer can
 * @property {() => void} remove  remove the figure; what `render` returns
 */

/**
 * Build the frame of a figure inside a shadow root.
 *
 * @param {Context} context
 * @param {object} options
 * @param {string} options.title  names the figure
 * @param {string} [options.first]  what to try first
 * @param {string} [options.then]  what one should then see
 * @param {import("./state.js").Fields} [options.fields]  of the figure's state, beside its parameters or in place of some
 * @param {boolean} [options.linked]  whether the reader is offered a link to the state
 * @param {() => void} options.onChange  redraw; called after each change of the state
 */
export function createFrame(
  { model, el, fields: limits },
  { title, first = "", then = "", fields: others = {}, linked = true, onChange },
) {
  const fields = { ...fieldsFrom(limits), ...others };
  const host = create("div");
  const root = host.attachShadow({ mode: "open" });
  const heading = create("p", { class: "title" }, title);
  const toTry = create("span", {}, first);
  const toSee = create("span", {}, then);
  const sees = create("b", {}, "You should see: ");
  const outcome = create("p", { class: "outcome later" }, sees, toSee);
  const advice = create("p", { class: "try" }, create("b", {}, "Try: "), toTry);
  advice.hidden = !first;
  const controls = create("div", { class: "controls" });
  const stage = create("div", { class: "stage" });
  const reading = create("p", { class: "reading", "aria-live": "polite" });
  const message = create("p", { class: "message", role: "alert", id: "message" });
  const resetButton = create("button", { type: "button" }, "Reset");
  const linkButton = create("button", { type: "button" }, "Link to this state");
  const said = create("span", { class: "said", role: "status" });
  const foot = create("div", { class: "foot" }, resetButton, linkButton, said);
  const figure = create(
    "section",
    { class: "figure", "aria-label": title },
    heading,
    advice,
    controls,
    stage,
    outcome, // below what it is about: where it appears, nothing moves under a pointer
    reading,
    message,
    foot,
  );
  root.append(create("style", {}, STYLE), figure);
  el.append(host);

  /** @type {(() => void)[]} */
  const cleanups = [];
  /** @type {Set<() => void>} */
  const themed = new Set();
  /** @type {Set<() => void>} */
  const resetters = new Set();
  /** @type {Set<(visible: boolean) => void>} */
  const watchers = new Set();
  /** @type {(() => void)[]} */
  const followers = [];
  const changed = () => {
    for (const action of followers) action();
    onChange();
  };
  const state = createState(model, fields, () => {
    frame.acted();
    changed();
  });
  /** @type {Frame} */
  const frame = {
    root,
    controls,
    stage,
    foot,
    state,
    limits,
    colors: palette(isDark(host)),
    visible: true,
    describe(...parts) {
      const text = parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
      if (reading.textContent !== text) reading.replaceChildren(...parts);
    },
    advise({ first, then, solved = false }) {
      if (toTry.textContent !== first) outcome.classList.add("later");
      toTry.textContent = first;
      toSee.textContent = then;
      sees.textContent = solved ? "✓ " : "You should see: ";
      outcome.classList.toggle("solved", solved);
    },
    acted: () => outcome.classList.toggle("later", !toSee.textContent),
    fail(text, at) {
      const field = text ? invalid() : null;
      const place = (text && at) || field?.closest(".control, table");
      if (place?.matches("table, details")) place.after(message);
      else if (place) place.append(message);
      else foot.before(message);
      field?.setAttribute("aria-errormessage", message.id);
      stage.classList.toggle("old", Boolean(place && !place.matches("details")));
      message.textContent = text;
    },
    stop(text) {
      foot.before(message);
      message.textContent = text;
      for (const part of [advice, controls, stage, outcome, reading, foot]) part.hidden = true;
      figure.removeAttribute("aria-busy");
      el.dispatchEvent(new CustomEvent("live-stop", { bubbles: true }));
    },
    onState: (action) => followers.push(action),
    onTheme: (action) => themed.add(action),
    onRemove: (action) => cleanups.push(action),
    busy: (isBusy) => figure.setAttribute("aria-busy", String(isBusy)),
    onReset: (action) => resetters.add(action),
    onVisible: (action) => watchers.add(action),
    remove() {
      for (const action of cleanups) action();
      host.remove();
    },
  };

  /** The field with what was not taken: that in which the reader types, if there are several. */
  function invalid() {
    const fields = [...figure.querySelectorAll('[aria-invalid="true"]')];
    return fields.find((field) => field === root.activeElement) ?? fields[0] ?? null;
  }

  const applyTheme = () => {
    frame.colors = palette(isDark(host));
    const { paper, panel, ink, note, line, error, masked, query, series, text } = frame.colors;
    const style = {
      ...Object.fromEntries(series.map((color, i) => [`series-${i}`, color])),
      masked,
      paper,
      panel,
      ink,
      note,
      line,
      error,
      right: text.value,
      accent: isDark(host) ? text.query : query,
      focus: text.key,
    };
    for (const [name, value] of Object.entries(style)) figure.style.setProperty(`--${name}`, value);
    figure.style.setProperty("--on-accent", isDark(host) ? "#000000" : "#FFFFFF");
    figure.style.colorScheme = isDark(host) ? "dark" : "light";
    for (const action of themed) action();
  };
  applyTheme();
  const themes = new MutationObserver(applyTheme);
  for (const node of [document.documentElement, document.body]) {
    themes.observe(node, { attributes: true, attributeFilter: ["data-theme", "theme", "data-jp-theme-light"] });
  }
  const preference = matchMedia("(prefers-color-scheme: dark)");
  preference.addEventListener("change", applyTheme);
  cleanups.push(
    () => themes.disconnect(),
    () => preference.removeEventListener("change", applyTheme),
  );

  let near = true;
  const look = () => {
    const visible = near && !document.hidden;
    if (visible === frame.visible) return;
    frame.visible = visible;
    for (const action of watchers) action(visible);
  };
  const sight = new IntersectionObserver((entries) => {
    near = entries[entries.length - 1].isIntersecting;
    look();
  });
  sight.observe(host);
  document.addEventListener("visibilitychange", look);
  cleanups.push(
    () => sight.disconnect(),
    () => document.removeEventListener("visibilitychange", look),
  );

  for (const name of Object.keys(fields)) {
    const follow = () => {
      const value = model.get(name);
      if (JSON.stringify(value) === JSON.stringify(frame.state.values[name]) || !fields[name].check(value)) return;
      frame.state.values[name] = structuredClone(value);
      changed();
    };
    model.on(`change:${name}`, follow); // Python, or the same widget in another cell
    cleanups.push(() => model.off(`change:${name}`, follow));
  }
  resetButton.addEventListener("click", () => {
    frame.fail("");
    said.textContent = "";
    for (const action of resetters) action();
    frame.state.reset();
    outcome.classList.add("later");
  });
  const page = model.get("_page"); // the address of the figure on a page of the book; in a notebook there is none
  linkButton.hidden = !page || !linked;
  gate(create, figure, model.get("after"), frame.onRemove);
  advice.hidden = !first;
  linkButton.addEventListener("click", async () => {
    const link = `${page}=${encodeState(frame.state.values)}`;
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      said.textContent = "The link is copied; it is also in the address bar.";
    } catch {
      said.textContent = "The link is in the address bar.";
    }
  });
  return frame;
}
