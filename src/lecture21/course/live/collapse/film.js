// The film of a collapse: how the load of the experts changes over training, without a cure and with each.

/**
 * @typedef {object} Film
 * @property {number[]} steps
 * @property {string[]} settings
 * @property {number[]} tuned  learning rate of each setting
 * @property {number} high  the learning rate at which a router without a cure collapses
 * @property {number} seeds
 * @property {number} experts
 * @property {string} loads  thousandths, two digits in base 36 each, by setting, rate (high, tuned), seed and step
 */

/** @type {Record<string, string>} */
const NAMES = {
  none: "none",
  "warm-up": "warm-up",
  "aux 0.01": "balance loss",
  "bias 0.01": "selection bias",
  "z-loss 0.001": "z-loss",
  "jitter 0.1": "jitter",
};

/** @param {string} setting */
export function nameOf(setting) {
  return NAMES[setting] ?? setting;
}

/**
 * Return whether a value is a film with all its loads.
 * @param {unknown} value
 * @returns {value is Film}
 */
export function isFilm(value) {
  const film = /** @type {Film} */ (value ?? {}); // if all of the following is so
  const lists = [film.steps, film.settings, film.tuned];
  if (!lists.every((list) => Array.isArray(list) && list.length)) return false;
  const count = film.settings.length * 2 * film.seeds * film.steps.length * film.experts;
  return typeof film.loads === "string" && film.loads.length === 2 * count;
}

/**
 * Return the load of each expert.
 * @param {Film} film
 * @param {{setting: number, rate: "high" | "tuned", seed: number, step: number}} of  indices
 * @returns {number[]}
 */
export function loadsAt(film, { setting, rate, seed, step }) {
  const run = (setting * 2 + (rate === "tuned" ? 1 : 0)) * film.seeds + seed;
  const start = (run * film.steps.length + step) * film.experts;
  return Array.from({ length: film.experts }, (_, i) => {
    const at = 2 * (start + i);
    return parseInt(film.loads.slice(at, at + 2), 36) / 1000;
  });
}

/**
 * Draw a bar that is divided by the loads of the experts.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("../kit/colors.js").Colors} colors
 * @param {{loads: number[], color: (expert: number) => string, ink: (color: string) => string, width: number}} options
 */
export function drawBar(pen, colors, { loads, color, ink, width }) {
  const sum = loads.reduce((total, each) => total + each, 0);
  let left = 0;
  pen.textAlign = "center";
  loads.forEach((load, expert) => {
    const wide = (load / sum) * width;
    pen.fillStyle = color(expert);
    pen.fillRect(left, 0, wide, BAR);
    pen.fillStyle = colors.paper;
    if (wide > 2) pen.fillRect(left + wide - 1, 0, 1, BAR);
    pen.fillStyle = ink(color(expert));
    if (wide > 16) pen.fillText(String(expert + 1), left + wide / 2, BAR / 2 + 1);
    left += wide;
  });
}

/** Height of the bar, in CSS pixels. */
export const BAR = 30;
