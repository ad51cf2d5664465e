// Characters of a model: their visible names, and text as ids.

/**
 * Return a name that can be seen and read.
 * @param {string} symbol
 */
export function longName(symbol) {
  return { " ": "␣ space", "\n": "⏎ newline", "\ufffd": "\ufffd unknown" }[symbol] ?? shortName(symbol);
}

/**
 * Return signs that can be seen, one for each character.
 * @param {string} symbol
 */
export function shortName(symbol) {
  return symbol.replaceAll(" ", "␣").replaceAll("\n", "⏎");
}

/**
 * Return text as ids, and the characters that have none.
 * @param {string} text
 * @param {string[]} symbols
 * @returns {{ids: number[], unknown: string[]}}
 */
export function encodeText(text, symbols) {
  const places = new Map(symbols.map((symbol, id) => [symbol, id]));
  const characters = [...text];
  const unknown = [...new Set(characters.filter((each) => !places.has(each)))];
  return { ids: characters.flatMap((each) => places.get(each) ?? []), unknown };
}

/**
 * Say which characters a model does not know, and which it does.
 * @param {string[]} unknown
 * @param {string[]} symbols
 */
export function unknownSentence(unknown, symbols) {
  const wrong = unknown.slice(0, 5).map((each) => `“${each}”`);
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
  const letters = symbols.filter((each) => /^[A-Za-z]$/.test(each)).length;
  const others = symbols.filter((each) => !/^[A-Za-z]$/.test(each) && each !== "\ufffd");
  const few = `${letters} letters and ${others.map(shortName).join(" ")}`;
  const known = others.length > 40 ? `${symbols.length - 1} characters` : few;
  return `The model has no ${wrong.join(", ")}${more}; its alphabet is ${known}.`;
}
