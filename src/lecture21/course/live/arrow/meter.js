// How near two words have come to each preferring the other.

import { create } from "../kit/frame.js";

export const METER_STYLE = `
.meter { display: grid; grid-template-columns: auto 1fr 2.6rem; gap: 0.3rem 0.6rem; align-items: center; margin: 0; font-variant-numeric: tabular-nums; }
.meter .way { position: relative; height: 1.1rem; background: var(--panel); border: 1px solid var(--line); }
.meter .way i { display: block; height: 100%; background: var(--right); }
.meter .way b { position: absolute; left: 50%; top: -0.2rem; bottom: -0.2rem; border-left: 2px solid var(--ink); }
.meter + .note { margin: 0.3rem 0 0.8rem; }
`;

const GOAL = 0.5; // a word prefers the other if it gives it more than this

/** Add the meter of two words. @param {HTMLElement} parent @param {string[]} words */
export function meter(parent, words) {
  const node = create("div", { class: "meter" });
  const rows = words.map((word, i) => {
    const [bar, number] = [create("i"), create("span", { class: "share" })];
    const way = create("span", { class: "way", "aria-hidden": "true" }, bar, create("b"));
    node.append(create("span", {}, `${word} → ${words[1 - i]}`), way, number);
    return { bar, number };
  });
  const note = create("p", { class: "note" });
  parent.append(create("p", { class: "panel-title" }, `Both must pass ${GOAL.toFixed(2)}`), node, note);
  let best = 0;
  return {
    /** @param {number[]} given  what each word gives the other */
    update(given) {
      best = Math.max(best, Math.min(...given));
      rows.forEach(({ bar, number }, i) => {
        bar.style.width = `${100 * given[i]}%`;
        number.textContent = given[i].toFixed(2);
      });
      note.textContent = `Best so far: both at ${best.toFixed(2)} or more.`;
    },
    reset: () => void (best = 0),
  };
}
