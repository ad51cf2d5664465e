// Sentences about an attention layer, computed from its results.

import { argmax, written } from "../kit/numbers.js";

/**
 * Join names: "a", "a and b", "a, b and c".
 * @param {string[]} names
 */
export function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * Describe one row: its scores, its weights, its output.
 * @param {string[]} tokens
 * @param {number} query
 * @param {import("./compute.js").Head} head
 * @param {boolean} brief  only the weights
 */
export function describeRow(tokens, query, { masked, weights, output }, brief = false) {
  const each = (/** @type {number[]} */ values) =>
    values.map((value, j) => `${tokens[j]} ${written(value)}`).join(", ");
  const row = weights[query];
  const result = `The output is (${output[query].map((value) => written(value)).join(", ")})`;
  if (row.some(Number.isNaN)) {
    return `Row “${tokens[query]}” has no key that it may attend to: all scores are −∞, and the softmax gives NaN.`;
  }
  const most = argmax(row);
  const equals = row.flatMap((weight, j) => (Math.abs(weight - row[most]) < 0.005 ? [`“${tokens[j]}”`] : []));
  if (brief) return `Row “${tokens[query]}”: weights ${each(row)}.`;
  const mostly = equals.length < row.length ? `, mostly from ${list(equals)}` : ", equally from all words";
  return `Row “${tokens[query]}”: scores ${each(masked[query])}; weights ${each(row)}. ${result}${mostly}.`;
}

/**
 * Say which words each output depends on, whether a later word is among them, and which rows do not sum to 1.
 * @param {string[]} tokens
 * @param {boolean[][]} depends  row = output, column = word
 * @param {number[][][]} weights  of every head
 */
export function describeMask(tokens, depends, weights) {
  const names = (/** @type {boolean[]} */ row) => tokens.filter((_, j) => row[j]).map((name) => `“${name}”`);
  const outputs = depends.map((row, i) => `“${tokens[i]}” on ${list(names(row)) || "no word"}`);
  const sentences = [`Each output depends on these words: ${outputs.join("; ")}.`];
  const leaking = depends.flatMap((row, i) => (row.some((found, j) => found && j > i) ? [`“${tokens[i]}”`] : []));
  if (leaking.length) {
    sentences.push(`Later words leak into ${leaking.length === 1 ? "the output" : "the outputs"} of ${list(leaking)}.`);
  } else {
    sentences.push("No output depends on a later word.");
  }
  const sums = tokens.map((_, i) => weights.map((head) => head[i].reduce((sum, weight) => sum + weight, 0)));
  const wrong = sums.flatMap((all, i) => {
    const off = all.filter((sum) => !(Math.abs(sum - 1) < 1e-9));
    return off.length ? [`“${tokens[i]}” to ${off.map((sum) => written(sum)).join(" and ")}`] : [];
  });
  sentences.push(
    wrong.length ? `Rows that no longer sum to 1: ${list(wrong)}.` : "Every row of the weights sums to 1.",
  );
  return sentences.join(" ");
}
