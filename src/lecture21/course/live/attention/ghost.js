// The weights before the reader's last gesture: a drag, or the presses of one key.

/**
 * Remember the weights that a gesture has changed.
 * @param {import("../kit/frame.js").Frame} frame
 */
export function ghostOf(frame) {
  /** @type {number[][] | null} */
  let last = null;
  /** @type {number[][] | null} */
  let before = null;
  let isNew = true;
  let key = "";
  // Both before the control that the gesture changes.
  const begins = () => {
    key = "";
    isNew = true;
  };
  frame.root.addEventListener("pointerdown", begins, true);
  const pressed = (/** @type {Event} */ event) => {
    const { key: next } = /** @type {KeyboardEvent} */ (event);
    if (next !== key) isNew = true;
    key = next;
  };
  frame.root.addEventListener("keydown", pressed, true);
  frame.onReset(() => (last = before = null));
  /** Return the weights before the last gesture that changed them; null if there are none. */
  return (/** @type {number[][]} */ weights) => {
    if (last && isNew && JSON.stringify(weights) !== JSON.stringify(last)) {
      before = last;
      isNew = false;
    }
    last = weights;
    return before;
  };
}
