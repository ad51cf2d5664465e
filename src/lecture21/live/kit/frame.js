// The frame of every figure: title, what to try first, controls, stage, what is seen now, reset, a link to the state.

import { isDark, palette } from "./colors.js";
import { gate } from "./gate.js";
import { createState, encodeState, fieldsFrom } from "./state.js";
import { STYLE } from "./style.js";

/**
 * Create a node.
 * @param {string} name
 * @param {Record<string, unknown>} properties  `class` and names with a hyphen are attributes, others properties
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function create(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class" || key.includes("-")) node.setAttribute(key, String(value));
    else node[key] = value;
  }
  node.append(...children);
  return node;
}

/**
 * Return the words for a reader with a mouse and a keyboard, or those for one with a finger.
 * @param {string} mouse
 * @param {string} finger
 */
export const byInput = (mouse, finger) => (globalThis.matchMedia?.("(hover: none)").matches ? finger : mouse);

/**
 * @typedef {object} Context  what `render` gets
 * @property {any} model  anywidget's, or the page's
 * @property {HTMLElement} el  where the figure goes
 * @property {Record<string, import("./state.js").Limits>} fields  the limits of the parameters that Python declares
 */

/**
 * Build the frame of a figure inside a shadow root.
 *
 * @param {Context} context
 * @param {object} options
 * @param {string} options.title  names the figure
 * @param {string} [options.first]  what to try first
 * @param {string} [options.then]  what one should then see
 * @param {import("./state.js").Fields} [options.fields]  the figure's state, if it is more than its parameters
 * @param {boolean} [options.linked]  whether the reader is offered a link to the state
 * @param {() => void} options.onChange  redraw; called after each change of the state
 */
export function createFrame(
  { model, el, fields: limits },
  { title, first = "", then = "", fields = fieldsFrom(limits), linked = true, onChange },
) {
  const host = create("div");
  const root = host.attachShadow({ mode: "open" });
  const heading = create("p", { class: "title" }, title);
  const toTry = create("span", {}, first);
  const toSee = create("span", {}, then);
  const outcome = create("p", { class: "outcome later" }, create("b", {}, "You should see: "), toSee);
  const advice = create("p", { class: "try" }, create("b", {}, "Try: "), toTry);
  advice.hidden = !first;
  const controls = create("div", { class: "controls" });
  const stage = create("div", { class: "stage" });
  const reading = create("p", { class: "reading", "aria-live": "polite" });
  const message = create("p", { class: "message", role: "alert" });
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

  const cleanups = [];
  const themed = new Set();
  const resetters = new Set();
  const frame = {
    root,
    controls,
    stage,
    foot,
    state: null,
    colors: palette(isDark(host)),
    visible: true,
    /** Say in words what is seen now, as text or nodes: shown below the drawing, and read aloud when it changes. */
    describe(...parts) {
      const text = parts.map((part) => part.textContent ?? part).join("");
      if (reading.textContent !== text) reading.replaceChildren(...parts);
    },
    /** Replace what to try first and what one should then see, because the state has changed. */
    advise({ first, then }) {
      if (toTry.textContent !== first) outcome.classList.add("later");
      toTry.textContent = first;
      toSee.textContent = then;
    },
    /** Say what one should see now: the reader has acted. Each change of the state does so too. */
    acted() {
      outcome.classList.toggle("later", !toSee.textContent);
    },
    /** Show one sentence about what went wrong; an empty text removes it. */
    fail(text) {
      message.textContent = text;
    },
    /** Give up with one sentence, when the figure cannot be used at all; on a page its picture comes back. */
    stop(text) {
      message.textContent = text;
      for (const part of [advice, controls, stage, outcome, reading, foot]) part.hidden = true;
      figure.removeAttribute("aria-busy");
      el.dispatchEvent(new CustomEvent("live-stop", { bubbles: true }));
    },
    /** Call a function when the theme changes. */
    onTheme(action) {
      themed.add(action);
    },
    /** Call a function when the figure is removed. */
    onRemove(action) {
      cleanups.push(action);
    },
    /** Say whether the figure is loading or computing. */
    busy(isBusy) {
      figure.setAttribute("aria-busy", String(isBusy));
    },
    /** Call a function when the reader presses "Reset", before the state returns to its start. */
    onReset(action) {
      resetters.add(action);
    },
    /** Call a function with true or false when the figure can be seen, or no longer can. */
    onVisible(action) {
      watchers.add(action);
    },
    /** Remove the figure; what `render` returns. */
    remove() {
      for (const action of cleanups) action();
      host.remove();
    },
  };

  const applyTheme = () => {
    frame.colors = palette(isDark(host));
    const { paper, panel, ink, note, line, error, query, text } = frame.colors;
    const style = {
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

  const watchers = new Set();
  let near = true;
  const look = () => {
    const visible = near && !document.hidden;
    if (visible === frame.visible) return;
    frame.visible = visible;
    for (const action of watchers) action(visible);
  };
  const sight = new IntersectionObserver((entries) => {
    near = entries.at(-1).isIntersecting;
    look();
  });
  sight.observe(host);
  document.addEventListener("visibilitychange", look);
  cleanups.push(
    () => sight.disconnect(),
    () => document.removeEventListener("visibilitychange", look),
  );

  frame.state = createState(model, fields, () => {
    frame.acted();
    onChange();
  });
  const redraw = () => onChange();
  for (const name of Object.keys(fields)) {
    const follow = () => {
      const value = model.get(name);
      if (JSON.stringify(value) === JSON.stringify(frame.state.values[name]) || !fields[name].check(value)) return;
      frame.state.values[name] = structuredClone(value);
      redraw();
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

/**
 * Return a file that the figure needs, such as weights: from the notebook, or from the book.
 * @param {any} model  anywidget's model, or the page's
 * @param {string} name  of the trait; on a page, NAME_url has its address
 * @returns {Promise<ArrayBuffer>}
 */
export async function loadFile(model, name) {
  const given = model.get(name);
  if (given && given.byteLength) {
    const bytes = given.buffer
      ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
      : new Uint8Array(given);
    return bytes.slice().buffer;
  }
  const url = model.get(`${name}_url`);
  if (!url) throw new Error(`This figure was given no ${name}.`);
  const failed = `The file ${url.split("/").pop()} could not be loaded`;
  if (location.protocol === "file:") return loadScript(`${url}.js`, failed);
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${failed}; check the connection and reload the page.`);
  }
  if (response.status === 404) return loadScript(`${url}.js`, failed); // the zip file of the book has it once
  if (!response.ok) throw new Error(`${failed} (status ${response.status}).`);
  return response.arrayBuffer();
}

/**
 * Return a file from the script that has its content: pages that are opened as files cannot fetch.
 * @param {string} url  of the script
 * @param {string} failed  what to say if there is none
 * @returns {Promise<ArrayBuffer>}
 */
async function loadScript(url, failed) {
  const page = /** @type {any} */ (globalThis);
  const script = create("script", { src: url });
  const arrived = new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${failed}.`)));
  });
  document.head.append(script);
  await arrived;
  script.remove();
  return Uint8Array.from(atob(page.liveData[url]), (character) => character.charCodeAt(0)).buffer;
}
