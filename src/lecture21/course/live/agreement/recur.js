// A recurrent network over the words of a sentence, h' = tanh(W x + b + U h + c) as in torch.nn.RNN: forward and back.

import { addTo, back, outer, project } from "../kit/rows.js";

/**
 * Compute what each word of the vocabulary adds to the state.
 * @param {import("./models.js").Model} model
 */
export function prepareRecurrence({ parameters, width }) {
  const inputs = project(parameters.vectors, parameters.input, width);
  for (let i = 0; i < inputs.length; i++) {
    inputs[i] += parameters.input_bias[i % width] + parameters.recurrent_bias[i % width];
  }
  const { recurrent } = parameters;
  const columns = recurrent.map((_, i) => recurrent[(i % width) * width + Math.floor(i / width)]); // sums run in parallel
  return { inputs, recurrent, columns };
}

/**
 * @param {ReturnType<typeof prepareRecurrence>} tables
 * @param {number[]} words  ids
 * @param {number} width
 */
export function recurrence({ inputs, columns }, words, width) {
  const states = new Float64Array((words.length + 1) * width); // the first is 0
  for (let t = 0; t < words.length; t++) {
    const after = (t + 1) * width;
    for (let c = 0; c < width; c++) states[after + c] = inputs[words[t] * width + c];
    for (let i = 0, at = 0; i < width; i++) {
      const before = states[t * width + i];
      for (let c = after; c < after + width; c++, at++) states[c] += columns[at] * before;
    }
    for (let c = after; c < after + width; c++) states[c] = Math.tanh(states[c]);
  }
  return { states, out: states.slice(words.length * width) };
}

/** Gradients of the tables, all 0. */
export function emptyRecurrence(/** @type {ReturnType<typeof prepareRecurrence>} */ { inputs, recurrent }) {
  return { inputs: new Float64Array(inputs.length), recurrent: new Float64Array(recurrent.length) };
}

/**
 * Add the gradients of one sentence, from the last word back to the first.
 * @param {ReturnType<typeof prepareRecurrence>} tables
 * @param {ReturnType<typeof emptyRecurrence>} gradients
 * @param {{states: Float64Array}} found
 * @param {number[]} words
 * @param {Float64Array} dOut  of the last state
 */
export function recurrenceBackward({ recurrent }, gradients, { states }, words, dOut) {
  const width = dOut.length;
  const dRecurrent = gradients.recurrent;
  const [dState, inner] = [dOut.slice(), new Float64Array(width)];
  for (let t = words.length - 1; t >= 0; t--) {
    for (let c = 0; c < width; c++) inner[c] = dState[c] * (1 - states[(t + 1) * width + c] ** 2);
    addTo(gradients.inputs, words[t], inner, 1);
    dState.fill(0);
    for (let c = 0, at = 0; c < width; c++) {
      const d = inner[c];
      for (let i = 0, before = t * width; i < width; i++, at++, before++) {
        dRecurrent[at] += d * states[before];
        dState[i] += d * recurrent[at];
      }
    }
  }
}

/**
 * Turn the gradients of the tables into those of the parameters.
 * @param {import("./models.js").Model} model
 * @param {ReturnType<typeof emptyRecurrence>} gradients
 * @returns {Record<string, Float64Array>}
 */
export function recurrenceParameters({ parameters, width }, { inputs, recurrent }) {
  const bias = new Float64Array(width);
  inputs.forEach((d, i) => (bias[i % width] += d));
  const input = new Float64Array(parameters.input.length);
  outer(input, inputs, parameters.vectors, width);
  const vectors = new Float64Array(parameters.vectors.length);
  back(vectors, inputs, parameters.input, width);
  return { vectors, input, recurrent, input_bias: bias, recurrent_bias: bias.slice() };
}
