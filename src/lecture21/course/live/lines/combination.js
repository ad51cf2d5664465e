// The code that the reader has put together, and what the check says of it.

/**
 * @typedef {{number: string, chapter: string[], wanted: string, code: (string | string[])[], verdicts: string[], of: number[]}} Exercise
 *   as in lines.json: `wanted` is what the code does; `code` has a text for each part that is given, and a list of texts for each choice
 */

/**
 * The alternatives of each choice.
 * @param {Exercise} exercise
 * @returns {string[][]}
 */
export function choices({ code }) {
  return /** @type {string[][]} */ (code.filter(Array.isArray));
}

/**
 * The code with the lines that are chosen; null stands for a choice that is not made yet.
 * @param {Exercise} exercise
 * @param {(number | null)[]} chosen
 */
export function codeOf({ code }, chosen) {
  let n = 0;
  const parts = code.map((part) => (Array.isArray(part) ? part[chosen[n++] ?? -1] : part));
  return parts.filter((part, i) => part || typeof code[i] === "string").join("\n");
}

/**
 * What the check says, once every choice is made.
 * @param {Exercise} exercise
 * @param {number[]} chosen
 */
export function verdictOf(exercise, chosen) {
  const place = choices(exercise).reduce((at, options, n) => at * options.length + chosen[n], 0);
  return exercise.verdicts[exercise.of[place]];
}
