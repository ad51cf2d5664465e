// Ensembles of linear students in closed form: the formulas of lecture21.ensembles.sollich_krogh.
// A student sees a random share of P = alpha N examples, and minimizes its squared error plus penalty |w|^2. Errors are
// those against the teacher, without noise; a student that has learned nothing has the error 1.

/**
 * Return the fraction of the teacher that a student has not learned.
 * @param {number} alpha  the student's examples for each weight
 * @param {number} penalty
 */
export function ignorance(alpha, penalty) {
  const b = penalty + alpha - 1;
  const root = Math.hypot(b, 2 * Math.sqrt(penalty));
  return b > 0 ? (2 * penalty) / (b + root) : (root - b) / 2; // avoids cancellation
}

/** The common part of the errors of two students, of which `overlap` is the share of examples that both see. */
function crossError({ alpha, subset, noise, penalty }, overlap) {
  const rho = ignorance(alpha * subset, penalty);
  const q = ((1 - rho) * (1 - rho) * overlap) / (alpha * subset * subset);
  if (q < 1) return (rho * rho + noise * q) / (1 - q);
  return noise > 0 ? Infinity : 0; // no penalty, and as many examples as weights: without noise, w = w0
}

/**
 * Return the average error of the members, the error of their mean, and the ambiguity, which is the difference.
 * @param {{alpha: number, subset: number, noise: number, members: number, penalty: number}} setting
 */
export function ensembleErrors(setting) {
  const { members, subset } = setting;
  const average = crossError(setting, subset);
  const shared = crossError(setting, subset * subset);
  const ensemble = members === 1 ? average : average / members + (1 - 1 / members) * shared;
  return { average, ensemble, ambiguity: average - ensemble };
}

/** The range in which the best penalty is searched. */
export const PENALTIES = [1e-9, 1e4];

/**
 * Return where an error is smallest: a penalty, 0 included, or a share of the examples.
 * @param {{alpha: number, subset: number, noise: number, members: number, penalty: number}} setting
 * @param {string} along  penalty or subset
 * @param {string} error  ensemble or average
 */
export function best(setting, along, error) {
  const at = (value) => ensembleErrors({ ...setting, [along]: value })[error];
  if (along === "subset") return minimize(at, 0.01, 1);
  const found = Math.exp(minimize((x) => at(Math.exp(x)), ...PENALTIES.map(Math.log)));
  return at(0) <= at(found) ? 0 : found;
}

/** Search a grid, and then between the neighbors of its best point by the golden section. */
function minimize(f, low, high) {
  const grid = Array.from({ length: 201 }, (_, i) => low + ((high - low) * i) / 200);
  const values = grid.map(f);
  const i = values.indexOf(Math.min(...values));
  let [a, b] = [grid[Math.max(i - 1, 0)], grid[Math.min(i + 1, 200)]];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let step = 0; step < 60; step++) {
    const [x, y] = [b - golden * (b - a), a + golden * (b - a)];
    if (f(x) <= f(y)) b = y;
    else a = x;
  }
  const middle = (a + b) / 2;
  return f(middle) <= values[i] ? middle : grid[i];
}
