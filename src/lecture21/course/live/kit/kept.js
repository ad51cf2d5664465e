// A fold that says what this browser keeps of the reader, with buttons to take it along and to clear it.

import { button } from "./controls.js";
import { create, messageOf } from "./frame.js";
import { store } from "./store.js";

const FILE = "my-lecture21.json";

/**
 * The name of the reader's own model, or nothing if there is none.
 * @returns {string}
 */
export function nameOfOwnModel() {
  const found = store.get("model");
  if (!Number.isFinite(found?.nats) || !Number.isFinite(found?.steps)) return "";
  return `your model (loss ${found.nats.toFixed(2)}, ${found.steps.toLocaleString("en")} steps)`;
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
 * Add the fold to the end of a figure.
 * @param {import("./frame.js").Frame} frame
 */
export function kept(frame) {
  const list = create("p", { class: "said" });
  const actions = create("div", { class: "actions" });
  const node = create("details", { class: "kept" }, create("summary", {}, "Kept in this browser"), list, actions);
  frame.foot.after(node);
  /** Do something, and say why if it fails. */
  const attempt = async (/** @type {() => Promise<void>} */ action) => {
    try {
      frame.fail("");
      await action();
    } catch (error) {
      frame.fail(messageOf(error));
    }
  };
  button(actions, {
    label: "Save to a file",
    onClick: () => attempt(async () => download(await store.exported(), FILE, "application/json")),
  });
  const input = create("input", { type: "file", accept: ".json", hidden: true });
  button(actions, { label: "Load from a file", onClick: () => input.click() });
  button(actions, { label: "Clear all", onClick: () => attempt(store.clear) });
  actions.append(input);
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (file) await attempt(async () => store.imported(await file.text()));
    input.value = "";
  });
  const count = (/** @type {number} */ n, /** @type {string} */ what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const show = () => {
    const answers = Object.keys(store.get("answers", {})).length;
    const solved = store.get("solved", []).length;
    const things = [count(answers, "answer"), count(solved, "solved exercise"), nameOfOwnModel() || "no model"];
    const where = store.keeps
      ? "Nothing leaves this machine, except in the file that you save."
      : "This browser keeps nothing more, so what is new lasts until you leave the page.";
    list.textContent = `${things.join(", ")}. ${where}`;
  };
  show();
  frame.onRemove(store.onChange(show));
}
