// Numbers as readers write them: 0.125, 0,125, 1/8, 12.5 %, about 2^-3, ln 26 / 16, ½.

/** @type {Record<string, string>} */
const FRACTIONS = {
  "½": "1/2",
  "⅓": "1/3",
  "⅔": "2/3",
  "¼": "1/4",
  "¾": "3/4",
  "⅕": "1/5",
  "⅙": "1/6",
  "⅛": "1/8",
  "⅜": "3/8",
  "⅝": "5/8",
  "⅞": "7/8",
};
/** @type {Record<string, string>} */
const SIGNS = { "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "⁄": "/", "∕": "/", "√": "sqrt " };
const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const TOKEN = /\s*(\d+(?:,\d+)*(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|sqrt|exp|ln|log|e|[-+*/^()%])/y;
/** @type {Record<string, (x: number) => number>} */
const FUNCTIONS = { sqrt: Math.sqrt, exp: Math.exp, ln: Math.log, log: Math.log };

/**
 * Return the number that a text means, or null.
 * @param {string} text
 * @param {string} [unit]  a word that may follow the number, such as "nats"
 * @returns {number | null}
 */
export function parseNumber(text, unit = "") {
  let plain = text.toLowerCase().trim();
  plain = plain.replace(/^(?:about|approximately|circa|ca\.|[~≈=])\s*/, "");
  const ending = [unit, unit.replace(/s$/, "")].find((word) => word && plain.endsWith(` ${word}`));
  if (ending) plain = plain.slice(0, -ending.length);
  plain = plain.replace(/[½⅓⅔¼¾⅕⅙⅛⅜⅝⅞]/g, (sign) => `(${FRACTIONS[sign]})`);
  plain = plain.replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (digits) => `^${[...digits].map((digit) => POWERS.indexOf(digit)).join("")}`);
  plain = plain.replace(/[−–×·⋅÷⁄∕√]/g, (sign) => SIGNS[sign]).trim();
  try {
    const value = evaluate(tokens(plain));
    return Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} text
 * @returns {(number | string)[]}
 */
function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(text);
    found.push(/^[\d.]/.test(match[1]) ? decimal(match[1]) : match[1]);
  }
  return found;
}

/** A comma separates thousands (20,000) or decimals (0,125). */
function decimal(/** @type {string} */ text) {
  if (/^[1-9]\d{0,2}(,\d{3})+(\.|e|$)/.test(text)) return Number(text.replaceAll(",", ""));
  return Number(text.replace(",", ".")); // NaN where more than one sign remains
}

/** The value of an arithmetic expression: sums of products of powers. */
function evaluate(/** @type {(number | string)[]} */ list) {
  let at = 0;
  const take = (/** @type {(number | string)[]} */ ...wanted) => (wanted.includes(list[at]) ? list[at++] : null);

  /** @returns {number} */
  function sum() {
    let value = product();
    for (let sign = take("+", "-"); sign; sign = take("+", "-")) value += sign === "+" ? product() : -product();
    return value;
  }
  /** @returns {number} */
  function product() {
    let value = signed();
    for (let sign = take("*", "/"); sign; sign = take("*", "/"))
      value = sign === "*" ? value * signed() : value / signed();
    return value;
  }
  /** @returns {number} */
  function signed() {
    const sign = take("-", "+");
    return sign ? (sign === "-" ? -signed() : signed()) : power();
  }
  /** @returns {number} */
  function power() {
    let value = single();
    while (take("%")) value /= 100;
    return take("^") ? value ** signed() : value;
  }
  /** @returns {number} */
  function single() {
    const token = list[at++];
    if (typeof token === "number") return token;
    if (token === "e") return Math.E;
    if (token in FUNCTIONS) return FUNCTIONS[token](power()); // ln 26 / 16 is (ln 26) / 16
    if (token !== "(") throw new SyntaxError(String(token));
    const value = sum();
    if (!take(")")) throw new SyntaxError("a bracket is open");
    return value;
  }

  const value = sum();
  if (at < list.length) throw new SyntaxError(String(list[at]));
  return value;
}
