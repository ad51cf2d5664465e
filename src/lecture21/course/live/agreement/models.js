// The models of chapters 01 to 05, each of which reads the words of a sentence and predicts the verb.

import { normal, seededRandom, softmax } from "../kit/numbers.js";
import { attend, backward, crossEntropy, gather, given, linear, sum, tanh } from "../kit/tape.js";
import { FIRST_VERB, N_VERB } from "./task.js";

const [SIZE, WIDTH] = [44, 32]; // of the vocabulary, and of the vectors
const MATRICES = ["query", "key", "value"];
const WAVE = 10000; // of the sinusoids (Vaswani et al. 2017)

/**
 * What distinguishes the models: `bag` averages all words, and `matrices` are W_q, W_k and W_v.
 * @type {Record<string, {name: string, rate: number, recurrent?: boolean, bag?: boolean, matrices?: boolean,
 *   positions?: boolean}>}
 */
export const KINDS = {
  bag: { name: "bag of words", rate: 0.03, bag: true },
  rnn: { name: "RNN", rate: 0.01, recurrent: true },
  basic: { name: "basic self-attention", rate: 0.03 },
  head: { name: "learned head", rate: 0.03, matrices: true },
  positions: { name: "head with positions", rate: 0.03, matrices: true, positions: true },
};

/**
 * @typedef {object} Model
 * @property {string} kind
 * @property {number} width
 * @property {Record<string, Float64Array>} parameters
 */

/**
 * Return a model with random weights, as the chapters draw them: vectors of words from N(0, 1) for the RNN, and of
 * length 1 on average for attention.
 * @param {string} kind
 * @param {number} seed
 * @returns {Model}
 */
export function newModel(kind, seed) {
  const { recurrent, matrices } = KINDS[kind];
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
  return { kind, width: WIDTH, parameters };
}

/** @typedef {import("../kit/tape.js").Tensor} Tensor */

/**
 * Return the sinusoidal vectors of positions, as lecture21.layers.positions computes them.
 * @param {number} length
 * @param {number} width
 */
function sinusoids(length, width) {
  const angle = (/** @type {number} */ t, /** @type {number} */ i) => t * WAVE ** (-(i - (i % 2)) / width);
  return Float64Array.from({ length: length * width }, (_, at) => {
    const [t, i] = [Math.floor(at / width), at % width];
    return (i % 2 ? Math.cos : Math.sin)(angle(t, i));
  });
}

/** The last state of a recurrent network, h' = tanh(W x + b + U h + c) as in torch.nn.RNN, which begins at 0. */
function recurrence(/** @type {Record<string, Tensor>} */ p, /** @type {number[][]} */ sentences) {
  const inputs = sum(sum(linear(p.vectors, p.input), p.input_bias), p.recurrent_bias); // of each word of the vocabulary
  /** @type {Tensor | null} */
  let state = null;
  for (const t of sentences[0].keys()) {
    const added = gather(
      inputs,
      sentences.map((words) => words[t]),
    );
    state = tanh(state ? sum(added, linear(state, p.recurrent)) : added);
  }
  return /** @type {Tensor} */ (state);
}

/**
 * One attention head at the last word. Words are few: queries, keys and values are computed once for each word of the
 * vocabulary. Without matrices they are the vectors, and scores are not scaled, as in `basic_self_attention`. In a bag of
 * words, all scores are 0, so that the head is the mean.
 */
function head(
  /** @type {Model} */ { kind, width },
  /** @type {Record<string, Tensor>} */ p,
  /** @type {number[][]} */ sentences,
) {
  /** What rows of vectors add to queries, keys and values. */
  const source = (/** @type {Tensor} */ vectors, /** @type {number[][]} */ rows) => {
    const [query, keys, values] = MATRICES.map((name) => (p[name] ? linear(vectors, p[name]) : vectors));
    const asked = rows.map((each) => each[each.length - 1]);
    return { query: gather(query, asked), keys, values, rows };
  };
  const sources = [source(p.vectors, sentences)];
  const { bag, matrices, positions } = KINDS[kind];
  if (positions) {
    const places = [...sentences[0].keys()];
    const vectors = given(sinusoids(places.length, width), width);
    sources.push(
      source(
        vectors,
        sentences.map(() => places),
      ),
    );
  }
  const query = sources.map((each) => each.query).reduce(sum);
  return attend(query, sources, bag ? 0 : matrices ? 1 / Math.sqrt(width) : 1);
}

/**
 * Return what a model says after the last word of sentences of one length: logits, and attention if it has any.
 * @param {Model} model
 * @param {number[][]} sentences
 */
function forward(model, sentences) {
  const { parameters, width, kind } = model;
  const tensors = Object.entries(parameters).map(([name, data]) => {
    return [name, given(data, name.endsWith("bias") ? data.length : width, true)];
  });
  /** @type {Record<string, Tensor>} */
  const p = Object.fromEntries(tensors);
  const found = KINDS[kind].recurrent
    ? { out: recurrence(p, sentences), weights: null }
    : (({ weights, ...out }) => ({ out, weights: KINDS[kind].bag ? null : weights }))(head(model, p, sentences));
  return { p, logits: sum(linear(found.out, p.output), p.output_bias), weights: found.weights };
}

/**
 * Return what a model says of each sentence: the logits of the verb's place, and its attention to the words it sees.
 * @param {Model} model
 * @param {import("./task.js").Sentence[]} sentences
 * @returns {{logits: Float64Array, weights: Float64Array | null}[]}
 */
export function read(model, sentences) {
  /** @type {{logits: Float64Array, weights: Float64Array | null}[]} */
  const found = [];
  for (const length of new Set(sentences.map(({ words }) => words.length))) {
    const which = [...sentences.keys()].filter((i) => sentences[i].words.length === length);
    const { logits, weights } = forward(
      model,
      which.map((i) => sentences[i].words),
    );
    which.forEach((i, n) => {
      found[i] = { logits: logits.data.subarray(n * SIZE, (n + 1) * SIZE), weights: weights && weights[n] };
    });
  }
  return found;
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
 */
export function scoreOf(model, sentences) {
  const right = read(model, sentences).filter(({ logits }, i) => pluralShare(logits) > 0.5 === sentences[i].plural);
  return right.length / sentences.length;
}

/**
 * Return the mean cross-entropy of the verbs in nats, and its gradients.
 * @param {Model} model
 * @param {import("./task.js").Sentence[]} sentences  of one length
 * @returns {{loss: number, gradients: Record<string, Float64Array>}}
 */
export function lossAndGradients(model, sentences) {
  const inputs = sentences.map(({ words }) => words);
  const { p, logits } = forward(model, inputs);
  const loss = crossEntropy(
    logits,
    sentences.map(({ rest }) => rest[0]),
  );
  backward(loss);
  return { loss: loss.data[0], gradients: Object.fromEntries(Object.keys(p).map((name) => [name, p[name].gradient])) };
}
