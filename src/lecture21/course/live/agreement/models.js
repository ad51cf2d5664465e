// The models of chapters 01 to 05, each of which reads the words of a sentence and predicts the verb.

import { normal, seededRandom, softmax } from "../kit/numbers.js";
import { emptyGradients, head, headBackward, headParameters, prepareHead } from "./attend.js";
import { emptyRecurrence, prepareRecurrence, recurrence, recurrenceBackward, recurrenceParameters } from "./recur.js";
import { addTo, back, dotRow } from "../kit/rows.js";
import { FIRST_VERB, N_VERB } from "./task.js";

const [SIZE, WIDTH] = [44, 32]; // of the vocabulary, and of the vectors
const MATRICES = ["query", "key", "value"];

/**
 * What distinguishes the models: `matrices` are W_q, W_k and W_v, `open` has no mask, and `vectors` of words are fixed
 * unless they are trained.
 * @type {Record<string, {name: string, rate: number, recurrent?: boolean, matrices?: boolean, positions?: boolean,
 *   open?: boolean, trained?: boolean}>}
 */
export const KINDS = {
  rnn: { name: "RNN", rate: 0.01, recurrent: true, trained: true },
  unweighted: { name: "basic self-attention", rate: 0.03 },
  embedded: { name: "with trained word vectors", rate: 0.03, trained: true },
  head: { name: "learned head", rate: 0.03, matrices: true },
  open: { name: "head without a mask", rate: 0.03, matrices: true, open: true },
  positions: { name: "head with positions", rate: 0.03, matrices: true, positions: true },
};

/**
 * @typedef {object} Model
 * @property {string} kind
 * @property {number} width
 * @property {boolean} positions
 * @property {Record<string, Float64Array>} parameters
 * @property {string[]} trained  names of those that are
 */

/**
 * Return a model with random weights, as the chapters draw them: vectors of words from N(0, 1) for the RNN, and of
 * length 1 on average for attention.
 * @param {string} kind
 * @param {number} seed
 * @returns {Model}
 */
export function newModel(kind, seed) {
  const { recurrent, matrices, trained = false } = KINDS[kind];
  const random = seededRandom(seed);
  const bound = 1 / Math.sqrt(WIDTH);
  const uniform = (/** @type {number} */ n) => Float64Array.from({ length: n }, () => bound * (2 * random() - 1));
  const spread = recurrent ? 1 : bound;
  /** @type {Record<string, Float64Array>} */
  const parameters = { vectors: Float64Array.from({ length: SIZE * WIDTH }, () => spread * normal(random)) };
  if (matrices) for (const name of MATRICES) parameters[name] = uniform(WIDTH ** 2);
  if (recurrent) {
    for (const name of ["input", "recurrent"]) parameters[name] = uniform(WIDTH ** 2);
    for (const name of ["input_bias", "recurrent_bias"]) parameters[name] = uniform(WIDTH);
  }
  parameters.output = uniform(SIZE * WIDTH);
  parameters.output_bias = uniform(SIZE);
  return modelOf(kind, parameters, trained);
}

/**
 * @param {string} kind
 * @param {Record<string, Float64Array>} parameters
 * @param {boolean} [trained]  whether the vectors of words are
 * @returns {Model}
 */
export function modelOf(kind, parameters, trained = KINDS[kind].trained) {
  const names = Object.keys(parameters).filter((name) => trained || name !== "vectors");
  return { kind, width: WIDTH, positions: Boolean(KINDS[kind].positions), parameters, trained: names };
}

/** The words that a model sees: with `ahead` also those from the verb on, unless a mask hides them. */
function seenWords(
  /** @type {Model} */ { kind },
  /** @type {import("./task.js").Sentence} */ { words, rest },
  /** @type {boolean} */ ahead,
) {
  return ahead && KINDS[kind].open ? [...words, ...rest] : words;
}

/**
 * @typedef {object} Prepared  a model for sentences of a greatest length
 * @property {(words: number[], asks: number) => Pass} forward
 * @property {() => Record<string, Float64Array>} gradients  of its parameters but the output, over all calls of `backward`
 *
 * @typedef {object} Pass  of one sentence
 * @property {Float64Array} out
 * @property {Float64Array | null} weights  attention to its words
 * @property {(dOut: Float64Array) => void} backward
 */

