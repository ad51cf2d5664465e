// The model that the reader trained, beside that of the book.

import { messageOf } from "../kit/frame.js";
import { choice } from "../kit/controls.js";
import { nameOfOwnModel } from "../kit/kept.js";
import { store } from "../kit/store.js";

/** @typedef {import("./session.js").GPT} GPT */

/**
 * Let the reader choose between the book's model and their own, where there is one.
 * @template T
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("./session.js").Engine} engine
 * @param {(gpt: GPT) => T} read  as of `openModel`
 * @param {(own: {gpt: GPT, known: T} | null) => void} onUse  null: the book's
 * @returns {{reset: () => void, prefer: (fits: (known: T) => boolean) => Promise<void>}}
 */
export function modelChoice(frame, engine, read, onUse) {
  let used = false;
  /** @type {{gpt: GPT, known: T} | null} */
  let mine = null;
  /** @type {{node: HTMLElement, set: (own: boolean) => void} | null} */
  let control = null;
  /** Whether a model knows the characters that are needed; null where the book's comes first, or the reader has chosen.
   * @type {((known: T) => boolean) | null} */
  let isFit = null;
  let preferred = ""; // name of the model that was tried last
  const update = () => {
    const name = nameOfOwnModel();
    if (used && !name) use(false);
    if (isFit && name !== preferred) follow(isFit);
    control?.node.remove();
    control = null;
    if (!name) return;
    const options = /** @type {[boolean, string][]} */ ([
      [false, "the book's"],
      [true, name],
    ]);
    control = choice(frame.controls, { label: "Model", options, value: used, onInput: choose });
  };

  function choose(/** @type {boolean} */ own) {
    isFit = null;
    return use(own);
  }

  /** Use the reader's own model, if there is one that is fit. */
  async function follow(/** @type {(known: T) => boolean} */ fits) {
    preferred = nameOfOwnModel();
    if (!preferred) return;
    await use(true);
    if (mine && !fits(mine.known)) await use(false);
  }

  async function use(/** @type {boolean} */ own) {
    const before = mine;
    try {
      mine = null;
      if (own) {
        const found = await store.model();
        if (!found)
          throw new Error("Your model is no longer in this browser; train one again in the figure of chapter 07.");
        const gpt = await engine.load(found.bytes);
        mine = { gpt, known: read(gpt) };
      }
      used = own;
      frame.fail("");
      onUse(mine);
    } catch (error) {
      if (used) onUse(null);
      used = false;
      frame.fail(messageOf(error));
    }
    control?.set(used);
    before?.gpt.dispose();
  }

  update();
  frame.onRemove(store.onChange(update));
  return {
    /** Return to the book's model. */
    reset: () => used && use(false),
    /** Begin with the reader's own, if there is one that knows the characters that are needed, or once there is. */
    prefer(fits) {
      isFit = fits;
      return follow(fits);
    },
  };
}
