// What the figure says to a reader who has not read a chapter yet: the loss is surprise per letter, and the one thing to
// compare it with is a blind guess.

import { lastOf } from "./words.js";

export const PLAIN = {
  first: "Press Start training, and read what the model writes while it learns.",
  more: "More settings",
  yTitle: "surprise per letter",
  curve: "text that the model has never seen",
};

/** The only loss to compare with. @param {import("./session.js").Level[]} levels  the uniform distribution first */
export const blindGuess = (levels) => [{ name: "blind guess", nats: levels[0].nats }];

/** A loss as the number of letters, all equally probable, that would be as hard to guess. */
export const choices = (/** @type {number} */ nats) => {
  const count = Math.exp(nats);
  return count < 9.95 ? String(Number(count.toFixed(1))) : count.toFixed(0);
};

const sure = (/** @type {number} */ nats) => `as unsure as between ${choices(nats)} letters`;

/** One line that changes often. @param {import("./session.js").Session} session */
export function plainProgress(session) {
  const { status, seconds, settings } = session;
  if (status === "starting") return "Loading nine plays…";
  if (status === "stopping") return "Stopping…";
  const loss = lastOf(session.validation);
  if (status === "idle" || status === "failed" || !settings || loss === undefined) return "";
  const isUnderWay = status === "running" && !settings.steps && seconds < settings.budget;
  const time = `${seconds.toFixed(0)} s${isUnderWay ? ` of about ${settings.budget} s` : ""}`;
  const state = session.away ? " Paused while this figure is off screen." : status === "stopped" ? " Stopped." : "";
  return `${time} · surprise per letter ${loss.toFixed(2)}: ${sure(loss)}.${state}`;
}

/**
 * What is seen, in words.
 * @param {import("./session.js").Session} session
 * @param {import("./session.js").Level[]} levels
 */
export function plainDescription(session, levels) {
  const loss = lastOf(session.validation);
  const [{ nats: blind }] = levels;
  if (["stopped", "finished"].includes(session.status) && loss !== undefined) {
    if (loss >= blind) return `It has learned nothing: it is ${sure(loss)}, no better than a blind guess. Start again.`;
    return `Your model began ${sure(blind)}, and is now ${sure(loss)}.`;
  }
  return "";
}
