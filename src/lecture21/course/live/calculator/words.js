// What the calculator says in words: what to try first, and what is seen now.

import { isLatent } from "./shapes.js";
import { bytes, count, inWords, percent, power, time } from "./format.js";
import { fits } from "./sections.js";

/** @typedef {import("./report.js").Current} Current */

/** @type {Record<string, string>} */
export const TITLES = {
  training: "What does it take to train this GPT?",
  serving: "Does this GPT fit the card?",
  cache: "How much memory does the context take?",
};

/**
 * Return what to try first.
 * @param {string} focus
 * @param {import("./shapes.js").Shape} shape  of the model
 * @param {boolean} larger  whether a token takes more FLOPs in the first model than in GPT-1
 * @param {number} context
 */
export function firstFor(focus, { attention }, larger, context = Infinity) {
  if (focus === "training") return `Choose ${larger ? "gpt1" : "gpt3"} in the list.`;
  if (focus === "serving")
    return "If it does not fit, choose a change that is offered; then move the batch from 1 sequence to 64.";
  return attention.window === null || context <= attention.window ? "Halve the context." : "Double the context.";
}

/**
 * Return what one should see after a change from A to B, if it is so.
 * @param {string} focus
 * @param {Current} a
 * @param {Current} b
 */
export function lessonOf(focus, a, b) {
  if (focus === "training") {
    const { exact, estimate } = b.training;
    return `the rule, six FLOPs for each parameter and token, is within ${Math.ceil(100 * Math.abs(estimate / exact - 1))} % of the exact count.`;
  }
  if (focus === "serving") {
    if (b.serving.experts && b.settings.batch > 1)
      return (
        `each token still uses ${b.shape.top_k} of ${b.shape.n_expert} experts of a layer, but a step for all sequences ` +
        `reads ${Number(b.serving.experts.distinct.toFixed(1))} of them.`
      );
    if (a.serving.weights === b.serving.weights && b.serving.cache > a.serving.cache)
      return "the weights stay the same, and the cache of keys and values grows with every sequence.";
    return "";
  }
  if (a.name !== b.name || a.settings.batch !== b.settings.batch || a.context === b.context) return "";
  const [tokens, memory] = [b.context / a.context, b.cache.needed / a.cache.needed];
  return Math.abs(tokens / memory - 1) < 0.01
    ? `the keys and values change as the context does: × ${Number(tokens.toPrecision(3))}.`
    : `the context changes × ${Number(tokens.toPrecision(3))}, and the keys and values only × ${Number(memory.toPrecision(3))}: a window limits them.`;
}

/**
 * Return what the figure shows now.
 * @param {import("./report.js").Focus} focus
 * @param {Current} current
 */
export function description(focus, current) {
  const size = `${current.name}: ${inWords(current.counts.total)} parameters.`;
  return [size, ...{ training: ofTraining, serving: ofServing, cache: ofCache }[focus](current)].join(" ");
}

function ofTraining(/** @type {Current} */ current) {
  const { training, settings, cardsName } = current;
  const { estimate, exact, days, activations, needed } = training;
  const costs = `cost ${power(estimate)} FLOPs by the rule 6 × parameters × tokens and ${power(exact)} counted exactly`;
  const what =
    activations === null ? "Weights, gradients and optimizer" : "Weights, gradients, optimizer and activations";
  return [
    `${inWords(settings.tokens * 1e9)} training tokens ${costs};`,
    `by the rule they take ${time(days)} on ${cardsName} at a utilization of ${percent(settings.utilization)}.`,
    `${what} take ${bytes(needed)}, which ${fits(training, current)}.`,
  ];
}

function ofServing(/** @type {Current} */ current) {
  const { serving, settings, shape } = current;
  const { weights, cache, experts } = serving;
  const memory = `Weights of ${bytes(weights)} and a cache of ${bytes(cache)}: this ${fits(serving, current)}.`;
  if (!experts) return [memory];
  const read = `${Number(experts.distinct.toFixed(1))} of ${count(shape.n_expert)} experts in a layer`;
  return [`A step for a batch of ${count(settings.batch)} reads ${read}, ${bytes(experts.read)} in all.`, memory];
}

function ofCache(/** @type {Current} */ current) {
  const { cache, serving, settings, context, perToken, available, cardsName, shape } = current;
  const alone = `Alone, they fit ${cardsName} (${percent(cache.needed / available)})`;
  let held = `They do not fit ${cardsName}.`;
  if (serving.fits) held = `${alone}, and together with the weights as well.`;
  else if (cache.needed <= available) held = `${alone}, but not together with the weights.`;
  const latent = isLatent(shape.attention); // whose attention takes other FLOPs during generation
  const token = latent ? "a training token's FLOPs, with keys and values expanded" : "the next token's FLOPs";
  const times = Number((cache.needed / serving.weights).toPrecision(2));
  return [
    `The keys and values of ${count(settings.batch)} × ${count(context)} tokens take ${bytes(cache.needed)},`,
    `${times} times as much as the weights. ${held}`,
    `Attention is ${percent(perToken.attention / perToken.forward)} of ${token}.`,
  ];
}
