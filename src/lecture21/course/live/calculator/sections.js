// What the calculator shows: parameters by part, and three sections, of which the one in focus is open.

import { legend, lineChart } from "../kit/chart.js";
import { THEMED } from "../kit/colors.js";
import { drawing } from "../kit/draw.js";
import { fold } from "../kit/controls.js";
import { create } from "../kit/frame.js";
import { cacheBytes } from "./costs.js";
import { isLatent } from "./shapes.js";
import { fillTable, stackedBar } from "../kit/bars.js";
import { bytes, count, inWords, percent, power, time } from "./format.js";

/**
 * @typedef {import("../kit/frame.js").Frame} Frame
 * @typedef {() => import("./report.js").Current} Now
 * @typedef {{name: string, value: number, color: string}} Part  of a bar
 * @typedef {{needed: number, fits: boolean}} Memory
 * @typedef {{title: string, panel: HTMLElement, headings?: string[], rows: () => string[][], redraw: () => void}} Section
 * @typedef {keyof ReturnType<typeof import("./costs.js").parameters> | "used"} Count
 */

/** Part, its name, and the color of its series; without one, it is gray. @type {[Count, string, number | null][]} */
const PARTS = [
  ["embeddings", "token embedding", 0],
  ["positions", "positions", 5],
  ["attention", "attention", 1],
  ["feed_forward", "feed-forward", 2],
  ["used", "experts of one token", 3],
  ["idle_experts", "its other experts", null],
  ["routers", "routers", 6],
  ["norms", "norms", 6],
  ["head", "output layer", 4],
];
const CONTEXTS = Array.from({ length: 15 }, (_, i) => 2 ** (i + 6));

/**
 * Add the bar of the parameters.
 * @param {Frame} frame
 * @param {Now} current
 */
export function parametersPanel(frame, current) {
  const parts = () => {
    const { counts, shape } = current();
    const values = { ...counts, used: counts.experts - counts.idle_experts };
    // A table of learned positions is as long as the context, also where that is longer than the published one.
    const rows = shape.positions ? `${shape.positions.toLocaleString("en-US")} ` : "";
    return PARTS.map(([name, text, series]) => ({
      value: values[name],
      name: `${name === "positions" ? rows : ""}${text} ${count(values[name])} (${percent(values[name] / counts.total)})`,
      color: series === null ? frame.colors.masked : frame.colors.series[series],
    })).filter(({ value }) => value > 0);
  };
  const bar = drawing(frame, {
    label: "Parameters by part, as a stacked bar; the legend has the numbers",
    height: 36,
    full: true,
    draw: (pen, width) => stackedBar(pen, frame.colors, { parts: parts(), width }),
  });
  const summary = create("summary");
  frame.stage.append(create("details", { class: "panel full" }, summary, bar.panel));
  const names = legend(bar.panel, parts);
  frame.onTheme(names.update);
  return () => {
    const { counts } = current();
    const active = counts.idle_experts ? `, of which ${count(counts.active)} process one token` : "";
    summary.textContent = `${count(counts.total)} parameters${active}: by part`;
    bar.redraw();
    names.update();
  };
}

/**
 * Add the three sections, that in focus first and open.
 * @param {Frame} frame
 * @param {import("./report.js").Focus} focus
 * @param {Now} current
 * @param {Node[]} inside  what belongs to the drawing in focus
 */
export function sections(frame, focus, current, inside) {
  /** @type {Record<string, (frame: Frame, current: Now) => Section>} */
  const all = { training: trainingSection, serving: servingSection, cache: cacheSection };
  const order = [focus, ...Object.keys(all).filter((name) => name !== focus)];
  const updates = order.map((name) => {
    const table = create("table");
    const { title, panel, headings = [], rows, redraw } = all[name](frame, current);
    const open = name === focus;
    const scroll = create("div", { class: "scroll" }, table);
    const section = create(open ? "div" : "details", { class: "panel full" });
    frame.stage.append(section);
    if (open) section.append(panel, ...inside);
    else section.append(create("summary", {}, title), panel);
    (open ? fold(frame, section, "In numbers") : section).append(scroll);
    return () => {
      fillTable(table, headings, rows());
      redraw();
    };
  });
  return () => updates.forEach((update) => update());
}

/**
 * A bar of memory against that of the cards, whose heading says whether it fits.
 * @param {Frame} frame
 * @param {Now} current
 * @param {{title: string, label: string, parts: () => Part[], memory: () => Memory}} options
 */
function memoryPanel(frame, current, { title, label, parts, memory }) {
  const bar = drawing(frame, {
    title,
    label,
    height: 56,
    full: true,
    draw: (pen, width) => {
      const { available, cardsName } = current();
      stackedBar(pen, frame.colors, { parts: parts(), limit: available, limitName: cardsName, width });
    },
  });
  const names = legend(bar.panel, parts);
  frame.onTheme(names.update);
  const redraw = () => {
    bar.redraw();
    names.update();
    bar.heading.replaceChildren(...verdict(title, memory(), current()));
  };
  return { title, panel: bar.panel, redraw };
}

