// N-gram models by Witten-Bell interpolation, as lecture21.ngram computes them, for the lines beside a reader's text.

const SLICE = 20_000; // tokens that are counted before the page has its turn

/**
 * Count a text once, and return the loss of the models of order 1 to `order` on another, in nats per token, whose
 * windows begin without context, as lecture21.evaluate cuts them.
 *
 * p(w|h) = (c(hw) + N1+(h.) p(w|h')) / (c(h.) + N1+(h.)), as in lecture21.ngram. All n-grams are the nodes of one tree,
 * whose root is the empty context.
 * @param {Int32Array} tokens
 * @param {Int32Array} validation
 * @param {{order: number, vocabulary: number, blockSize: number, turn?: () => Promise<void>}} options
 *   turn: lets the page do something else for a while
 * @returns {Promise<number[]>}
 */
export async function ngramLosses(tokens, validation, { order, vocabulary, blockSize, turn = nextTask }) {
  /** The node of both together, by context * V + token. @type {Map<number, number>} */
  const children = new Map();
  const times = [0]; // of each node, how often its n-gram was seen: c(hw)
  const totals = [0]; // how often anything followed: c(h.)
  const distinct = [0]; // how many different tokens followed: N1+(h.)
  for (let start = 0; start < tokens.length; start++) {
    let node = 0;
    for (let i = start; i < Math.min(start + order, tokens.length); i++) {
      const key = node * vocabulary + tokens[i];
      totals[node]++;
      let child = children.get(key);
      if (child === undefined) {
        child = times.length;
        children.set(key, child);
        times.push(0);
        totals.push(0);
        distinct.push(0);
        distinct[node]++;
      }
      times[child]++;
      node = child;
    }
    if (start % SLICE === SLICE - 1) await turn();
  }

  const sums = new Array(order).fill(0);
  for (let t = 0; t + 1 < validation.length; t++) {
    const available = (t % blockSize) + 1; // tokens of context in this window
    let p = 1 / vocabulary;
    for (let length = 0; length < order; length++) {
      let node = length <= available ? 0 : undefined;
      for (let i = t - length + 1; i <= t && node !== undefined; i++)
        node = children.get(node * vocabulary + validation[i]);
      if (node !== undefined && totals[node]) {
        const child = children.get(node * vocabulary + validation[t + 1]);
        p = ((child === undefined ? 0 : times[child]) + distinct[node] * p) / (totals[node] + distinct[node]);
      }
      sums[length] -= Math.log(p);
    }
    if (t % SLICE === SLICE - 1) await turn();
  }
  return sums.map((sum) => sum / (validation.length - 1));
}

/** Wait until the page has done what waits. */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}
