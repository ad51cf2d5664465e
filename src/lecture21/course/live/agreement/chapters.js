// What each chapter shows of agreement at a distance: its models, their names and colors, and what to try.

/** @type {Record<number, string[]>}  kinds of models */
export const CHAPTERS = {
  1: ["rnn"],
  2: ["unweighted", "embedded"],
  3: ["unweighted", "head"],
  4: ["head", "open"],
  5: ["head", "positions"],
};
/** What a head is called beside another one: by what it lacks or has. @type {Record<number, Record<string, string>>} */
export const BESIDE = { 4: { head: "head with the mask" }, 5: { head: "head without positions" } };
/** @type {Record<string, number>} */
export const COLORS = { rnn: 1, unweighted: 4, embedded: 5, head: 0, open: 3, positions: 2 }; // among the series

export const ADVICE = {
  distance: {
    first: "Draw on the chart what score you expect at each distance. Then press Train, and move the slider.",
    then: "each distance that you visit adds its score to the chart. At 0.5, the model tosses a coin.",
  },
  open: {
    first: "Press Train. Then show the words after the gap, and hide them again.",
    then: "the bar of the head without a mask jumps to the verb, and its score depends on what it is shown.",
  },
};
