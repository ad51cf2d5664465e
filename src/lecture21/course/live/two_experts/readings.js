// What the figure of two experts says in numbers: a table of the three fits, and a sentence about the chosen one.

import { create, headings } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { deviations, explain, score } from "./fit.js";
import { LONG_NAMES, METHODS, parametersOf, stepsOf } from "./state.js";

const HEAD = ["Fit", "Steps", "Nats per point", "Error of the mean", "Error of the experts"];
const NOTE =
  "Nats per point: mean log-likelihood, higher is better. A dash marks a fit without a likelihood, because the squared " +
  "error does not train the standard deviations. Errors are mean squared errors, lower is better; that of the experts " +
  "is weighted by the gate. All three fits use the same initialization.";

/**
 * Add a table of the three fits to a stage, and return the function that fills it.
 * @param {Element} stage
 */
export function fitTable(stage) {
  const rows = METHODS.map((name) => {
    const cells = HEAD.slice(1).map(() => create("td"));
    return { cells, node: create("tr", {}, create("th", { scope: "row" }, LONG_NAMES[name]), ...cells) };
  });
  const table = create(
    "table",
    {},
    create("caption", { class: "hidden" }, "The three fits on the points as they are now"),
    headings(...HEAD),
    create("tbody", {}, ...rows.map(({ node }) => node)),
  );
  const summary = create("summary", {}, "The three fits in numbers");
  stage.append(create("details", { class: "panel full" }, summary, table, create("p", { class: "note" }, NOTE)));
  return (
    /** @type {import("./state.js").Row[]} */ fits,
    /** @type {[number, number][]} */ points,
    /** @type {number} */ chosen,
  ) =>
    rows.forEach(({ cells, node }, i) => {
      const { nats, error, expertError } = score(parametersOf(fits[i]), points);
      const steps = stepsOf(fits[i]);
      // The squared error does not train the standard deviations, so there is no likelihood to compare.
      const untrained = METHODS[i] === "cooperative" && steps > 0;
      const texts = [String(steps), untrained ? "\u2013" : written(nats, 3), error.toFixed(3), expertError.toFixed(3)];
      cells.forEach((each, k) => (each.textContent = texts[k]));
      node.classList.toggle("chosen", i === chosen);
    });
}

/**
 * Return what one fit is, in words.
 * @param {import("./state.js").Row} row
 * @param {import("./state.js").Method} method
 * @param {[number, number][]} points
 * @param {number[][] | null} responsible  as the points are colored
 */
export function sentence(row, method, points, responsible) {
  const p = parametersOf(row);
  const sds = deviations(p);
  const { nats, error } = score(p, points);
  const line = (/** @type {number} */ m) => {
    const sign = p[3 * m + 1] < 0 ? "\u2212" : "+";
    const offset = Math.abs(p[3 * m + 1]).toFixed(2);
    const spread = method === "cooperative" ? "" : `, standard deviation ${sds[m].toFixed(2)}`;
    return `expert ${m + 1} is y = ${written(p[3 * m])} x ${sign} ${offset}${spread}`;
  };
  const owned = responsible?.filter(([first]) => first >= 0.5).length;
  const colors = responsible
    ? `Expert 1 is more responsible for ${owned} of ${points.length} points.`
    : "Before the first E-step, the points belong to no expert.";
  const border = -p[7] / p[6];
  const gate =
    Math.abs(border) <= 1
      ? `The gate prefers expert ${p[6] > 0 ? 1 : 2} below x = ${written(border)} and the other above.`
      : `The gate prefers expert ${p[7] > 0 ? 2 : 1} everywhere.`;
  const steps = stepsOf(row);
  const when = steps === 0 ? "before the first step" : `after ${steps} ${steps === 1 ? "step" : "steps"}`;
  const likelihood = method === "cooperative" ? "" : `${written(nats, 3)} nats per point and a `;
  return (
    `${LONG_NAMES[method]}, ${when}: ${likelihood}squared error of ${error.toFixed(3)}; ${line(0)}; ${line(1)}. ` +
    `${gate} ${colors}`
  );
}

export const FIRST = {
  em: "Press E-step, then M-step, and repeat. Then drag a few points to the other line, and go on.",
  competitive: "Press Run, and watch the curve of the likelihood.",
  cooperative: "Press Run, and look at the black mean. Then look at the two lines.",
};

/**
 * Return what to do with one fit, and what one then sees, if it is what the fit has come to.
 * @param {import("./state.js").Row} row
 * @param {import("./state.js").Method} method
 * @param {[number, number][]} points
 * @param {{moved: boolean, colored: boolean}} since  whether there were steps on these points, and whether they have colors
 */
export function advice(row, method, points, { moved, colored }) {
  const p = parametersOf(row);
  const { error, expertError } = score(p, points);
  // The squared distance of the points to the line of their color, as a mean.
  const own = explain(p, points).reduce(
    (sum, { means, responsible }, n) =>
      sum + responsible.reduce((part, r, m) => part + (r * (points[n][1] - means[m]) ** 2) / points.length, 0),
    0,
  );
  let then = "";
  if (method === "em" && moved)
    then = "the M-step has moved each line to the points of its color, and no round lowers the likelihood.";
  else if (method === "em" && colored)
    then = "each point has the color of the expert that is responsible for it. The lines stay where they are.";
  else if (method === "competitive" && moved && own < error)
    then = "the points are nearer to the line of their color than to the black mean.";
  else if (method === "cooperative" && moved && expertError > 2 * error)
    then = `the squared error of the two lines is ${(expertError / error).toFixed(1)} times that of their mean: the errors cancel.`;
  return { first: FIRST[method], then };
}

// The chosen point is large only while it can be moved or removed.
export const STYLE = `
.figure:not(:has(.more[open])) .handle:not(:focus)::before { visibility: hidden; }
table { width: 100%; } th, td { padding: 0.2rem 0.3rem; vertical-align: bottom; }
thead th { font-weight: 600; } tbody th { font-weight: 400; } .chosen > * { font-weight: 700; }
@container (max-width: 30rem) { table { font-size: 0.8rem; } th, td { padding: 0.2rem 0.15rem; } }
`;
