// Responses with their scores, as rows: those that are stored for a policy, and those that are sampled now.

import { create } from "../kit/frame.js";
import { argmax } from "../kit/numbers.js";

/** @typedef {[text: string, score: number, learned: number]} Line  a response, its score and its learned reward */

/**
 * The rows of what both models responded just now: n of the unaligned one, of which the judge chooses the best, and one
 * of the aligned one.
 * @param {string[]} texts
 * @param {(text: string) => number} scoreOf
 */
export function sampledRows(texts, scoreOf) {
  const n = texts.length - 1;
  /** @type {[string, number, null][]} */
  const scored = texts.map((text) => [text, scoreOf(text), null]);
  const winner = argmax(scored.slice(0, n).map((line) => line[1]));
  return [
    create("p", { class: "panel-title", role: "status" }, "Sampled just now, and scored by the judge"),
    row("Before fine-tuning (base)", scored[0]),
    row(`Before fine-tuning, best of ${n} according to the judge (response ${winner + 1})`, scored[winner]),
    row("Aligned (PPO with the penalty)", scored[n], "chosen"),
  ];
}

/** A reward with two digits and a real minus sign. */
export function signed(/** @type {number} */ value) {
  return value.toFixed(2).replace("-", "\u2212");
}

/** Responses, each with its score and learned reward, from lines of text. @returns {Line[]} */
export function linesOf(/** @type {string} */ text) {
  const lines = text ? text.split("\n") : [];
  return lines.map((line) => {
    const [, score, learned, response] = line.match(/^(\S+) (\S+) (.*)$/) ?? [];
    return [response, Number(score), Number(learned)];
  });
}

/**
 * One response: which policy's it is, how it scores, and the text.
 * @param {string} name
 * @param {Line | [string, number, null]} line  null: without its learned reward
 * @param {string} [mark]
 */
export function row(name, [text, score, learned], mark = "") {
  const judged = `score ${score.toFixed(2)}`;
  const said = learned === null ? ` · ${judged}` : `this response: ${judged}, reward ${signed(learned)}`;
  const head = create("p", { class: "who" }, create("b", {}, name), said);
  return create("div", { class: `response ${mark}` }, head, create("p", { class: "said" }, text || "(nothing)"));
}

export const STYLE = `
.answer .who b::first-letter { text-transform: uppercase; } .answer .who b { display: block; }
.responses.answer { min-height: 8rem; } .responses > p { margin-bottom: 0.3rem; }
.row { flex: 0 0 100%; height: 0; margin: -0.45rem 0; }
.response { border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 0.7rem; margin-bottom: 0.5rem; }
.response.chosen { border-color: var(--accent); }
.response p { margin: 0; } .who { font-size: 0.85rem; font-variant-numeric: tabular-nums; }
`;
