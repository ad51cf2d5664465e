// During a talk (present.js), each figure that responds is as large as fits on the screen, and long code shows its beginning.
"use strict";

(() => {
  const FIGURES = ".live-figure:not([data-figure=question], [data-figure=lines])";
  const SMALLEST = 0.4; // of a figure's size on the page
  const MARGIN = 12; // pixels above and below a figure
  const LINES = 14; // of code in sight
  let watched = new ResizeObserver(() => {});

  /** Tell a figure that it is in a talk: what is folded on a phone is folded there as well. */
  function enter(figure, isTalk) {
    const inner = figure.querySelector(".live-place > *")?.shadowRoot?.querySelector(".figure");
    if (!inner || inner.classList.contains("talk") === isTalk) return;
    inner.classList.toggle("talk", isTalk);
    for (const fold of inner.querySelectorAll("details.fold")) fold.open = !isTalk;
  }

  // It only shrinks, so that a figure that grows and shrinks does not flicker; another section begins anew.
  function fit(figure, room) {
    enter(figure, true);
    const { height } = figure.getBoundingClientRect();
    const now = Number(figure.style.zoom);
    if (height > room && now > SMALLEST) figure.style.zoom = Math.max(SMALLEST, now * Math.max(0.9, room / height));
  }

  /**
   * Fit the figures of a section to the screen.
   * @param {HTMLElement} slide
   * @param {number} zoom  of the talk, beyond which no figure grows
   * @param {number} room  pixels for a figure
   */
  function figures(slide, zoom, room) {
    watched.disconnect();
    watched = new ResizeObserver((entries) => {
      for (const { target } of entries) fit(target, room - 2 * MARGIN);
    });
    for (const figure of slide.querySelectorAll(FIGURES)) {
      if (figure.closest("section[id]") !== slide) continue; // it belongs to a section within this one
      figure.classList.add("fitted");
      figure.style.zoom = zoom;
      watched.observe(figure);
    }
  }

  function end(article) {
    watched.disconnect();
    for (const figure of article.querySelectorAll(FIGURES)) {
      figure.classList.remove("fitted");
      figure.style.zoom = "";
      enter(figure, false);
    }
    for (const block of article.querySelectorAll(".long-code")) {
      block.classList.remove("long-code");
      block.querySelector(".all-lines")?.remove();
    }
  }

  /** Show of each long block of code the first lines, and a button that shows all. */
  function code(article) {
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
