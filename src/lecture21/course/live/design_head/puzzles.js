// The puzzles: what heads may read and write, what each word should write, three hints and a solution.

import { namesOf, NOTHING, oneHot, STRENGTHS } from "./compute.js";

/** @typedef {import("./compute.js").Feature} Feature @typedef {import("./compute.js").Family} Family */
/** @typedef {import("./compute.js").Word} Word */

/**
 * @typedef {object} Puzzle
 * @property {string} id
 * @property {string} title
 * @property {Family} family
 * @property {number} layers
 * @property {string} task
 * @property {string} writes  the feature, or the slot, that the task asks for
 * @property {(words: Word[], i: number) => {write: number | string, from: number[]} | null} wanted
 *   what word i should write, and which words it should find for that; null if it does not matter
 * @property {string[]} hints
 * @property {string} solution
 * @property {string} why  a design that is right is
 * @property {Written[]} design  the solution, layer by layer
 * @property {Written[]} half  the half of a solution with which the reader starts
 *
 * What each rule of a layer compares and adds, what is written, and where.
 * @typedef {{rules: [string, string, number][], value: string, slot?: string}} Written
 */

const flag = (/** @type {string} */ reads, /** @type {string} */ says, brief = reads) => ({
  reads,
  says,
  brief,
  kind: "flag",
});
const name = (/** @type {string} */ reads, /** @type {string} */ says, brief = reads) => ({
  reads,
  says,
  brief,
  kind: "name",
});
const place = (/** @type {string} */ reads, /** @type {string} */ says, brief = reads) => ({
  reads,
  says,
  brief,
  kind: "place",
});

/** Sentences whose words have features. @type {Family} */
const SENTENCE = {
  asks: [
    flag("one", "Every word", "every word"),
    flag("noun", "A noun"),
    flag("adjective", "An adjective"),
    flag("verb", "A verb"),
    flag("plural", "A plural word"),
    name("name", "Every word, by its name,", "name"),
  ],
  offers: [
    flag("noun", "a noun"),
    flag("person", "a person"),
    flag("adjective", "an adjective"),
    flag("verb", "a verb"),
    flag("plural", "a plural word"),
    flag("late", "late words, per place", "place"),
    name("name", "the same name", "name"),
  ],
  values: [
    name("name", "its name", "name"),
    flag("noun", "noun: 1 or 0"),
    flag("person", "person: 1 or 0"),
    flag("adjective", "adjective: 1 or 0"),
    flag("verb", "verb: 1 or 0"),
    flag("plural", "plural: 1 or 0"),
  ],
  slots: [],
  rules: 2,
  text: ["", "looks for", "score"],
  vectors: (words) => {
    const names = namesOf(words);
    return words.map((word, i) => ({
      one: [1],
      late: [i],
      name: oneHot(names.indexOf(word.name), names.length),
      noun: [word.noun],
      person: [word.person],
      adjective: [word.adjective],
      verb: [word.verb],
      plural: [word.plural],
    }));
  },
};

/** Sequences of names, in which a layer can leave something for the next. @type {Family} */
const SEQUENCE = {
  asks: [
    name("name", "its name", "name"),
    place("place", "its place", "place"),
    place("earlier", "its place − 1", "place − 1"),
    place("later", "its place + 1", "place + 1"),
    name("before", "its “word before”", "word before"),
  ],
  offers: [
    name("name", "their name", "name"),
    place("place", "their place", "place"),
    name("before", "their “word before”", "word before"),
  ],
  values: [name("name", "its name", "name"), name("before", "its “word before”", "word before")],
  slots: [name("before", "“word before”", "word before"), name("next", "“next word”", "next word")],
  rules: 1,
  text: ["A word compares", "with", "score if equal"],
  vectors: (words) => {
    const names = namesOf(words);
    const none = names.map(() => 0);
    return words.map((word, i) => ({
      name: oneHot(names.indexOf(word.name), names.length),
      place: oneHot(i, words.length),
      earlier: oneHot(i - 1, words.length),
      later: oneHot(i + 1, words.length),
      before: none,
      next: none,
    }));
  },
};

