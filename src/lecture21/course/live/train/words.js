// What the figure says: numbers for readers, the line of progress, and the description of what is seen.

import { percent } from "../kit/numbers.js";

/** @param {number} count */
export const grouped = (count) => count.toLocaleString("en");

/** @param {number} seconds */
export const time = (seconds) => (seconds < 9.95 ? `${seconds.toFixed(1)} s` : `${seconds.toFixed(0)} s`);

/** @param {number} rate */
const written = (rate) => String(Number(rate.toPrecision(2)));

/** Learning rates, in those of the recipe. */
export const rates = (/** @type {number} */ doublings) =>
  `${doublings > 0 ? `${grouped(2 ** doublings)} times` : `${percent(2 ** doublings, 3)} of`} the recipe's`;

/** @param {string[]} parts */
const joined = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`);

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./session.js").Settings} Settings
 * @typedef {import("./session.js").Level} Level
 * @typedef {import("./corpus.js").Corpus} Corpus
 * @typedef {{name: string, label: string, config: Settings["config"], fixed: number, perSymbol: number}} Shape
 *   its parameters: fixed + perSymbol for each symbol of the vocabulary
 * @typedef {{budget: number, size: string, steps: number, optimizer: Settings["optimizer"], doublings: number,
 *   seed: number, causal: boolean}} Values
 */

/** @type {Record<string, string>} */
const SIZES = { one: "1 layer", two: "2 layers", slide: "slide 24" };

/** @param {number[]} values */
export const lastOf = (values) => values.findLast(Number.isFinite);

/**
 * The name of a shape with its parameters.
 * @param {Shape} shape
 * @param {number} vocabulary
 */
export function labelOf({ label, fixed, perSymbol }, vocabulary) {
  return `${label}: ${grouped(fixed + vocabulary * perSymbol)} parameters`;
}

/**
 * Whether these are the settings of the stored runs in PyTorch, as far as a step count allows.
 * @param {Settings} settings
 */
export function isRecipe({ size, optimizer, factor, config, own }) {
  return !own && size === "gpt0" && optimizer === "muon" && factor === 1 && Boolean(config.causal);
}

/**
 * A run's name in the legend: how it differs from others.
 * @param {{number: number, settings: Settings, planned: number}} run
 */
export function runName({ number, settings, planned }) {
  const { size, optimizer, factor, config, seed } = settings;
  const parts = [
    optimizer === "muon" ? "Muon" : "AdamW",
    ...(size === "gpt0" ? [] : [SIZES[size]]),
    ...(factor === 1 ? [] : [`learning rate × ${factor > 1 ? grouped(factor) : Number(factor.toPrecision(3))}`]),
    ...(config.causal ? [] : ["no mask"]),
    ...(seed ? [`seed ${seed}`] : []),
    `${grouped(planned)} steps`,
  ];
  return `run ${number}: ${parts.join(", ")}`;
}

/**
 * One line with the numbers of a run, which changes often and is not read aloud.
 * @param {Session} session
 */
export function progress(session) {
  const { status, step, planned, seconds, settings } = session;
  if (status === "starting") return "Loading the text, and timing a step on this machine…";
  if (status === "idle" || status === "failed" || !settings) return "";
  const validation = lastOf(session.validation);
  const isUnderWay = status === "running" && !settings.steps && seconds < settings.budget;
  const parts = [
    `Step ${grouped(step)} of ${grouped(planned)}`,
    time(seconds) + (isUnderWay ? ` of about ${settings.budget} s` : ""),
  ];
  if (status === "stopping") return "Stopping…";
  if (validation !== undefined) parts.push(`validation loss ${validation.toFixed(3)}`);
  const state = session.away ? " Paused while this figure is off screen." : status === "stopped" ? " Stopped." : "";
  return `${parts.join(" · ")}.${state}`;
}

/**
 * Which lines a run is below now, and which not.
 * @param {Session} session
 */
function passed({ crossed, validation, settings }) {
  const loss = lastOf(validation) ?? Infinity;
  const levels = settings?.levels.slice(1) ?? [];
  const below = crossed.filter(({ nats }) => loss < nats);
  const above = levels.filter(({ nats }) => loss >= nats).map(({ name, nats }) => `the ${name} (${nats.toFixed(3)})`);
  const lines = below.map(({ name, seconds }) => `the ${name} after ${time(seconds)}`);
  if (!levels.length) return [];
  if (!lines.length) return [`It has passed none of the lines: ${joined(above)}.`];
  return [`It has passed ${joined(lines)}${above.length ? `, but not ${joined(above)}` : ""}.`];
}

/**
 * What is said when the learning rate was too high.
 * @param {Session} session
 */
export function broken({ status, step, validation, settings }) {
  const loss = status === "broken" ? "is no number any more" : `is ${lastOf(validation)?.toFixed(2)}`;
  const guess = status === "broken" ? "" : `, worse than a blind guess (${settings?.levels[0].nats.toFixed(2)})`;
  return `After ${grouped(step)} steps the loss ${loss}${guess}: each step is so long that it leaps over what it looks for.`;
}

/**
 * What is seen, in words.
 * @param {Session} session
 * @param {{values: Values, shape: Shape, corpus: Corpus | null, levels: Level[],
 *   stored: import("./chart.js").Stored | undefined, expected: number | undefined}} now  stored: the run of this recipe in PyTorch; expected: where the guess ends
 */
export function describe(session, { values, shape, corpus, levels, stored, expected }) {
  const { status, settings, step } = session;
  if (status === "idle" || status === "starting" || status === "failed" || !settings)
    return plan(values, shape, corpus, levels);
  if (status === "stopping") return "";
  if (status === "broken") return "Broken off.";
  const validation = lastOf(session.validation);
  const workers = session.workers > 1 ? ` in ${session.workers} workers` : "";
  const beginning = {
    running:
      `Training ${grouped(session.parameters)} parameters for ${grouped(session.planned)} steps${workers} with ` +
      `${settings.optimizer === "muon" ? "Muon" : "AdamW"} at a learning rate of ${written(session.learningRate)}.`,
    stopped: `Stopped at step ${grouped(step)} of ${grouped(session.planned)}.`,
    finished: `Finished after ${grouped(step)} steps in ${time(session.seconds)}.`,
  }[status];
  const sentences = [beginning];
  if (status !== "running" && validation !== undefined)
    sentences.push(`The validation loss is ${validation.toFixed(3)} nats.`);
  if (status !== "running" || session.crossed.length) sentences.push(...passed(session));
  if (status === "finished") {
    if (expected !== undefined) sentences.push(`You expected ${expected.toFixed(2)} at the end.`);
    if (stored) {
      const steps = grouped(stored.steps);
      sentences.push(
        `The same recipe in PyTorch ends at ${stored.y[stored.y.length - 1].toFixed(3)} after ${steps} steps.`,
      );
    }
    for (const run of session.earlier) {
      const name = runName(run);
      sentences.push(`${name[0].toUpperCase()}${name.slice(1)}, ended at ${lastOf(run.validation)?.toFixed(3)}.`);
    }
  }
  if (!settings.config.causal) {
    sentences.push(
      "There is no causal mask, so each position attends to the character that it should predict: this loss measures " +
        "copying, and the samples, for which there is nothing to copy, are meaningless.",
    );
  }
  return sentences.join(" ");
}

/**
 * What a run with these settings would be, before it starts.
 * @param {Values} values @param {Shape} shape @param {Corpus | null} corpus @param {Level[]} levels
 */
function plan(values, shape, corpus, levels) {
  const text = corpus ? `your text, ${grouped(corpus.tokens.length)} characters of it` : "nine plays by Shakespeare";
  const optimizer = values.optimizer === "muon" ? "Muon" : "AdamW";
  const standard = values.optimizer === "muon" && values.doublings === 0; // a word on it would only puzzle a newcomer
  const how = standard ? "" : `, ${optimizer} at ${rates(values.doublings)} learning rates`;
  const length = values.steps ? `${grouped(values.steps)} steps` : `${values.budget} s`;
  const mask = values.causal ? "" : " without a causal mask";
  const lines = levels.map(({ name, nats }) => `${name} ${nats.toFixed(3)}`);
  const sentences = [
    `Ready to train for ${length} on ${text}: ${labelOf(shape, corpus?.vocabulary ?? 65)}${mask}${how}.`,
    "The lower its loss, the better it predicts. Losses to beat, in nats per character, from a blind guess to counted " +
      `groups of characters: ${joined(lines)}.`,
  ];
  sentences.push("Training pauses while this figure is off screen.");
  return sentences.join(" ");
}
