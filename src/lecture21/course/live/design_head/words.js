// What is said of a design: what a word writes, and why a word is wrong.

import { argmax } from "../kit/numbers.js";
import { namesOf } from "./compute.js";

/** @param {number} amount */
const short = (amount) => (Math.abs(amount - Math.round(amount)) < 0.005 ? amount.toFixed(0) : amount.toFixed(2));

/** @param {string} name @param {number} amount */
const nameAnd = (name, amount) => (amount > 0.005 ? `${name} ${short(amount)}` : "–");

/**
 * What one word writes, for its row of the map.
 * @param {import("./compute.js").Row} row
 * @param {import("./compute.js").Feature} value
 * @param {boolean} isFirst  whether it is the word whose mistake is explained
 */
export function rowText(row, value, isFirst) {
  const says = value.kind === "name" ? nameAnd(row.text, row.amount) : short(row.amount);
  if (!row.wanted) return { text: says, tone: "idle" };
  const tone = row.isRight ? "right" : isFirst ? "wrong first" : "wrong";
  return { text: `${row.isRight ? "✓" : "✗"} ${says}`, tone };
}

/**
 * Say what one word writes, and whether it should.
 * @param {string} name
 * @param {import("./compute.js").Row} row
 * @param {import("./compute.js").Feature} value  what is written
 */
export function resultOf(name, { text, amount, wanted, isRight }, { kind, reads }) {
  const writes =
    kind === "name" ? nameAnd(text, amount) : `${short(amount)}, the average of “${reads}” by these weights`;
  if (!wanted) return { text: `“${name}” writes ${writes}; it does not count here.`, tone: "" };
  const tone = isRight ? "right" : "wrong";
  return { text: `“${name}” writes ${writes}${isRight ? "" : `, and should write ${wanted.write}`}.`, tone };
}

/**
 * What one word writes in a layer whose result is not what the task asks for.
 * @param {number[]} amounts
 * @param {import("./compute.js").Word[]} words
 */
export function noteText(amounts, words) {
  const best = argmax(amounts);
  return { text: nameAnd(namesOf(words)[best], amounts[best]), tone: "idle" };
}

/**
 * Say why a word is wrong.
 * @param {import("./puzzles.js").Puzzle} puzzle
 * @param {import("./compute.js").Layer[]} layers
 * @param {import("./compute.js").Word[]} words
 * @param {ReturnType<typeof import("./compute.js").judged>} found
 * @param {number} i  the word, one that counts
 */
export function explained(puzzle, layers, words, { heads, rows, isOfKind }, i) {
  const { wanted } = rows[i];
  if (!wanted) return "";
  const { slots, values } = puzzle.family;
  const last = layers[layers.length - 1];
  const named = (/** @type {number} */ j) => `“${words[j].name}”`;
  const goal = `${named(i)} should write ${typeof wanted.write === "string" ? `“${wanted.write}”` : wanted.write}.`;
  if (!isOfKind) {
    const asked = [...slots, ...values].find(({ reads }) => reads === puzzle.writes)?.brief;
    const does = slots.length ? `${values[last.value].brief} as ${slots[last.slot].brief}` : values[last.value].brief;
    return `${goal} The task asks for “${asked}”, and the design writes ${does}.`;
  }
  const { weights, scores } = heads[heads.length - 1];
  const row = weights[i].slice(0, i + 1);
  const best = argmax(row);
  const share = wanted.from.reduce((sum, j) => sum + row[j], 0);
  const others = row.flatMap((_, j) => (wanted.from.includes(j) ? [] : [j]));
  const rival = others.reduce((top, j) => (row[j] > row[top] ? j : top), others[0]);
  const layer = layers.length > 1 ? `In layer ${layers.length}, ` : "";
  const said = (/** @type {string} */ text) =>
    layer ? `${goal} ${layer}${text}` : `${goal} ${text[0].toUpperCase()}${text.slice(1)}`;
  if (!wanted.from.length) return `${goal} There is nothing to find before it.`;
  if (i && row.every((weight) => Math.abs(weight - row[0]) < 1e-9))
    return said(`the ${i + 1} words that it sees have the same score, so each gets ${short(row[0])} of the weight.`);
  if (share > 0.5) return said(`it finds the right word, with ${short(share)} of the weight.`);
  const lead = scores[i][wanted.from[0]] - scores[i][rival];
  if (wanted.from.includes(best) && lead > 0.01)
    return said(`${named(best)} leads by ${short(lead)} in the score, but the others share ${short(1 - share)}.`);
  const itself = rival === i ? ", itself" : "";
  return said(
    `it gives ${short(row[rival])} of its weight to ${named(rival)}${itself}, and ${short(share)} to what it should find.`,
  );
}
