// Numbers in words that a reader can compare: thousands, bytes, times.

import { percent as written } from "../kit/numbers.js";

const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** @type {[number, string][]} */
const NUMBERS = [
  [1e12, "trillion"],
  [1e9, "billion"],
  [1e6, "million"],
];
/** @type {[number, string][]} */
const BYTES = [
  [1e15, "PB"],
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];
/** @type {[number, string][]} */
const DAYS = [
  [365.25, "years"],
  [1, "days"],
  [1 / 24, "hours"],
  [1 / 1440, "minutes"],
];

/** 209,729; from a quadrillion on, 3.14 × 10²³. */
export function count(/** @type {number} */ value) {
  return value < 1e15 ? Math.round(value).toLocaleString("en-US") : power(value);
}

/** 3.14 × 10²³; below a million, the number itself. */
export function power(/** @type {number} */ value) {
  if (value < 1e6) return Number(value.toPrecision(3)).toLocaleString("en-US");
  const [digits, exponent] = value.toExponential(2).split("e+");
  return `${digits}\u00a0×\u00a010${[...exponent].map((digit) => DIGITS[Number(digit)]).join("")}`;
}

/** 46.7 billion; below a million, all digits. */
export function inWords(/** @type {number} */ value) {
  if (value >= 1e15) return power(value);
  for (const [unit, name] of NUMBERS) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}\u00a0${name}`;
  }
  return count(value);
}

/** 349 GB: decimal units, as cards have them. */
export function bytes(/** @type {number} */ value) {
  if (value >= 1e18) return `${power(value / 1e9)}\u00a0GB`;
  for (const [unit, name] of BYTES) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}\u00a0${name}`;
  }
  return `${value}\u00a0bytes`;
}

/** 25.2 years, 3.5 hours, 0.002 seconds. */
export function time(/** @type {number} */ days) {
  const seconds = days * 86400;
  for (const [unit, name] of DAYS) {
    const limit = name === "years" ? 1000 : 1.5 * unit;
    if (days >= limit) return `${amount(days / unit)}\u00a0${name}`;
  }
  return `${amount(seconds)}\u00a0seconds`;
}

/** 0.7 %; what is below a thousandth of a percent is "below 0.001 %". */
export function percent(/** @type {number} */ share) {
  return share > 0 && share < 1e-5 ? "below 0.001\u00a0%" : written(share, share < 0.1 ? 2 : 3);
}

function amount(/** @type {number} */ value) {
  if (value < 1e-3) return "below 0.001";
  return value >= 1e6 ? power(value) : Number(value.toPrecision(3)).toLocaleString("en-US");
}
