// The judge of the shop, as in lecture21.alignment: a response's score, for reasons that a reader can check.

// What Python takes for white space.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const EDGES = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const GAP = new RegExp(`${SPACE}+`);
const [BRIEF, LONG] = [16, 32]; // words

/**
 * @typedef {Record<"colors" | "things" | "places" | "prompts" | "answers" | "evasions" | "courteous" | "rude" |
 *   "chatter", string>} Grammar  lines of text
 */

/**
 * Return the judge of a language.
 * @param {Grammar} lines
 * @returns {(prompt: string, response: string) => {score: number, helpful: number, polite: number, brief: number,
 *   fluent: number}}
 */
export function createJudge(lines) {
  const grammar = Object.fromEntries(Object.entries(lines).map(([name, text]) => [name, text.split("\n")]));
  const item = `(?:${grammar.colors.join("|")}) (?:${grammar.things.join("|")})`;
  const place = `(?:${grammar.places.join("|")})`;
  const fill = (/** @type {string} */ text) => escape(text).replace("\\{\\}", item).replace("\\{\\}", place);
  const fixed = [...grammar.evasions, ...grammar.courteous, ...grammar.rude, ...grammar.chatter].map(escape);
  const language = new RegExp(
    `^(?:${[...fixed, ...grammar.prompts.map(fill), ...grammar.answers.map(fill)].join("|")})$`,
  );

  return (prompt, response) => {
    const wanted = words(prompt.replace(/[?.]+$/, ""))
      .slice(-2)
      .join(" ");
    const found = (strip(response).match(/[^.?]+[.?]|[^.?]+$/g) ?? []).map(strip);
    const correct = [...new Set(found.filter((sentence) => language.test(sentence)))];
    const names = (/** @type {string} */ sentence) =>
      sentence.includes(` ${wanted} `) && grammar.places.some((each) => sentence.endsWith(` ${each}.`));
    const helpful = correct.some(names) ? 1 : 0;
    const has = (/** @type {string[]} */ kind) => correct.some((sentence) => kind.includes(sentence));
    const polite = has(grammar.rude) ? 0 : has(grammar.courteous) ? 1 : 0.5;
    const brief = Math.min(Math.max((LONG - words(response).length) / (LONG - BRIEF), 0), 1);
    const fluent = found.length ? correct.length / found.length : 0;
    return { score: (fluent * (2 * helpful + polite + brief)) / 4, helpful, polite, brief, fluent };
  };
}

/** Without white space at both ends. */
function strip(/** @type {string} */ text) {
  return text.replace(EDGES, "");
}

function words(/** @type {string} */ text) {
  return strip(text).split(GAP).filter(Boolean);
}

/** A text as a regular expression that matches it alone. */
function escape(/** @type {string} */ text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
