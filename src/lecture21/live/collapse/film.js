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

const NAMES = {
  none: "no cure",
  "warm-up": "warm-up of 50 steps",
  "aux 0.01": "balance loss, weight 0.01",
  "bias 0.01": "selection bias, step 0.01",
  "z-loss 0.001": "z-loss, weight 0.001",
  "jitter 0.1": "jitter of the inputs, 0.1",
};

/** @param {string} setting */
export function nameOf(setting) {
  return NAMES[setting] ?? setting;
}

/**
 * Return whether a value is a film with all its loads.
 * @param {any} film
 */
export function isFilm(film) {
  const lists = [film?.steps, film?.settings, film?.tuned];
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
 * Draw a bar for each setting, divided by the loads of the experts, and the load of the busiest beside its name.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} colors  of the frame
 * @param {{rows: {name: string, loads: number[]}[], color: (expert: number) => string, ink: (color: string) => string,
 *   width: number}} options
 */
export function drawBars(pen, colors, { rows, color, ink, width }) {
  rows.forEach(({ name, loads }, i) => {
    const top = i * ROW;
    pen.textAlign = "left";
    pen.fillStyle = colors.ink;
    pen.fillText(name, 0, top + 10);
    pen.textAlign = "right";
    pen.fillText(`busiest: ${percent(Math.max(...loads))}`, width, top + 10);
    pen.textAlign = "center";
    const sum = loads.reduce((total, each) => total + each, 0);
    let left = 0;
    loads.forEach((load, expert) => {
      const wide = (load / sum) * width;
      pen.fillStyle = color(expert);
      pen.fillRect(left, top + 20, wide, 22);
      pen.fillStyle = colors.paper;
      if (wide > 2) pen.fillRect(left + wide - 1, top + 20, 1, 22);
      pen.fillStyle = ink(color(expert));
      if (wide > 16) pen.fillText(String(expert + 1), left + wide / 2, top + 32);
      left += wide;
    });
  });
}

/** Height of a row of `drawBars`, in CSS pixels. */
export const ROW = 50;

/** @param {number} share */
export function percent(share) {
  const digits = share < 0.0995 || (share > 0.9945 && share < 1) ? 1 : 0; // all is not nearly all
  return `${(100 * share).toFixed(digits)} %`;
}
