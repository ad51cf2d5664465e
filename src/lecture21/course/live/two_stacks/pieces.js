// The eight pieces of figure 1 of Vaswani et al. 2017, in the order in which a text passes them, and what is left of the
// model without some.

/** The sizes of the paper's base model, for a source of three words and a target of four inputs. */
export const SIZES = { S: 3, T: 4, C: 512, F: 2048, V: 37000, H: 8 };
export const SOURCE = ["the", "cat", "slept"];
export const TARGET = ["<bos>", "die", "Katze", "schlief"];
export const PREDICTED = ["die", "Katze", "schlief", "<eos>"];
/** What a BERT reads, and what it predicts. */
export const HIDDEN = ["the", "▢", "slept"];
export const FILLED = ["·", "cat", "·"];

/**
 * @typedef {object} Piece
 * @property {string} name
 * @property {"encoder" | "decoder" | "output"} stack
 * @property {string} about
 * @property {[string, string][]} shapes  what a tensor is, and its dimensions as letters of SIZES
 * @property {boolean} [attends]
 */

/** @type {Piece[]} */
export const PIECES = [
  {
    name: "embedding",
    stack: "encoder",
    about: "Each word of the source becomes a vector: that of its token plus that of its position.",
    shapes: [["out", "S C"]],
  },
  {
    name: "self-attention",
    stack: "encoder",
    about: "Each word of the source attends to all of them. Nothing is hidden.",
    shapes: [
      ["in", "S C"],
      ["weights of each head", "S S"],
      ["out", "S C"],
    ],
    attends: true,
  },
  {
    name: "feed-forward",
    stack: "encoder",
    about: "Each vector is processed alone. After the last block this is the memory, one vector for each word.",
    shapes: [
      ["in", "S C"],
      ["inside", "S F"],
      ["out: the memory", "S C"],
    ],
  },
  {
    name: "embedding",
    stack: "decoder",
    about: "The target so far becomes vectors. It begins with <bos>, so each position can predict the next word.",
    shapes: [["out", "T C"]],
  },
  {
    name: "causal self-attention",
    stack: "decoder",
    about: "Each word of the target attends to itself and to those before it.",
    shapes: [
      ["in", "T C"],
      ["weights of each head", "T T"],
      ["out", "T C"],
    ],
    attends: true,
  },
  {
    name: "cross-attention",
    stack: "decoder",
    about: "Queries from the target, keys and values from the memory: a second softmax in every row.",
    shapes: [
      ["in: queries", "T C"],
      ["memory: keys, values", "S C"],
      ["weights of each head", "T S"],
      ["out", "T C"],
    ],
    attends: true,
  },
  {
    name: "feed-forward",
    stack: "decoder",
    about: "Each vector is processed alone.",
    shapes: [
      ["in", "T C"],
      ["inside", "T F"],
      ["out", "T C"],
    ],
  },
  {
    name: "linear, softmax",
    stack: "output",
    about: "At each position, a probability for every word of the vocabulary to be the next one.",
    shapes: [
      ["in", "T C"],
      ["out", "T V"],
    ],
  },
];

/** The name of a piece, with its stack where both have one. */
export const nameOf = (/** @type {number} */ piece) => {
  const { name, stack } = PIECES[piece - 1];
  return PIECES.some((each, i) => i !== piece - 1 && each.name === name) ? `${stack}'s ${name}` : name;
};

/**
 * May a row attend to a column? Of the three attentions, only the target's own is causal.
 * @param {number} piece
 * @param {number} row
 * @param {number} column
 */
export const may = (piece, row, column) => piece !== 5 || column <= row;

/**
 * @typedef {object} Held
 * @property {"all" | "gpt" | "bert" | "weaker" | "broken"} kind
 * @property {string} name
 * @property {string} says
 */

/**
 * What is left if pieces are crossed out.
 * @param {(piece: number) => boolean} isOut
 * @returns {Held}
 */
export function held(isOut) {
  const left = (/** @type {number[]} */ ...pieces) => pieces.filter((piece) => !isOut(piece)).length;
  const encoder = left(1, 2, 3);
  const decoder = left(4, 5, 6, 7);
  const broken = (/** @type {string} */ says) => ({ kind: /** @type {const} */ ("broken"), name: "no model", says });
  const weaker = (/** @type {string} */ says) => ({
    kind: /** @type {const} */ ("weaker"),
    name: "a weaker model",
    says,
  });
  if (encoder + decoder === 7 && left(8))
    return {
      kind: "all",
      name: "the transformer of 2017",
      says: "It models P(Y | X), the probability of a target given a source. BART and T5 keep all of it.",
    };
  if (encoder + decoder === 0) return broken("No stack is left that reads or writes.");
  if (!left(8)) return broken("Vectors come out, and no probabilities.");
  if (encoder && isOut(1)) return broken("The encoder has no input.");
  if (decoder && isOut(4)) return broken("The decoder has no input, so nothing asks: there are no queries.");
  if (!encoder && left(6)) return broken("Cross-attention has nothing to read: no memory, so no keys and no values.");
  if (encoder && decoder && isOut(6))
    return weaker("Nobody reads the memory: the encoder computes in vain. Cross out its pieces, too.");
  if (!decoder) {
    if (isOut(2)) return weaker("The vector of ▢ knows nothing of its neighbors, so it can only guess.");
    if (isOut(3)) return weaker(COLLECTS);
    return {
      kind: "bert",
      name: "a BERT",
      says:
        "Every word attends to both sides, so no word can be predicted from its past alone. It is trained to fill in " +
        "hidden words, and these predictions are no P(X).",
    };
  }
  if (isOut(5)) {
    return weaker(
      encoder
        ? "Each word is predicted from the source and the one word before it; earlier ones are out of reach."
        : "Each word is predicted from the one word before it and its position: nearly a table of pairs.",
    );
  }
  if (encoder && isOut(2)) return weaker("Each memory vector knows its own word and nothing of its neighbors.");
  if (isOut(7) || (encoder && isOut(3))) return weaker(COLLECTS);
  return {
    kind: "gpt",
    name: "a GPT",
    says:
      "One stack and one softmax in a row are left. Without a source, the target is all there is to model: call it X, " +
      "and the model is P(X).",
  };
}

const COLLECTS = "It runs. Attention collects, and nothing computes with what it has collected.";
