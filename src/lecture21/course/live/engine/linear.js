// Linear maps with their gradient, and the feed-forward layer that two or three of them form.

import { matrix, transposed } from "./memory.js";
import { activate } from "./pointwise.js";

/**
 * @typedef {import("./network.js").Network} Network
 * @typedef {import("./network.js").Linear} Linear
 * @typedef {import("./network.js").FeedForward} FeedForward
 */

/**
 * y = x W + bias, or y = y + x W + bias.
 * @param {Network} network
 * @param {Linear} map
 * @param {number} x
 * @param {number} stride  of x
 * @param {number} y  its rows are as wide as the outputs
 * @param {number} rows
 * @param {boolean} [adds]
 */
export function applyLinear({ memory }, { weight, bias, inputs, outputs }, x, stride, y, rows, adds = false) {
  const f = memory.floats;
  if (bias && adds) {
    for (let row = 0; row < rows; row++) for (let i = 0; i < outputs; i++) f[y + row * outputs + i] += f[bias + i];
  } else if (bias) {
    for (let row = 0; row < rows; row++) f.copyWithin(y + row * outputs, bias, bias + outputs);
  }
  const sizes = [rows, inputs, outputs];
  memory.multiply(sizes, matrix(x, stride), matrix(weight, outputs), matrix(y, outputs), adds || bias > 0);
}

/**
 * y = down(activation(up(x))), or y = y + ...; what lies between is written to the three places given.
 * @param {Network} network
 * @param {FeedForward} maps
 * @param {number} x
 * @param {number} hidden
 * @param {number} gate
 * @param {number} active
 * @param {number} y
 * @param {number} rows
 * @param {boolean} adds
 */
export function applyFeedForward(network, maps, x, hidden, gate, active, y, rows, adds) {
  applyLinear(network, maps.up, x, network.width, hidden, rows);
  if (maps.gate) applyLinear(network, maps.gate, x, network.width, gate, rows);
  activate(network.memory, network.config.activation, hidden, gate, active, rows * maps.up.outputs);
  applyLinear(network, maps.down, active, maps.up.outputs, y, rows, adds);
}

/**
 * The gradient of `applyLinear`: that of the input is written or added to dx, those of weight and bias are added.
 * @param {Network} network
 * @param {Linear} map
 * @param {number} x
 * @param {number} stride  of x
 * @param {number} dy
 * @param {number} dx
 * @param {number} strideOut  of dx
 * @param {number} rows
 * @param {boolean} adds
 */
export function linearBackward({ memory, toGradient }, map, x, stride, dy, dx, strideOut, rows, adds) {
  const { weight, bias, inputs, outputs } = map;
  const f = memory.floats;
  const output = matrix(dy, outputs);
  const gradient = matrix(weight + toGradient, outputs);
  memory.multiply([inputs, rows, outputs], transposed(x, stride), output, gradient, true);
  memory.multiply([rows, outputs, inputs], output, transposed(weight, outputs), matrix(dx, strideOut), adds);
  if (!bias) return;
  const sums = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) for (let i = 0; i < outputs; i++) sums[i] += f[dy + row * outputs + i];
  for (let i = 0; i < outputs; i++) f[bias + toGradient + i] += sums[i];
}
