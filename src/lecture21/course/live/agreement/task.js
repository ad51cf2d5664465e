// Agreement at a distance: sentences as those of lecture21.data.agreement, whose vocabulary has this order.

/** The ids of each kind of word: first, and how many. Nouns and verbs come in pairs, the singular before the plural. */
const [PEOPLE, THINGS, VERBS] = [0, 12, 24];
const [NOUNS_OF_A_KIND, VERB_PAIRS] = [6, 3];
const [ADJECTIVES, PREPOSITIONS, ENDINGS, FOUR] = [30, 34, 38, 4];
const [THE, STOP] = [42, 43];

export const FIRST_VERB = VERBS;
export const N_VERB = 2 * VERB_PAIRS;

/** @typedef {() => number} Uniform  the next number in [0, 1), as of `seededRandom` */

/**
 * @typedef {object} Sentence
 * @property {number[]} words  ids, up to the word before the verb
 * @property {number[]} nouns  where the nouns are, the subject first
 * @property {boolean} plural  whether the subject is
 * @property {number[]} rest  ids: a verb that agrees, one more word, and the full stop
 */

/**
 * Draw a sentence.
 * @param {Uniform} random
 * @param {{distance: number, people?: boolean, adjectives?: number}} options  distance: words from the subject to the
 *   verb, 1, 4, 7, ...; people: whether all nouns are people, while otherwise the subject is a person or a thing and the
 *   nouns between it and the verb are of the other kind; adjectives: before the subject
 * @returns {Sentence}
 */
export function drawSentence(random, { distance, people = false, adjectives = 0 }) {
  const below = (/** @type {number} */ n) => Math.floor(random() * n);
  const noun = (/** @type {number} */ first) => first + 2 * below(NOUNS_OF_A_KIND) + below(2);
  const [subject, rival] = people ? [PEOPLE, PEOPLE] : below(2) ? [THINGS, PEOPLE] : [PEOPLE, THINGS];
  const words = [THE];
  const verb = VERBS + 2 * below(VERB_PAIRS);
  const rest = [verb, ENDINGS + below(FOUR), STOP];
  for (let i = 0; i < adjectives; i++) words.push(ADJECTIVES + below(FOUR));
  const nouns = [words.length];
  words.push(noun(subject));
  for (let phrase = 0; phrase < (distance - 1) / 3; phrase++) {
    words.push(PREPOSITIONS + below(FOUR), THE);
    nouns.push(words.length);
    words.push(noun(rival));
  }
  return agreeing({ words, nouns, plural: false, rest });
}

/**
 * Return a sentence with the numbers of some of its nouns changed.
 * @param {Sentence} sentence
 * @param {number[]} which  of its nouns, the subject is 0; those that it does not have are ignored
 * @returns {Sentence}
 */
export function withFlipped({ words, nouns, rest }, which) {
  const changed = [...words];
  for (const i of which) if (i in nouns) changed[nouns[i]] = numberOf(changed[nouns[i]], !isPlural(changed[nouns[i]]));
  return agreeing({ words: changed, nouns, plural: false, rest });
}

/** @param {Sentence} sentence  whose verb may be wrong */
function agreeing({ words, nouns, rest }) {
  const plural = isPlural(words[nouns[0]]);
  return { words, nouns, plural, rest: [numberOf(rest[0], plural), ...rest.slice(1)] };
}

/** Whether a noun or a verb is plural. */
export function isPlural(/** @type {number} */ id) {
  return id % 2 === 1;
}

function numberOf(/** @type {number} */ id, /** @type {boolean} */ plural) {
  return id - (id % 2) + Number(plural);
}

/**
 * Return the sentences of a batch, all of one length, as `Agreement.loss` draws them.
 * @param {Uniform} random
 * @param {{distances: number[], people: boolean, size: number}} options
 * @returns {Sentence[]}
 */
export function drawBatch(random, { distances, people, size }) {
  const distance = distances[Math.floor(random() * distances.length)];
  const adjectives = Math.floor(3 * random());
  return Array.from({ length: size }, () => drawSentence(random, { distance, people, adjectives }));
}
