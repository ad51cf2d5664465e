// During a talk (present.js), each figure that responds is as large as fits on the screen, and long code shows its beginning.
"use strict";

(() => {
  const FIGURES = ".live-figure:not([data-figure=question], [data-figure=lines])";
  const ANSWERS = ".live-figure:is([data-figure=question], [data-figure=lines])"; // whose readers answer alone
  const WIDTH = 890; // pixels of a figure on a page: a narrower one is arranged as on a phone
  const SMALLEST = 0.4; // of a figure's size on the page
  const SMALLEST_BESIDE = 0.7 / 800; // the same of one with its text beside it, for each pixel of the screen's height
  const MARGIN = 12; // pixels above and below a figure
  const LINES = 14; // of code in sight
  /** The observer of the section that is shown. @type {ResizeObserver | null} */
  let watched = null;

  const insideOf = (/** @type {HTMLElement} */ figure) =>
    figure.querySelector(".live-place > *")?.shadowRoot?.querySelector(".figure");

  /** Tell a figure that it is in a talk: what is folded on a phone is folded there as well. */
  function enter(/** @type {HTMLElement} */ figure, /** @type {boolean} */ isTalk) {
    const inner = insideOf(figure);
    if (!inner || inner.classList.contains("talk") === isTalk) return;
    inner.classList.toggle("talk", isTalk);
    inner.classList.toggle("asked", isTalk && figure.matches(ANSWERS));
    /** @type {NodeListOf<HTMLDetailsElement>} */
    const folds = inner.querySelectorAll("details.fold");
    for (const fold of folds) fold.open = !isTalk;
  }

  /** What a figure shows: its picture until it has started, one sentence while its gate is closed, or itself. */
  function stageOf(/** @type {HTMLElement} */ figure) {
    if (!figure.classList.contains("live-on")) return "picture";
    return insideOf(figure)?.classList.contains("closed") ? "gate" : "figure";
  }

  /** The zoom of a figure that is as wide as its place; a gate is one sentence, and as large as the text. */
  const largest = (/** @type {HTMLElement} */ figure, /** @type {number} */ zoom) =>
    figure.closest(".beside") && stageOf(figure) !== "gate"
      ? Math.min(zoom, /** @type {HTMLElement} */ (figure.parentElement).getBoundingClientRect().width / WIDTH)
      : zoom;

  /** Figures of a section, without those of sections within it. */
  const own = (/** @type {HTMLElement} */ slide, /** @type {string} */ kind) => {
    /** @type {NodeListOf<HTMLElement>} */
    const found = slide.querySelectorAll(kind);
    return [...found].filter((figure) => figure.closest("section[id]") === slide);
  };

  function begin(/** @type {HTMLElement} */ figure, /** @type {number} */ zoom) {
    figure.dataset.fitted = stageOf(figure);
    figure.style.zoom = String(zoom);
  }

  // It only shrinks, so that a figure that grows and shrinks does not flicker; what it shows next begins anew. As it
  // shrinks, its text gets more room and its height falls faster than its zoom, so small steps leave no room unused.
  function fit(/** @type {HTMLElement} */ figure, /** @type {number} */ zoom, /** @type {number} */ room) {
    enter(figure, true);
    if (figure.matches(ANSWERS)) return false;
    if (figure.dataset.fitted !== stageOf(figure)) {
      begin(figure, largest(figure, zoom));
      return true;
    }
    const { height } = figure.getBoundingClientRect();
    const now = Number(figure.style.zoom);
    if (height <= room || now <= SMALLEST) return false;
    const step = Math.min(0.99, Math.max(0.9, Math.sqrt(room / height)));
    if (figure.closest(".beside") && now * step < SMALLEST_BESIDE * innerHeight) {
      presentBeside.release(figure);
      begin(figure, zoom);
      return true;
    }
    figure.style.zoom = String(Math.max(SMALLEST, now * step));
    return true;
  }

  // One step a frame, between which drawings follow their new size, until a step changes nothing. A resize alone does not
  // tell when: two steps that cancel each other change no size.
  function watch(/** @type {number} */ zoom, /** @type {number} */ room) {
    const due = new Set();
    const observer = new ResizeObserver((entries) =>
      entries.forEach(({ target }) => schedule(/** @type {HTMLElement} */ (target))),
    );
    function schedule(/** @type {HTMLElement} */ figure) {
      if (due.has(figure)) return;
      due.add(figure);
      requestAnimationFrame(() => {
        due.delete(figure);
        if (watched === observer && fit(figure, zoom, room)) schedule(figure);
      });
    }
    return observer;
  }

  /**
   * Fit the figures of a section to the screen.
   * @param {HTMLElement} slide
   * @param {number} zoom  of the talk, beyond which no figure grows
   * @param {number} room  pixels for a figure
   */
  function figures(slide, zoom, room) {
    watched?.disconnect();
    watched = watch(zoom, room - 2 * MARGIN);
    for (const figure of own(slide, ANSWERS)) watched.observe(figure);
    for (const figure of own(slide, FIGURES)) {
      figure.classList.add("fitted");
      begin(figure, largest(figure, zoom));
      watched.observe(figure);
    }
  }

  function end(/** @type {HTMLElement} */ article) {
    watched?.disconnect();
    watched = null;
    /** @type {NodeListOf<HTMLElement>} */
    const all = article.querySelectorAll(".live-figure");
    for (const figure of all) {
      figure.classList.remove("fitted");
      figure.style.zoom = "";
      delete figure.dataset.fitted;
      enter(figure, false);
    }
    for (const block of article.querySelectorAll(".long-code")) {
      block.classList.remove("long-code");
      block.querySelector(".all-lines")?.remove();
    }
  }

  /** Show of each long block of code the first lines, and a button that shows all. */
  function code(/** @type {HTMLElement} */ article) {
    for (const block of article.querySelectorAll(".cell_input div.highlight")) {
      const lines = block.textContent.trimEnd().split("\n").length;
      if (lines <= LINES) continue;
      block.classList.add("long-code");
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "all-lines", textContent: `Show all ${lines} lines` });
      button.addEventListener("click", () => {
        block.classList.remove("long-code");
        button.remove();
      });
      block.append(button);
    }
  }

  globalThis.presentFit = { figures, code, end };
})();
