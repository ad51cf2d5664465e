// Text that appears character by character, at a pace that can be followed, and can be stopped.

import { messageOf } from "../kit/frame.js";
const PACE = 45; // ms from one character to the next

/**
 * @param {import("../kit/frame.js").Frame} frame
 * @param {object} options
 * @param {(onSymbol: (symbol: string) => void) => {done: Promise<unknown>, stop: () => void} | null} options.job
 *   starts to generate; null: nothing can be generated now
 * @param {(more: string) => void} options.onText  some characters appear
 * @param {(running: boolean) => void} options.onState  writing has begun, or no longer goes on
 * @param {() => void} options.onEnd  the text is complete, or was stopped
 */
export function createWriter(frame, { job, onText, onState, onEnd }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {{stop: () => void, waiting: string[], ended: boolean} | null} */
  let current = null;
  let timer = 0;

  const writer = {
    running: false,
    start() {
      /** @type {string[]} */
      const waiting = [];
      const found = job((symbol) => waiting.push(symbol));
      if (!found) return;
      const mine = { stop: found.stop, waiting, ended: false };
      current = mine;
      writer.running = true;
      onState(true);
      found.done.catch((error) => current === mine && frame.fail(messageOf(error))).then(() => (mine.ended = true));
      step();
    },
    /** Go on no further; what has appeared stays. */
    stop() {
      if (!writer.running) return;
      writer.cancel();
      onEnd();
    },
    /** The same, when the text is about to be replaced. */
    cancel() {
      clearTimeout(timer);
      current?.stop();
      current = null;
      if (!writer.running) return;
      writer.running = false;
      onState(false);
    },
  };

  function step() {
    clearTimeout(timer);
    if (!current || !frame.visible) return; // goes on when the figure is seen again
    const { waiting, ended } = current;
    // Where motion is to be reduced, all characters appear together.
    const more = calm.matches ? (ended ? waiting.splice(0) : []) : waiting.splice(0, 1);
    if (more.length) onText(more.join(""));
    else if (ended) return writer.stop();
    timer = setTimeout(step, PACE);
  }

  frame.onVisible(step);
  frame.onRemove(writer.cancel);
  return writer;
}
