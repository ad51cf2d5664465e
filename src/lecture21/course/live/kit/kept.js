// A fold that says what this browser keeps of the reader, with buttons to take it along and to clear it.

import { button } from "./controls.js";
import { create, messageOf } from "./frame.js";
import { store } from "./store.js";

const FILE = "my-lecture21.json";
const LARGEST = 200_000_000; // bytes

/**
 * The name of the reader's own model, or nothing if there is none.
 * @returns {string}
 */
export function nameOfOwnModel() {
  return nameOfModel(store.get("model"));
}

/** @param {{nats: number, steps: number} | null} model  as it is described, by whatever version of this page */
function nameOfModel(model) {
  if (!model || !Number.isFinite(model.nats) || !Number.isFinite(model.steps)) return "";
  return `your model (${model.nats.toFixed(2)} after ${model.steps.toLocaleString("en")} steps)`;
}

/**
 * Offer a file for download.
 * @param {BlobPart} content
 * @param {string} name
 * @param {string} type
 */
export function download(content, name, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  create("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * What a reader has, in words.
 * @param {typeof store.get} get
 */
function contents(get) {
  const count = (/** @type {number} */ n, /** @type {string} */ what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const parts = [
    count(Object.keys(get("answers", {})).length, "answer"),
    count(get("solved", []).length, "solved exercise"),
  ];
  const heads = Object.keys(get("designs", {})).length;
  if (heads) parts.push(count(heads, "designed head"));
  const stop = get("path");
  if (stop) parts.push(stop === "done" ? "the whole path" : `the path up to stop ${stop}`);
  return [...parts, nameOfModel(get("model")) || "no model"].join(", ");
}

/** The same, of a file. */
function contentsOf(/** @type {import("./store.js").Everything} */ { small }) {
  return contents((name, start = null) => (Object.hasOwn(small, name) ? JSON.parse(small[name]) : start));
}

/**
 * Add the fold to the end of a figure.
 * @param {import("./frame.js").Frame} frame
 */
export function kept(frame) {
  const list = create("p", { class: "said" });
  const actions = create("div", { class: "actions" });
  const outcome = create("div", { role: "status" });
  const summary = create("summary", {}, "Kept in this browser");
  frame.foot.after(create("details", { class: "kept" }, summary, list, actions, outcome));
  /** Do something, and show what came of it. */
  const attempt = async (/** @type {() => Promise<string | Node[]>} */ action) => {
    try {
      outcome.replaceChildren();
      outcome.className = "said";
      outcome.replaceChildren(...[await action()].flat());
    } catch (error) {
      outcome.className = "message";
      outcome.textContent = messageOf(error);
    }
  };
  button(actions, { label: "Save everything to a file", onClick: () => attempt(save) });
  const input = create("input", { type: "file", accept: ".json", hidden: true });
  button(actions, { label: "Load from a file", onClick: () => input.click() });
  button(actions, { label: "Clear all", onClick: () => attempt(clear) });
  actions.append(input);
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (file) await attempt(() => open(file));
    input.value = "";
  });

  async function save() {
    const text = await store.exported();
    const has = contentsOf(store.read(text)); // what it will be read as
    download(text, FILE, "application/json");
    return `${FILE} has ${has}.`;
  }

  /** Check a file, and ask before it replaces anything. */
  async function open(/** @type {File} */ file) {
    if (file.size > LARGEST)
      throw new Error("This file is too large to be one that “Save everything to a file” wrote.");
    const found = store.read(await file.text());
    if (store.isEmpty) return load(found);
    const choice = create("div", { class: "actions" });
    button(choice, { label: "Replace what is here", onClick: () => attempt(() => load(found)) });
    button(choice, { label: "Keep what is here", onClick: () => attempt(async () => "Nothing was replaced.") });
    const asks = `The file has ${contentsOf(found)}. It would replace what is here: ${contents(store.get)}.`;
    return [create("p", {}, asks), choice];
  }

  async function load(/** @type {import("./store.js").Everything} */ found) {
    await store.replaceBy(found);
    const where = store.keeps ? "and this browser keeps it" : "until you leave this page";
    return `Loaded, ${where}.`;
  }

  async function clear() {
    await store.clear();
    return "";
  }

  const show = () => {
    const where = store.keeps
      ? "Nothing leaves this machine, except in the file that you save."
      : "This browser keeps nothing more, so what is new lasts until you leave the page.";
    list.textContent = `${contents(store.get)}. ${where}`;
  };
  show();
  frame.onRemove(store.onChange(show));
}
