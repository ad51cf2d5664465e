// The settings of a run that fits into the time that the reader grants: a long schedule that is stopped early is worse.

const EVALUATIONS = 32; // of the validation loss in a long run
const EVALUATION = 3.5; // steps that would take as long as one of them
const APART = 20; // steps between two of them, in a short run
const FEWEST = 20; // steps, however slow the machine is
const SHARE = 0.97; // of the time; the rest is for samples

/** What to expect before the reader's machine has been timed. */
export const STEPS_PER_SECOND = 30;
/** Steps of a run that passes the trigram: the fewest that were measured. */
export const ENOUGH = 300;

/** How long some steps take, with their evaluations. */
export function secondsOf(/** @type {number} */ steps, /** @type {number} */ secondsPerStep) {
  return secondsPerStep * (steps + EVALUATION * (1 + steps / recipe(steps, "muon").evalEvery));
}

/**
 * How many steps, with their evaluations, fit into some seconds, as a number that is easy to read.
 * @param {number} budget  seconds
 * @param {number} secondsPerStep
 */
export function stepsIn(budget, secondsPerStep) {
  const all = (SHARE * budget) / secondsPerStep;
  const fitting = Math.max(all / (1 + EVALUATION / APART), all - EVALUATION * EVALUATIONS) - EVALUATION;
  const most = Math.max(FEWEST, fitting);
  const unit = 10 ** (Math.floor(Math.log10(most)) - 1);
  return Math.floor(most / unit) * unit;
}

/**
 * The settings of `engine.train` for a number of steps; benchmarks/c07_live_curve.py has the same for PyTorch.
 * @param {number} steps
 * @param {"muon" | "adamw"} optimizer
 */
export function recipe(steps, optimizer) {
  return {
    steps,
    batchSize: 16,
    optimizer,
    learningRate: 3e-3,
    embeddingLearningRate: 1e-2,
    muonLearningRate: steps < 1500 ? 0.02 : 0.01,
    evalEvery: Math.max(Math.round(steps / EVALUATIONS), Math.min(APART, Math.ceil(steps / 4))),
  };
}