/** @returns {Prepared} */
function prepare(/** @type {Model} */ model, /** @type {number} */ length) {
  const { width } = model;
  if (KINDS[model.kind].recurrent) {
    const tables = prepareRecurrence(model);
    const sums = emptyRecurrence(tables);
    return {
      forward(words) {
        const found = recurrence(tables, words, width);
        const backward = (/** @type {Float64Array} */ dOut) => recurrenceBackward(tables, sums, found, words, dOut);
        return { out: found.out, weights: null, backward };
      },
      gradients: () => recurrenceParameters(model, sums),
    };
  }
  const tables = prepareHead(model, length);
  const sums = emptyGradients(tables);
  return {
    forward(words, asks) {
      const found = head(tables, words, asks, width);
      const backward = (/** @type {Float64Array} */ dOut) => headBackward(tables, sums, found, words, asks, dOut);
      return { out: found.out, weights: found.weights, backward };
    },
    gradients: () => headParameters(model, tables, sums),
  };
}

/**
 * Return what a model says of each sentence: the logits of the verb's place, and its attention to the words it sees.
 * @param {Model} model
 * @param {import("./task.js").Sentence[]} sentences
 * @param {boolean} [ahead]  whether the words from the verb on are in sight
 * @param {Prepared | null} [prepared]
 * @returns {(Pass & {logits: Float64Array})[]}
 */
export function read(model, sentences, ahead = false, prepared = null) {
  const inputs = sentences.map((sentence) => seenWords(model, sentence, ahead));
  const { forward } = prepared ?? prepare(model, Math.max(...inputs.map((words) => words.length)));
  const { output, output_bias: bias } = model.parameters;
  return inputs.map((words, i) => {
    const found = forward(words, sentences[i].words.length - 1);
    return { ...found, logits: bias.map((offset, v) => offset + dotRow(found.out, output, v, model.width)) };
  });
}

/**
 * Return the share of the plural verbs in the probability of all verbs.
 * @param {Float64Array} logits
 */
export function pluralShare(logits) {
  const verbs = logits.subarray(FIRST_VERB, FIRST_VERB + N_VERB);
  return softmax(verbs).reduce((sum, share, i) => sum + (i % 2 ? share : 0), 0);
}

/**
 * Return the fraction of sentences in which the right number of the verb has more than half of the probability.
 * @param {Model} model
 * @param {import("./task.js").Sentence[]} sentences
 * @param {boolean} [ahead]
 */
export function scoreOf(model, sentences, ahead = false) {
  const right = read(model, sentences, ahead).filter(
    ({ logits }, i) => pluralShare(logits) > 0.5 === sentences[i].plural,
  );
  return right.length / sentences.length;
}

/**
 * Return the mean cross-entropy of the verbs in nats, and its gradients. A model without a mask sees the verbs.
 * @param {Model} model
 * @param {import("./task.js").Sentence[]} sentences
 * @returns {{loss: number, gradients: Record<string, Float64Array>}}
 */
export function lossAndGradients(model, sentences) {
  const { width, parameters } = model;
  const longest = Math.max(...sentences.map(({ words, rest }) => words.length + rest.length));
  const prepared = prepare(model, longest);
  const output = new Float64Array(parameters.output.length);
  const bias = new Float64Array(parameters.output_bias.length);
  let loss = 0;
  read(model, sentences, true, prepared).forEach(({ logits, out, backward }, i) => {
    const shares = Float64Array.from(softmax(logits));
    const verb = sentences[i].rest[0];
    loss -= Math.log(shares[verb]) / sentences.length;
    const dLogits = shares.map((share, v) => (share - Number(v === verb)) / sentences.length);
    const dOut = new Float64Array(width);
    back(dOut, dLogits, parameters.output, width);
    dLogits.forEach((d, v) => {
      bias[v] += d;
      addTo(output, v, out, d);
    });
    backward(dOut);
  });
  return { loss, gradients: { ...prepared.gradients(), output, output_bias: bias } };
}
