// From logits to the next token, by the rules of lecture21.generation.

/**
 * @typedef {{ temperature?: number, topK?: number | null, topP?: number | null, greedy?: boolean }} Sampling
 */

/**
 * Check the options once, before anything is generated.
 * @param {Sampling} options
 * @param {number} vocabulary
 */
export function checkSampling({ temperature = 1, topK = null, topP = null }, vocabulary) {
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new Error(`The temperature must be a positive number, got ${temperature}; for the limit 0 choose greedy.`);
  }
  if (topK !== null && !(Number.isInteger(topK) && topK >= 1 && topK <= vocabulary)) {
    throw new Error(`top-k must be a whole number from 1 to ${vocabulary}, got ${topK}.`);
  }
  if (topP !== null && !(topP > 0 && topP <= 1)) throw new Error(`top-p must be above 0 and at most 1, got ${topP}.`);
}

/**
 * The distribution of the next token: temperature first, then top-k (and what ties with the k-th), then top-p of the
 * rest, which keeps the fewest tokens that together reach p.
 * @param {Float32Array} logits
 * @param {Sampling} options
 * @returns {Float32Array}
 */
export function nextTokenProbabilities(logits, { temperature = 1, topK = null, topP = null }) {
  let largest = -Infinity;
  for (const logit of logits) largest = logit > largest || logit !== logit ? logit : largest;
  if (!isFinite(largest)) {
    throw new Error(`The largest logit is ${largest}, not a number: did the training of this model diverge?`);
  }
  const scaled = logits.map((logit) => Math.fround(logit - largest) / Math.max(temperature, 1.1754943508222875e-38));
  const least = topK === null ? -Infinity : scaled.slice().sort((a, b) => b - a)[topK - 1];
  let sum = 0;
  const p = scaled.map((logit) => (logit < least ? 0 : Math.exp(logit)));
  for (const value of p) sum += value;
  for (let i = 0; i < p.length; i++) p[i] /= sum;
  if (topP === null) return p;
  // In the precision of torch, so that the same token is the last one.
  const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a] || a - b);
  let reached = 0;
  let kept = 0;
  order.forEach((token, rank) => {
    reached += p[token];
    const before = Math.fround(Math.fround(reached) - p[token]);
    if (rank && before >= topP) p[token] = 0;
    else kept += p[token];
  });
  for (let i = 0; i < p.length; i++) p[i] /= kept;
  return p;
}

/**
 * The first token up to which the probabilities sum to more than a uniform number.
 * @param {Float32Array} probabilities
 * @param {number} uniform  in [0, 1)
 */
export function choose(probabilities, uniform) {
  let sum = 0;
  let last = 0;
  for (const [token, p] of probabilities.entries()) {
    if (!p) continue;
    last = token;
    sum += p;
    if (uniform < sum) return token;
  }
  return last; // the sum may stay a rounding below 1
}

/** The most likely token, the first one of equal ones. */
export function mostLikely(/** @type {Float32Array} */ logits) {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}
