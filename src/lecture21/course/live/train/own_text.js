// The reader's own text: typed, pasted or from a file, with the losses of n-grams on it.

import { button, textField } from "../kit/controls.js";
import { create } from "../kit/frame.js";
import { LEAST, prepare, readTextFile } from "./corpus.js";
import { ngramLosses } from "./ngram.js";

const WAIT = 400; // ms after the last key
/** @type {[string, number][]} */
const ORDERS = [
  ["bigram", 2],
  ["trigram", 3],
  ["5-gram", 5],
];
const BLOCK = 32;
const VALIDATION = 5121; // tokens on which the loss is measured, at most

/**
 * Add the controls for a text of the reader's own.
 * @param {Element} parent
 * @param {{levels: {name: string, nats: number}[], onChange: () => void, onError: (sentence: string) => void}} options
 *   levels: those of the text that is given
 */
export function ownText(parent, { levels, onChange, onError }) {
  let text = "";
  let error = "";
  let waiting = 0;
  let current = 0;
  let taken = Promise.resolve();
  const own = {
    /** @type {import("./corpus.js").Corpus | null} */
    corpus: null,
    levels,
    /** Beginning and length of the part of the validation split on which the loss is measured. */
    part: [0, VALIDATION],
    /** Wait until what was typed is taken over; rejects with a sentence if the text is of no use. */
    async ready() {
      if (waiting) taken = take();
      await taken;
      if (error) throw new Error(error);
    },
    clear() {
      field.set("");
      file.value = "";
      change("");
      taken = take();
    },
  };
  const field = textField(parent, {
    label: `Your own text, at least ${LEAST} characters; it stays on this machine`,
    value: "",
    rows: 3,
    longest: 2_000_000,
    onInput: change,
  });
  field.node.style.flexBasis = "100%";
  const file = create("input", { type: "file", accept: ".txt,text/plain", id: `${field.input.id}-file` });
  parent.append(create("div", { class: "control" }, create("label", { htmlFor: file.id }, "Or a .txt file"), file));
  file.addEventListener("change", async () => {
    if (!file.files?.length) return;
    try {
      const found = await readTextFile(file.files[0]);
      field.set(found);
      change(found);
      taken = take();
    } catch (problem) {
      file.value = "";
      onError(/** @type {Error} */ (problem).message);
    }
  });
  file.addEventListener("click", () => (file.value = "")); // the same file once more may have changed
  button(parent, { label: "Use the plays", onClick: own.clear });

  function change(/** @type {string} */ next) {
    text = next;
    clearTimeout(waiting);
    waiting = setTimeout(() => (taken = take()), WAIT);
  }

  async function take() {
    clearTimeout(waiting);
    waiting = 0;
    const mine = ++current;
    error = "";
    own.corpus = null;
    own.levels = levels;
    try {
      if (text) {
        own.corpus = prepare(text);
        const { vocabulary, tokens, validation } = own.corpus;
        own.levels = [{ name: "uniform", nats: Math.log(vocabulary) }];
        own.part = [0, Math.min(VALIDATION, validation.length)];
        onError("");
        onChange();
        const part = validation.slice(...own.part);
        const losses = await ngramLosses(tokens, part, { order: 5, vocabulary, blockSize: BLOCK });
        if (mine !== current) return;
        own.levels = [...own.levels, ...ORDERS.map(([name, order]) => ({ name, nats: losses[order - 1] }))];
      } else {
        onError("");
      }
    } catch (problem) {
      error = /** @type {Error} */ (problem).message;
      onError(error);
    }
    onChange();
  }

  return own;
}
