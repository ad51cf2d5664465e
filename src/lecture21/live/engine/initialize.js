// New weights, drawn as the package draws them: torch's default, GPT-1's, GPT-2's, or zeros for what feeds the stream.

import { countOf } from "./config.js";
import { Random } from "./random.js";

/** @typedef {import("./config.js").Parameter} Parameter */

const STD = 0.02;
const RESIDUAL = /(attention\.output|feed_forward\.down)\.\w+$/;
const EXPERTS = /feed_forward\.(experts|shared)\.down\.\w+$/;

/**
 * Fill parameters with new weights.
 * @param {import("./config.js").Config} config
 * @param {Parameter[]} parameters
 * @param {number} seed
 * @param {Float32Array} floats  the memory
 */
export function initialize(config, parameters, seed, floats) {
  const random = new Random(seed);
  for (const [index, parameter] of parameters.entries()) {
    const draw = distribution(config, parameter, parameters[index - 1], random);
    const count = countOf(parameter.shape);
    for (let i = 0; i < count; i++) floats[parameter.offset + parameter.place(i)] = draw();
  }
}

/**
 * What the numbers of one parameter are drawn from.
 * @param {import("./config.js").Config} config
 * @param {Parameter} parameter
 * @param {Parameter} previous  for a bias, the weight that it belongs to
 * @param {Random} random
 * @returns {() => number}
 */
function distribution({ initialization, tied_head: tied, n_layer: layers }, { name, shape, kind }, previous, random) {
  const normal = (/** @type {number} */ std) => () => std * random.normal();
  const isBias = name.endsWith("bias");
  if (kind === "buffer") return () => 0;
  if (kind === "vector" && /(^|\.)(norm|norm_\w+|\w+_norm)\.\w+$/.test(name)) return () => (isBias ? 0 : 1);
  if (initialization === "gpt1" || initialization === "gpt2") {
    if (isBias) return () => 0;
    return normal(initialization === "gpt2" && RESIDUAL.test(name) ? STD / Math.sqrt(2 * layers) : STD);
  }
  const isHead = name.startsWith("head.");
  if (initialization === "zero" && (isHead || RESIDUAL.test(name) || EXPERTS.test(name))) return () => 0;
  if (kind === "embedding") return normal(tied ? STD : 1);
  const inputs = /** @type {number} */ ((isBias ? previous.shape : shape).at(-1));
  return () => (2 * random.uniform() - 1) / Math.sqrt(inputs);
}
