// What the figure of two experts says in numbers: a table of the three fits, and a sentence about the chosen one.

import { create, headings } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { deviations, score } from "./fit.js";
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
  stage.append(create("div", { class: "panel full" }, table, create("p", { class: "note" }, NOTE)));
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

export const STYLE = `
table { width: 100%; } th, td { padding: 0.2rem 0.3rem; vertical-align: bottom; }
thead th { font-weight: 600; } tbody th { font-weight: 400; } .chosen > * { font-weight: 700; }
@container (max-width: 30rem) { table { font-size: 0.8rem; } th, td { padding: 0.2rem 0.15rem; } }
`;
