// Which exercises the reader has solved, for all pages of the book.

import { store } from "../kit/store.js";

/** @returns {string[]} */
function solved() {
  const found = store.get("solved", []);
  return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
}

export const progress = {
  /** @param {string} number  of an exercise */
  has: (number) => solved().includes(number),
  /** @param {string} number */
  add: (number) => store.set("solved", [...new Set([...solved(), number])]),
  onChange: store.onChange,
};
