// New weights, drawn as the package draws them: torch's default, or zeros for what feeds the stream.

import { countOf } from "./config.js";
import { Random } from "./random.js";

/** @typedef {import("./config.js").Parameter} Parameter */

const RESIDUAL = /(attention\.output|feed_forward\.down)\.\w+$/;

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
function distribution({ initialization }, { name, shape, kind }, previous, random) {
  const isBias = name.endsWith("bias");
  if (kind === "vector" && /(^|\.)(norm|norm_\w+|\w+_norm)\.\w+$/.test(name)) return () => (isBias ? 0 : 1);
  if (initialization === "zero" && (name.startsWith("head.") || RESIDUAL.test(name))) return () => 0;
  if (kind === "embedding") return () => random.normal();
  const inputs = /** @type {number} */ ((isBias ? previous.shape : shape).at(-1));
  return () => (2 * random.uniform() - 1) / Math.sqrt(inputs);
}
