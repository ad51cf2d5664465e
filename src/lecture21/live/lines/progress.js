// Which exercises the reader has solved, kept by the browser alone, for all pages of the book.

const KEY = "lecture21-solved";
const EVENT = "lecture21-solved";

/**
 * The numbers of the solved exercises. Pages that are opened as files may be refused the browser's memory; then they
 * are forgotten with the page.
 */
let solved = new Set(stored());

/** @returns {string[]} */
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** @param {Set<string>} numbers */
function change(numbers) {
  solved = numbers;
  try {
    if (numbers.size) localStorage.setItem(KEY, JSON.stringify([...numbers]));
    else localStorage.removeItem(KEY);
  } catch {
    // kept until the page is left
  }
  dispatchEvent(new Event(EVENT));
}

export const progress = {
  /** @param {string} number  of an exercise */
  has: (number) => solved.has(number),
  /** @param {string} number */
  add: (number) => change(new Set([...solved, number])),
  clear: () => change(new Set()),
  /**
   * Call a function after each change, in this page or another; returns a function that ends this.
   * @param {() => void} action
   */
  onChange(action) {
    const reload = () => {
      solved = new Set(stored());
      action();
    };
    addEventListener(EVENT, action);
    addEventListener("storage", reload);
    return () => {
      removeEventListener(EVENT, action);
      removeEventListener("storage", reload);
    };
  },
};
