// What the model wrote while it learned: the last sample, or an earlier one that the reader goes back to.

import { slider } from "../kit/controls.js";
import { create } from "../kit/frame.js";
import { time } from "./words.js";

/**
 * Add the samples to a figure.
 * @param {import("../kit/frame.js").Frame} frame
 * @param {import("./session.js").Session} session
 */
export function timeline(frame, session) {
  const title = create("p", { class: "panel-title" }, "What the model writes");
  const text = create("p", { class: "text" });
  const panel = create("div", { class: "panel samples" }, title, text);
  frame.stage.append(panel);
  let chosen = Infinity; // beyond the last one: always the newest
  const { node, input, set } = slider(panel, {
    label: "Sample after",
    min: 0,
    max: 1,
    step: 1,
    value: 1,
    format: (i) => time(session.samples[i]?.seconds ?? 0),
    onInput(i) {
      chosen = i === session.samples.length - 1 ? Infinity : i;
      update();
    },
  });

  function update() {
    const { samples, settings } = session;
    if (samples.length < 2) chosen = Infinity;
    const i = Math.min(chosen, samples.length - 1);
    node.hidden = samples.length < 2;
    input.max = String(Math.max(1, samples.length - 1));
    set(i);
    const given = create("span", {}, settings && samples.length ? settings.prompt : "");
    given.style.color = "var(--note)";
    text.replaceChildren(
      given,
      samples[i]?.text ?? "Nothing yet. During training, a sample appears every few seconds.",
    );
  }
  update();
  return { update };
}
