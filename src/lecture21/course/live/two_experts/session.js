// What the reader does with the fits: the two halves of a step of EM, a step, a run, and other points.

import { written } from "../kit/numbers.js";
import { responsibilities } from "./fit.js";
import { FEWEST, METHODS, climbed, freshFits, gain, parametersOf, stepped } from "./state.js";

const TOLERANCE = 1e-6; // nats: EM has converged after a step that changes the log-likelihood by less
const LIMIT = { em: 300, competitive: 500, cooperative: 500 }; // steps of one run
const STEPS = { em: 1, competitive: 4, cooperative: 4 }; // from one picture of a run to the next
const NOT_FINITE = "The fit diverged to numbers that are not finite: press Reset, or choose a smaller learning rate.";

/**
 * @typedef {import("./state.js").Row} Row
 * @typedef {{fits: Row[], since: Row[], steps: number, end?: string}} Run
 *   the fits so far, those at its beginning, its steps, and why it has ended
 */

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {number[][]} starts  the parameters of each random initialization
 */
export function createSession(frame, starts) {
  const { state } = frame;
  const values = /** @type {import("./state.js").Values} */ (state.values);
  const current = () => METHODS.indexOf(values.method);
  const replaced = (/** @type {Row[]} */ fits, /** @type {Row} */ next) =>
    fits.map((each, i) => (i === current() ? next : each));
  /** The result of an E-step, as the state has it. */
  const sharesOf = (/** @type {Row} */ fit, points = values.points) =>
    responsibilities(parametersOf(fit), points).map(([, second]) => Math.min(1, Math.max(0, second)));

  const session = {
    /** While fitting. @type {Run | null} */
    run: null,
    /** What came of the last thing that was done, in words. */
    outcome: "",
    /** What each fit has reached, step by step. @type {Partial<Record<import("./state.js").Method, import("./state.js").Climb>>} */
    climbs: {},
    /** The parameters before the last step. @type {number[] | null} */
    ghost: null,
    get fits() {
      return session.run?.fits ?? values.fits;
    },
    get row() {
      return session.fits[current()];
    },
    /** How the points are colored: in EM by the last E-step, or not yet. */
    get colored() {
      if (session.run || values.method !== "em") return responsibilities(parametersOf(session.row), values.points);
      return values.shares.length === values.points.length ? values.shares.map((share) => [1 - share, share]) : null;
    },
    /** What the chosen fit has reached, up to now. */
    get climb() {
      const { method, points } = values;
      const now = climbed(session.climbs[method], session.row, method, points);
      session.climbs[method] = now;
      return now;
    },
    get selected() {
      return Math.min(values.selected, values.points.length - 1);
    },

    eStep() {
      changed("The E-step left the lines where they were.");
      state.set({ shares: sharesOf(session.row) });
    },

    /** A step, which in EM is an M-step once the points have colors. */
    step() {
      const before = session.row;
      const shares = values.method === "em" ? (session.colored ?? undefined) : undefined;
      const next = stepped(before, values.points, values.method, values.learning_rate, shares);
      if (!next) return frame.fail(NOT_FINITE);
      const change = written(gain(before, next, values.points), 3);
      changed(
        values.method === "cooperative" ? "" : `This step changed the log-likelihood by ${change} nats in total.`,
      );
      session.ghost = parametersOf(before);
      state.set({ fits: replaced(values.fits, next) });
    },

    begin() {
      void session.climb;
      session.run = { fits: values.fits, since: values.fits, steps: 0 };
      frame.fail("");
    },

    /** Make the next steps of a run; returns whether there are more. */
    advance() {
      const { run } = session;
      for (let i = 0; run && i < STEPS[values.method]; i++) {
        const before = session.row;
        const next = stepped(before, values.points, values.method, values.learning_rate);
        if (!next) {
          frame.fail(NOT_FINITE);
          return false;
        }
        run.fits = replaced(run.fits, next);
        run.steps += 1;
        void session.climb;
        const change = Math.abs(gain(before, next, values.points));
        if (values.method === "em" && change < TOLERANCE)
          run.end = `EM has converged: its last step changed the log-likelihood by less than ${TOLERANCE.toFixed(6)} nats.`;
        else if (run.steps >= LIMIT[values.method]) run.end = `The run took ${run.steps} steps.`;
        if (run.end) return false;
      }
      return true;
    },

    /** Keep what a run has reached. */
    keep() {
      if (!session.run) return;
      const { fits, steps, end } = session.run;
      session.run = null;
      session.ghost = null;
      session.outcome = end ?? `Paused after ${steps} more ${steps === 1 ? "step" : "steps"}.`;
      state.set({ fits, ...(values.method === "em" ? { shares: sharesOf(fits[0]) } : {}) });
    },

    restart() {
      changed();
      state.set({ fits: freshFits(starts[values.start - 1]), shares: [] });
    },

    choose(/** @type {import("./state.js").Method} */ method) {
      session.outcome = "";
      session.ghost = null;
      state.set({ method });
    },

    changePoints(/** @type {{points: [number, number][], selected?: number}} */ changes) {
      changed();
      // Once there was an E-step, the colors follow the points.
      const shares = values.shares.length ? sharesOf(values.fits[0], changes.points) : [];
      state.set({ ...changes, shares });
    },

    addPoint() {
      const x = Math.round(200 * ((values.points.length * 0.618) % 1) - 100) / 100;
      session.changePoints({ points: [...values.points, [x, -1.5]], selected: values.points.length });
    },

    removePoint() {
      if (values.points.length <= FEWEST) return frame.fail(`The figure needs at least ${FEWEST} points.`);
      const { selected } = session;
      const points = values.points.filter((_, i) => i !== selected);
      session.changePoints({ points, selected: Math.min(selected, points.length - 1) });
    },

    /** Whether an E-step would change no color. */
    isColoredNow() {
      const now = sharesOf(session.row);
      return now.length === values.shares.length && now.every((share, n) => Math.abs(share - values.shares[n]) < 1e-6);
    },
  };

  function changed(outcome = "") {
    session.outcome = outcome;
    session.ghost = null;
    frame.fail("");
  }

  return session;
}
