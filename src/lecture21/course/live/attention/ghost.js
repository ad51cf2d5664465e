// The weights before the reader's last gesture: a drag, or the presses of one key.

/**
 * Remember the weights that a gesture has changed.
 * @param {import("../kit/frame.js").Frame} frame
 */
export function ghostOf(frame) {
  /** @type {{of: string, weights: number[][] | null}} */
  let last = { of: "", weights: null };
  /** @type {number[][] | null} */
  let before = null;
  let isNew = true;
  let key = "";
  const begin = () => (isNew = true);
  // Both before the control that the gesture changes.
  const begins = () => {
    key = "";
    begin();
  };
  frame.root.addEventListener("pointerdown", begins, true);
  const pressed = (/** @type {Event} */ event) => {
    const { key: next } = /** @type {KeyboardEvent} */ (event);
    if (next !== key) begin();
    key = next;
  };
  frame.root.addEventListener("keydown", pressed, true);
  frame.onReset(() => (last = { of: "", weights: null }));
  /**
   * Return the weights before the last gesture that changed them; null if there are none.
   * @param {string} of  which weights these are: there is no ghost of other ones
   * @param {number[][]} weights
   */
  return (of, weights) => {
    const isSame = JSON.stringify(weights) === JSON.stringify(last.weights);
    if (of !== last.of) before = null;
    else if (!isSame && isNew) {
      before = last.weights;
      isNew = false;
    }
    last = { of, weights };
    return before;
  };
}
