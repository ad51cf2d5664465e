// N-gram models from a file of counts (lecture21.course.live.write.ngrams), with Witten-Bell interpolation as in lecture21.ngram.

/**
 * @typedef {{codes: Int32Array, counts: Int32Array}} Level  the n-grams of one length, sorted, as numbers in base V
 * @typedef {{symbols: string[], size: number, levels: Level[]}} NGrams  size: V, with the unknown symbol
 */

/**
 * Read a file of counts.
 * @param {ArrayBuffer} file
 * @returns {Promise<NGrams>}
 */
export async function readNGrams(file) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const end = bytes.indexOf(10);
  const { symbols, tail } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const alphabet = [...symbols];
  const size = alphabet.length + 1;
  /** @type {Level[]} */
  const levels = [];
  let at = end + 1;
  let contexts = Int32Array.of(0);
  for (let length = 0; length < tail.length; length++) {
    const degrees = bytes.subarray(at, (at += contexts.length));
    const codes = new Int32Array(degrees.reduce((sum, degree) => sum + degree, 0));
    const modulus = size ** Math.max(length - 1, 0);
    let next = 0;
    contexts.forEach((context, i) => {
      const from = length ? find(levels[length - 1].codes, (context % modulus) * size) : 0;
      let rank = from;
      for (let child = 0; child < degrees[i]; child++, rank++) {
        rank += bytes[at++];
        codes[next++] = context * size + (length ? levels[length - 1].codes[rank] % size : rank);
      }
    });
    levels.push({ codes, counts: new Int32Array(codes.length) });
    contexts = codes;
  }
  const last = levels[levels.length - 1];
  for (let i = 0; i < last.counts.length; i++) {
    for (let place = 1; ; place *= 128) {
      const byte = bytes[at++];
      last.counts[i] += (byte % 128) * place;
      if (byte < 128) break;
    }
  }
  for (let length = levels.length - 1; length > 0; length--) {
    const { codes, counts } = levels[length - 1];
    let i = 0;
    levels[length].codes.forEach((longer, child) => {
      while (codes[i] !== Math.floor(longer / size)) i++;
      counts[i] += levels[length].counts[child];
    });
    counts[find(codes, code(tail.slice(-length), size))]++; // at the end of the text, where nothing follows
  }
  return { symbols: alphabet, size, levels };
}

/**
 * Return the nats of each token but the first, under an n-gram model that sees the whole text.
 * @param {NGrams} ngrams
 * @param {number[]} ids
 * @param {number} order  n
 * @returns {Float64Array}  ids.length - 1
 */
export function nGramNats({ levels, size }, ids, order) {
  return Float64Array.from({ length: Math.max(ids.length - 1, 0) }, (_, t) => {
    let p = 1 / size;
    for (let length = 0; length < Math.min(order, t + 2); length++) {
      const { codes, counts } = levels[length];
      const context = code(ids.slice(t + 1 - length, t + 1), size) * size;
      const [from, to] = [find(codes, context), find(codes, context + size)];
      if (from === to) break; // a context without counts has the probabilities of the shorter one
      let total = 0;
      for (let i = from; i < to; i++) total += counts[i];
      const place = find(codes, context + ids[t + 1]);
      const count = codes[place] === context + ids[t + 1] ? counts[place] : 0;
      p = (count + (to - from) * p) / (total + to - from);
    }
    return -Math.log(p);
  });
}

/** The ids of an n-gram as one number. */
function code(/** @type {number[]} */ ids, /** @type {number} */ size) {
  return ids.reduce((sum, id) => sum * size + id, 0);
}

/** The first place in sorted codes whose code is not smaller. */
function find(/** @type {Int32Array} */ codes, /** @type {number} */ wanted) {
  let [low, high] = [0, codes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (codes[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