/** Places of the words up to i for which something is true. */
const upTo = (
  /** @type {Word[]} */ words,
  /** @type {number} */ i,
  /** @type {(word: Word, j: number) => unknown} */ holds,
) => words.flatMap((word, j) => (j <= i && holds(word, j) ? [j] : []));

/** @type {Puzzle[]} */
const PUZZLES = [
  {
    id: "subject",
    title: "The subject’s number",
    family: SENTENCE,
    layers: 1,
    task: "The word before the verb must know whether “is” or “are” follows. There, write 1 if the subject is plural and 0 if not.",
    writes: "plural",
    wanted: (words, i) => {
      if (!words[i + 1]?.verb) return null;
      const from = upTo(words, i, ({ person }) => person);
      return { write: words[from[0]].plural, from };
    },
    hints: [
      "Reading and writing are separate: a head may look for one feature and write another.",
      "Which feature does the subject have that no other noun of these sentences has?",
      "A score s gives a word e^s times the weight of a word with the score 0. It has up to 13 rivals.",
    ],
    solution: "Every word looks for a person, +8, and writes “plural”.",
    why: "Who the subject is and what it says are two things: the head looks for a person and writes a number.",
    design: [{ rules: [["one", "person", 8]], value: "plural" }],
    half: [{ rules: [["one", "noun", 8]], value: "plural" }],
  },
  {
    id: "adjective",
    title: "Any adjective before me?",
    family: SENTENCE,
    layers: 1,
    task: "At each noun and each verb, write 1 if an adjective has come before it, and 0 if none has.",
    writes: "adjective",
    wanted: (words, i) => {
      if (!words[i].noun && !words[i].verb) return null;
      const from = upTo(words, i, ({ adjective }) => adjective);
      return { write: from.length ? 1 : 0, from };
    },
    hints: [
      "The weights sum to 1 also where there is nothing to find. What should the words write that are then averaged?",
      "One adjective with the score s has the weight e^s / (e^s + n) among n other words. At most, n is 12.",
      "Nouns and verbs ask the same thing, so one rule can serve both.",
    ],
    solution:
      "Every word looks for an adjective, +4 or more, and writes “adjective”. Where there is none, 0 is averaged.",
    why: "One adjective outweighs all others together, and without one there are only zeros to average.",
    design: [{ rules: [["one", "adjective", 8]], value: "adjective" }],
    half: [{ rules: [["one", "adjective", 1]], value: "adjective" }],
  },
  {
    id: "nearest",
    title: "The nearest noun",
    family: SENTENCE,
    layers: 1,
    task: "From the first noun on, let every word write the name of the latest noun so far.",
    writes: "name",
    wanted: (words, i) => {
      const from = upTo(words, i, ({ noun }) => noun).slice(-1);
      return from.length ? { write: words[from[0]].name, from } : null;
    },
    hints: [
      "Two rules add up: one for what a word is, one for where it is.",
      "Nouns are at least three places apart. How much must one place add, so that the later noun gets most of the weight?",
      "An adjective may come three places after the noun. How much must being a noun add, so that the adjective stays behind?",
    ],
    solution: "Every word looks for a noun, +8, and for late words, +1 for each place; it writes the name.",
    why: "Scores add up: being a noun outweighs all else, and among nouns the place decides.",
    design: [
      {
        rules: [
          ["one", "noun", 8],
          ["one", "late", 1],
        ],
        value: "name",
      },
    ],
    half: [{ rules: [["one", "noun", 8]], value: "name" }],
  },
  {
    id: "copy",
    title: "Copy the word",
    family: SENTENCE,
    layers: 1,
    task: "Let every word write its own name. Two designs with nothing in common can do it.",
    writes: "name",
    wanted: (words, i) => ({ write: words[i].name, from: upTo(words, i, ({ name }) => name === words[i].name) }),
    hints: [
      "A score may compare two names: it is added where both are the same.",
      "Which of the words that a word sees is the latest?",
      "If a name occurs twice, both places write the same, so it does not matter which of them is found.",
    ],
    solution: "Every word looks for its own name, +8. Or for late words, +4: the latest that it sees is itself.",
    why: "A word is the only one here that fits itself, by its name or by its place.",
    design: [{ rules: [["name", "name", 8]], value: "name" }],
    half: [{ rules: [["one", "late", 0.5]], value: "name" }],
  },
  {
    id: "previous",
    title: "The previous word",
    family: SEQUENCE,
    layers: 1,
    task: "Let every word write the name of the word before it as its “word before”.",
    writes: "before",
    wanted: (words, i) => (i ? { write: words[i - 1].name, from: [i - 1] } : null),
    hints: [
      "Names can’t tell which word came before. Which feature can?",
      "The word before has the place that is one less than one’s own.",
      "A score of 2 is not enough: with ten words, e² must compete with nine times 1.",
    ],
    solution: "A word compares its place − 1 with their place, +8, and writes the name as “word before”.",
    why: "Only one word has the place before, and its lead outweighs all others.",
    design: [{ rules: [["earlier", "place", 8]], value: "name", slot: "before" }],
    half: [{ rules: [["earlier", "place", 1]], value: "name", slot: "before" }],
  },
  {
    id: "induction",
    title: "An induction head",
    family: SEQUENCE,
    layers: 2,
    task: "When a word returns, write as its “next word” the one that followed it the first time.",
    writes: "next",
    wanted: (words, i) => {
      const first = words.findIndex(({ name }) => name === words[i].name);
      return first < i ? { write: words[first + 1].name, from: [first + 1] } : null;
    },
    hints: [
      "Comparing names finds the first time, but the word to write is the one after it. What would that word have to know?",
      "Layer 1 can tell every word what came before it: the puzzle “The previous word”.",
      "Then, in layer 2, a word compares its own name with the “word before” of others.",
    ],
    solution:
      "Layer 1: its place − 1 with their place, +8, writes the name as “word before”. " +
      "Layer 2: its name with their “word before”, +8, writes the name as “next word”.",
    why: "Layer 1 tells each word what came before it, so layer 2 can find the word that follows.",
    design: [
      { rules: [["earlier", "place", 8]], value: "name", slot: "before" },
      { rules: [["name", "before", 8]], value: "name", slot: "next" },
    ],
    half: [
      { rules: [["earlier", "place", 8]], value: "name", slot: "before" },
      { rules: [], value: "name", slot: "next" },
    ],
  },
];

/** The puzzles that are shown with one of them: those of its family. @param {string} id @returns {Puzzle[]} */
export function puzzlesWith(id) {
  const { family } = PUZZLES.find((each) => each.id === id) ?? PUZZLES[0];
  return PUZZLES.filter((each) => each.family === family);
}

/**
 * The solution of a puzzle, or half of it, as places in the lists of its family.
 * @param {Puzzle} puzzle
 * @param {"design" | "half"} which
 * @returns {import("./compute.js").Layer[]}
 */
export function layersOf(puzzle, which) {
  const { family } = puzzle;
  const at = (/** @type {Feature[]} */ list, /** @type {string} */ key) => list.findIndex(({ reads }) => reads === key);
  return puzzle[which].map(({ rules, value, slot }) => ({
    rules: Array.from({ length: family.rules }, (_, n) => {
      if (!rules[n]) return { ask: 0, offer: 0, strength: NOTHING };
      const [ask, offer, strength] = rules[n];
      return { ask: at(family.asks, ask), offer: at(family.offers, offer), strength: STRENGTHS.indexOf(strength) };
    }),
    value: at(family.values, value),
    slot: slot ? at(family.slots, slot) : 0,
  }));
}
