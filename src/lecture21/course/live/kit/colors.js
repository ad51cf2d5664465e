// Colors of the book (lecture21.course.figures.style), for the light and the dark theme.

const ROLES = {
  light: {
    query: "#0072B2",
    key: "#E69F00",
    value: "#009E73",
    output: "#CC79A7",
    masked: "#999999",
    stream: "#56B4E9",
  },
  dark: { query: "#4FB0E8", key: "#F0B429", value: "#2FC79B", output: "#E79AC4", masked: "#8A8A8A", stream: "#7CC9F2" },
};
const TEXT_ROLES = {
  light: { query: "#0072B2", key: "#8F6200", value: "#007A58", output: "#A8437F" },
  dark: { query: "#6EC1F2", key: "#F2BE4D", value: "#4FD6AC", output: "#EBA6CB" },
};
const SERIES = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"],
  dark: ["#4FB0E8", "#F0803C", "#2FC79B", "#E79AC4", "#F0B429", "#7CC9F2", "#FFFFFF"],
};
const PAPER = {
  light: { paper: "#FFFFFF", panel: "#F4F6F8", ink: "#222222", note: "#555555", line: "#C9CED3", error: "#A8261C" },
  dark: { paper: "#14181E", panel: "#1E252D", ink: "#E8EAED", note: "#A9B1BA", line: "#46505B", error: "#FF9C8F" },
};

// seaborn's mako_r and vlag, at nine equal steps. In the dark, 0 is the color of the paper.
const MAGNITUDE = {
  light: ["#FFFFFF", "#DEF4E4", "#96DCB5", "#49C1AD", "#349DAA", "#3479A2", "#3B5497", "#3D3369", "#2A1A32"],
  dark: ["#14181E", "#2A1A3F", "#3D3369", "#3B5497", "#3479A2", "#349DAA", "#49C1AD", "#96DCB5", "#DEF4E4"],
};
const SIGNED = {
  light: ["#2369BC", "#668BBE", "#9BADCA", "#CED3DF", "#FAF5F4", "#E7C8C6", "#D29694", "#BE6765", "#A8363A"],
  dark: ["#7DB4F5", "#5B8DCC", "#436593", "#2F4057", "#1B1F26", "#573635", "#8F4B49", "#C46562", "#F08480"],
};

/** Colors for style sheets and SVG, which follow the theme: the frame gives the figure these custom properties. */
export const THEMED = {
  ink: "var(--ink)",
  note: "var(--note)",
  masked: "var(--masked)",
  series: SERIES.light.map((_, i) => `var(--series-${i})`),
};

/**
 * Return whether the page around an element is dark, in the book, JupyterLab or Colab.
 * @param {Element} element
 * @returns {boolean}
 */
export function isDark(element) {
  const page = element.ownerDocument;
  const root = page.documentElement;
  const theme = root.dataset.theme || root.getAttribute("theme");
  if (theme) return theme === "dark";
  if (page.body.dataset.jpThemeLight) return page.body.dataset.jpThemeLight === "false";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @typedef {ReturnType<typeof palette>} Colors */

/**
 * Return the colors of the theme: roles, text in a role's color, series, paper, ink, lines, and two color maps.
 * @param {boolean} dark
 */
export function palette(dark) {
  const theme = dark ? "dark" : "light";
  return {
    ...ROLES[theme],
    ...PAPER[theme],
    text: TEXT_ROLES[theme],
    series: SERIES[theme],
    /** @param {number} share  from 0 to 1 */
    magnitude: (share) => interpolate(MAGNITUDE[theme], share),
    /** @param {number} share  from -1 to 1 */
    signed: (share) => interpolate(SIGNED[theme], (share + 1) / 2),
  };
}

/**
 * Return black or white, whichever can be read on a color.
 * @param {string} color  #RRGGBB
 */
export function inkOn(color) {
  const [red, green, blue] = channels(color).map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#FFFFFF";
}

function channels(/** @type {string} */ color) {
  return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
}

/**
 * Return a color between others.
 * @param {string[]} stops  #RRGGBB
 * @param {number} share  0 is the first, 1 the last
 */
export function interpolate(stops, share) {
  const place = Math.min(Math.max(Number.isFinite(share) ? share : 0, 0), 1) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [channels(stops[index]), channels(stops[index + 1])];
  const mixed = from.map((c, i) => Math.round(c + (to[i] - c) * (place - index)));
  return `#${mixed.map((c) => c.toString(16).padStart(2, "0")).join("")}`;
}
