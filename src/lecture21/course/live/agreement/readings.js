// What the models say of a sentence, as rows of a table and in words.

import { create } from "../kit/frame.js";
import { percent } from "../kit/numbers.js";

const COIN = 0.56; // below it, a score is that of a toss

/**
 * @typedef {import("./task.js").Sentence} Sentence
 * @typedef {import("./scores.js").Shown & {plural: number, weights: Float64Array | null, score: number | undefined}} Reading
 *   of a sentence by one model
 */

/** @param {Reading} reading @param {Sentence} sentence */
export function rowOf({ name, color, plural, score }, sentence) {
  const bar = create("i");
  bar.style.width = `${100 * plural}%`;
  bar.style.background = color;
  const right = plural > 0.5 === sentence.plural;
  const verdict = create("span", { class: right ? "right" : "wrong" }, right ? "right" : "wrong");
  return create(
    "tr",
    {},
    create("th", { scope: "row" }, name),
    create("td", { class: "bar" }, create("div", { class: "track", "aria-hidden": "true" }, bar, create("b"))),
    create("td", {}, `${plural.toFixed(2)} `, score === undefined ? "" : verdict),
    create("td", {}, score === undefined ? "–" : score.toFixed(2)),
  );
}

/** @param {Reading[]} readings @param {Sentence} sentence */
export function inWords(readings, { plural, nouns }) {
  const weights = readings.flatMap(({ name, weights }) => (weights ? [`${name} ${weights[nouns[0]].toFixed(2)}`] : []));
  const attended = weights.length ? ` Attention to it: ${weights.join(", ")}.` : "";
  return `The subject is ${plural ? "plural" : "singular"}.${attended}`;
}

/**
 * Say of each model whether it finds the subject at a distance.
 * @param {Reading[]} readings  the last is the bag of words
 * @param {number} distance
 * @param {number} majority  the score of a guess by the majority of the nouns
 */
export function outcomeOf(readings, distance, majority) {
  const verdict = (/** @type {number} */ score) => {
    if (score > 0.95) return "it finds the subject";
    if (score < COIN) return "it tosses a coin";
    return score > majority + 0.05 ? "better than counting" : "no better than counting";
  };
  const said = readings
    .slice(0, -1)
    .map(({ name, score = 0 }) => `${name}: right in ${percent(score, 2)}, ${verdict(score)}.`);
  const counted = `counting the nouns is right in ${percent(majority, 2)}.`;
  return `at ${distance} ${distance === 1 ? "word" : "words"}, ${counted} ${said.join(" ")}`;
}

/**
 * Say of each model how often it is right at the distances beside the one that is shown; nothing until some are scored.
 * @param {{name: string, scores: number[]}[]} models
 */
export function otherDistances(models) {
  const said = models.flatMap(({ name, scores }) => {
    if (!scores.length) return [];
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const how = mean < COIN ? "near a coin toss" : `right in ${percent(mean, 2)}`;
    return [`${name} is ${how}`];
  });
  return said.length ? ` At the other distances on the chart, on average, ${said.join(", and ")}.` : "";
}