function trainingSection(/** @type {Frame} */ frame, /** @type {Now} */ current) {
  const parts = () => {
    const { weights, gradients, optimizer, activations } = current().training;
    const values = { weights, gradients, "Adam and master copy": optimizer };
    return Object.entries(activations === null ? values : { ...values, activations }).map(([name, value], i) => ({
      name: `${name} ${bytes(value)}`,
      value,
      color: frame.colors.series[i],
    }));
  };
  const rows = () => {
    const { training, cardsName, settings } = current();
    const { perToken, exactPerToken, estimate, exact, days, exactDays } = training;
    return [
      ["FLOPs of one token", power(perToken), power(exactPerToken)],
      [`FLOPs of ${inWords(settings.tokens * 1e9)}`, power(estimate), power(exact)],
      [`Time on ${cardsName}`, time(days), time(exactDays)],
    ];
  };
  const panel = memoryPanel(frame, current, {
    title: "Memory during training",
    label: "Memory during training by part, against that of the cards",
    parts,
    memory: () => current().training,
  });
  return { ...panel, headings: ["Training tokens", "6 × parameters × tokens", "counted exactly"], rows };
}

function servingSection(/** @type {Frame} */ frame, /** @type {Now} */ current) {
  const parts = () => {
    const { weights, cache } = current().serving;
    return [
      { name: `weights ${bytes(weights)}`, value: weights, color: frame.colors.series[0] },
      { name: `keys and values ${bytes(cache)}`, value: cache, color: frame.colors.series[1] },
    ];
  };
  const rows = () => {
    const { serving, shape, settings, card, cardsName, context } = current();
    const many = `${count(settings.batch)} ${settings.batch === 1 ? "sequence" : "sequences"}`;
    const found = [[`${card}s for ${many} of ${count(context)} tokens`, count(serving.cardsNeeded)]];
    if (!serving.experts) return found;
    const { distinct, read, tokensPerSecond } = serving.experts;
    return [
      ...found,
      ["Experts of a layer that a step reads", `${Number(distinct.toFixed(1))} of ${count(shape.n_expert)}`],
      ["Weights that a step reads", bytes(read)],
      [
        `Upper bound on tokens per second, at one ${card}'s speed`,
        serving.fits ? count(tokensPerSecond) : `does not fit ${cardsName}`,
      ],
    ];
  };
  const panel = memoryPanel(frame, current, {
    title: "Memory during generation",
    label: "Memory of weights and cache, against that of the cards",
    parts,
    memory: () => current().serving,
  });
  return { ...panel, rows };
}

function cacheSection(/** @type {Frame} */ frame, /** @type {Now} */ current) {
  const title = "Memory of keys and values (cache)";
  const chart = lineChart(frame, {
    title,
    label: "Memory of keys and values against the context, with the memory of the cards and of the weights",
    height: (width) => Math.min(300, 190 + width / 6),
    full: true,
    content(width) {
      const { model, settings, context, available, cardsName, serving } = current();
      const sizes = CONTEXTS.map((length) => cacheBytes(model, length, settings.batch, "bf16") / 1e9);
      const levels = [
        { y: available / 1e9, name: cardsName },
        { y: serving.weights / 1e9, name: "the weights", color: THEMED.series[1] },
      ];
      const all = [...sizes, ...levels.map(({ y }) => y)];
      return {
        curves: [{ name: "keys and values", x: CONTEXTS, y: sizes, color: THEMED.series[0] }],
        levels,
        levelsBeside: 84,
        xRange: [CONTEXTS[0], CONTEXTS[CONTEXTS.length - 1]],
        yRange: [Math.min(...all) / 2, Math.max(...all) * 3],
        logX: true,
        logY: true,
        xTicks: CONTEXTS.filter((_, i) => i % (width < 480 ? 4 : 2) === 1),
        xTitle: "tokens of context",
        yTitle: "GB of keys and values",
        cursor: context,
      };
    },
  });
  const rows = () => {
    const { cache, context, settings, perToken, serving, shape } = current();
    // With a latent cache, a query attends to latent vectors during generation, which takes other FLOPs.
    const token = isLatent(shape.attention) ? "a training token's FLOPs" : "the next token's FLOPs";
    const windowed = shape.attention.window === null ? "" : ", before the limit of the window";
    return [
      [`One token${windowed}`, bytes(cache.perTokenCached)],
      [`${count(settings.batch)} × ${count(context)} tokens`, `${bytes(cache.needed)} = ${gib(cache.needed)} GiB`],
      ["Ratio to the weights", String(Number((cache.needed / serving.weights).toPrecision(2)))],
      [`Attention's share of ${token}`, percent(perToken.attention / perToken.forward)],
    ];
  };
  const redraw = () => {
    const { cache, available } = current();
    const memory = { needed: cache.needed, fits: cache.needed <= available };
    chart.heading.replaceChildren(...verdict(title, memory, current()));
    chart.redraw();
  };
  return { title, panel: chart.panel, rows, redraw };
}

/**
 * A heading that says whether something fits the cards.
 * @param {string} what
 * @param {Memory} memory
 * @param {ReturnType<Now>} current
 */
function verdict(what, memory, current) {
  const tone = memory.fits ? "right" : "wrong";
  const [sign, said] = [memory.fits ? "✓ " : "✗ ", fits(memory, current)].map((text) =>
    create("span", { class: tone }, text),
  );
  return [sign, `${what}: ${bytes(memory.needed)}, which `, said];
}

/**
 * Whether something fits the cards, in words.
 * @param {Memory} memory
 * @param {{available: number, cardsName: string}} current
 */
export function fits({ fits: holds, needed }, { available, cardsName }) {
  return holds ? `fits ${cardsName} (${percent(needed / available)})` : `does not fit ${cardsName}`;
}

function gib(/** @type {number} */ value) {
  return Number((value / 2 ** 30).toPrecision(3)).toLocaleString("en-US");
}
