// One of the three matrices of a head, of which one number is chosen and moved with a slider.

import { slider } from "../kit/controls.js";
import { controlsOf } from "../kit/bound.js";
import { byInput } from "../kit/frame.js";
import { written } from "../kit/numbers.js";
import { MATRICES } from "./compute.js";
import { step } from "./parts.js";
import { edit, matrixTable } from "./tables.js";

/** @typedef {import("./attention.js").Playground} Playground */
/** @typedef {"query" | "key" | "value"} Role */

/**
 * What a matrix decides, and how one of its numbers is read.
 * @type {Record<Role, {title: string, says: string, what: (name: string) => string}>}
 */
const ROLES = {
  query: { title: "What a word looks for", says: "looks for", what: a },
  key: { title: "What it can be found by", says: "is found by", what: quoted },
  value: { title: "What it hands over", says: "hands over", what: quoted },
};
const MOST = 4;

/** The name of a component with its article; of one's own vectors, they have numbers. */
function a(/** @type {string} */ name) {
  if (/^\d/.test(name)) return `component ${name}`;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}

function quoted(/** @type {string} */ name) {
  return `“${name}”`;
}

const componentsOf = (/** @type {Playground} */ { slots, valueSlots }, /** @type {Role} */ role) =>
  role === "value" ? valueSlots : slots;

/** The choice of a matrix. @param {Playground} playground @param {Element} parent */
export function roleChoice({ frame }, parent) {
  const options = Object.entries(ROLES).map(([role, { says }]) => /** @type {[string, string]} */ ([role, says]));
  controlsOf(frame).choice("role", { parent, label: "Each word …", options });
}

/** A slider for the chosen number of the chosen matrix. @param {Playground} playground @param {Element} parent */
export function cellSlider(playground, parent) {
  const { state, features, updates } = playground;
  const control = slider(parent, {
    label: "",
    min: -MOST,
    max: MOST,
    step: 0.5,
    value: 0,
    format: (value) => written(value, 1),
    onInput(value) {
      const { role, cell } = state.values;
      edit(state, MATRICES[/** @type {Role} */ (role)])(cell[0], cell[1], value);
    },
  });
  control.node.classList.add("wide");
  const name = /** @type {Text} */ (control.node.querySelector("label")?.firstChild);
  updates.push(() => {
    const { role, cell } = state.values;
    const [i, j] = cell;
    const { says, what } = ROLES[/** @type {Role} */ (role)];
    name.data = `How much ${a(features[j])} ${says} ${what(componentsOf(playground, role)[i])}: `;
    control.set(state.values[MATRICES[/** @type {Role} */ (role)]][i][j]);
  });
}

/** The matrix, whose numbers are chosen and typed. @param {Playground} playground @param {Element} parent */
export function chosenMatrix(playground, parent) {
  const { state, features, updates } = playground;
  for (const role of /** @type {Role[]} */ (Object.keys(ROLES))) {
    const letter = role[0];
    const formula = `${letter} = W^${letter} x; choose a number`;
    const node = step(parent, { title: ROLES[role].title, formula, role });
    const rows = componentsOf(playground, role);
    const options = { label: `W^${letter}`, rows, columns: features, onEdit: edit(state, MATRICES[role]) };
    const table = matrixTable(playground, node, options, MATRICES[role]);
    const cells = [...table.querySelectorAll("td.cell")];
    // With a finger, the slider changes the number: no keyboard covers the weights.
    for (const input of table.querySelectorAll("input")) input.inputMode = byInput("decimal", "none");
    node.addEventListener("focusin", ({ target }) => {
      const at = cells.findIndex((cell) => cell.contains(/** @type {Node} */ (target)));
      const cell = [Math.floor(at / features.length), at % features.length];
      if (at >= 0 && JSON.stringify(cell) !== JSON.stringify(state.values.cell)) state.set({ cell });
    });
    updates.push(() => {
      node.hidden = state.values.role !== role;
      const [i, j] = state.values.cell;
      cells.forEach((cell, at) => cell.classList.toggle("chosen", at === i * features.length + j));
    });
  }
}
