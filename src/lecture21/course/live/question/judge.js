// Which answer is right, and which hint a wrong one gets.

import { parseNumber } from "./number.js";

/**
 * @typedef {{kind: "number", answer: number, tolerance: number, hint?: string,
 *   hints: {answer: number, hint: string, tolerance?: number}[]}} NumberAnswer
 * @typedef {{kind: "choice", answer: string, choices: string[], hints: {answer: string, hint: string}[]}} ChoiceAnswer
 * @typedef {{id: string, text: string, explanation: string, unit?: string} & (NumberAnswer | ChoiceAnswer)} Question
 *   as in questions.json of a chapter
 */

/**
 * Judge an answer: right, wrong with a hint, or, where `right` is null, nothing that can be judged.
 * @param {Question} question
 * @param {string} given  what was typed, or the text of a choice
 * @returns {{right: boolean | null, hint: string}}
 */
export function judge(question, given) {
  if (question.kind === "choice") {
    if (!question.choices.includes(given)) return { right: null, hint: "Choose one of the answers first." };
    if (given === question.answer) return { right: true, hint: "" };
    return { right: false, hint: question.hints.find(({ answer }) => answer === given)?.hint ?? "" };
  }
  const value = parseNumber(given, question.unit);
  if (value === null) return { right: null, hint: "Type a number, such as 0.25, 1/4 or 25 %." };
  if (near(value, question.answer, question.tolerance)) return { right: true, hint: "" };
  const foreseen = question.hints.find(({ answer, tolerance = question.tolerance }) => near(value, answer, tolerance));
  return { right: false, hint: foreseen?.hint ?? question.hint ?? "" };
}

function near(/** @type {number} */ value, /** @type {number} */ target, /** @type {number} */ tolerance) {
  return Math.abs(value - target) <= tolerance * (1 + 1e-9) + 1e-12;
}
