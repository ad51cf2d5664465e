// A button that plays a film, and pauses it. Where motion is to be reduced, the film is at its end at once.

import { button } from "./controls.js";

/**
 * @param {import("./frame.js").Frame} frame
 * @param {object} options
 * @param {string} [options.label]
 * @param {boolean} [options.main]
 * @param {() => number} options.pause  milliseconds from one picture to the next
 * @param {() => void} options.onPlay  show the first picture
 * @param {() => boolean} [options.ready]  whether the reader sees the pictures; until then the film waits
 * @param {() => boolean} options.advance  show the next picture; returns whether there is one more
 * @param {() => void} options.onStop  the film has ended, or was paused
 */
export function player(frame, { label = "Play", main = false, pause, ready = () => true, onPlay, advance, onStop }) {
  let timer = 0;
  const node = button(frame.controls, {
    label,
    others: ["Pause"],
    main,
    onClick: () => (film.plays ? stop() : play()),
  });
  const film = {
    node,
    /** Whether it plays: then nothing is read aloud. */
    plays: false,
    stop,
    /** Stop, when something else is about to be shown. */
    halt() {
      clearInterval(timer);
      film.plays = false;
      node.textContent = label;
    },
  };

  function play() {
    film.plays = true;
    node.textContent = "Pause";
    onPlay();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      while (film.plays) step();
    } else timer = window.setInterval(() => frame.visible && ready() && step(), pause());
  }

  function step() {
    if (!advance() && film.plays) stop();
  }

  function stop() {
    if (!film.plays) return;
    film.halt();
    onStop();
  }

  frame.onRemove(film.halt);
  return film;
}
