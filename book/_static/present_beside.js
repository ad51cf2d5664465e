// During a talk (present.js), the text that speaks of a figure is beside it on a wide screen, so that both are in sight.
"use strict";

(() => {
  /**
   * @typedef {object} Pair  a figure and the texts beside it
   * @property {HTMLElement} figure
   * @property {HTMLElement[]} before  texts that may be beside it
   * @property {HTMLElement[]} after
   * @property {HTMLElement[]} texts  those that are
   */

  const WIDE = 1.5; // width by height, from which on there is room beside a figure
  const SIZES = [1, 0.9, 0.82, 0.75]; // of the text beside a figure, of its size in the talk
  const TEXT = "h1, h2, h3, h4, p, ul, ol, .math";

  /** What is shown now. @type {{slide: HTMLElement, blocks: HTMLElement[], pairs: Pair[]} | null} */
  let shown = null;

  const blocksOf = (/** @type {HTMLElement} */ slide) => /** @type {HTMLElement[]} */ ([...slide.children]);
  const isText = (/** @type {HTMLElement} */ block) => block.matches(TEXT);
  const isFigure = (/** @type {HTMLElement} */ block) =>
    !block.matches(".exercise-card, details") &&
    [...block.querySelectorAll("img, .live-figure")].some(
      (each) => !each.closest(".live-figure")?.matches("[data-figure=question], [data-figure=lines]"),
    );

  /** The text before and after a figure. Of text between two figures, the last part belongs to the second one. */
  function around(/** @type {HTMLElement[]} */ blocks, /** @type {number} */ at) {
    let [from, to] = [at, at];
    while (from > 0 && isText(blocks[from - 1])) from -= 1;
    while (to + 1 < blocks.length && isText(blocks[to + 1])) to += 1;
    const isBetween = from > 0 && from < at && isFigure(blocks[from - 1]);
    const before = blocks.slice(isBetween ? at - 1 : from, at);
    const after = blocks.slice(at + 1, to + 1);
    if (blocks[to + 1]) after.pop(); // it leads to what comes next
    return { before, after };
  }

  const height = (/** @type {HTMLElement[]} */ texts) => {
    const [first, last] = [texts[0], texts[texts.length - 1]];
    return first ? last.getBoundingClientRect().bottom - first.getBoundingClientRect().top : 0;
  };

  /** Whether a formula is wider than its column: it then scrolls, or what contains it does. */
  const isCut = (/** @type {HTMLElement} */ text) =>
    [text, ...text.querySelectorAll("mjx-container[display]")].some((part) => part.scrollWidth > part.clientWidth + 1);

  /** Let a picture leave room for its caption. */
  function shrink(/** @type {Pair} */ { figure }, /** @type {number} */ room) {
    const picture = figure.querySelector(".live-figure") ? null : figure.querySelector("img");
    if (!picture) return;
    const caption = figure.getBoundingClientRect().height - picture.getBoundingClientRect().height;
    figure.style.setProperty("--picture", `${room - caption}px`);
  }

  /**
   * Place blocks into two columns: texts on the left, the figure on the right, everything else across both.
   * @type {(slide: HTMLElement, blocks: HTMLElement[], pairs: Pair[]) => void}
   */
  function place(slide, blocks, pairs) {
    const lines = [];
    const at = new Map(pairs.map((pair) => [pair.texts[0], pair]));
    const paired = new Set(pairs.flatMap((pair) => [...pair.texts, pair.figure]));
    for (const block of blocks) {
      const pair = at.get(block);
      if (pair) {
        const first = lines.length + 1;
        pair.texts.forEach((text, n) => (text.style.gridRow = String(first + n)));
        pair.figure.style.gridRow = `${first} / span ${pair.texts.length + 1}`;
        lines.push(...pair.texts.map(() => "auto"), "1fr"); // the last line takes what the figure is longer
      } else if (!paired.has(block)) {
        block.style.gridRow = String(lines.length + 1);
        lines.push("auto");
      }
    }
    slide.style.gridTemplateRows = lines.join(" ");
  }

  /**
   * Choose the size of the texts beside a figure, and leave out the farthest ones until the rest fits.
   * @type {(slide: HTMLElement, blocks: HTMLElement[], pair: Pair, room: number) => boolean}
   */
  function fit(slide, blocks, pair, room) {
    for (;;) {
      pair.texts = [...pair.before, ...pair.after];
      if (!pair.texts.some((text) => text.matches("p"))) {
        for (const text of pair.texts) clear(text);
        return false; // a heading alone
      }
      for (const text of pair.texts) text.classList.add("beside-text");
      pair.figure.classList.add("beside");
      place(slide, blocks, [pair]);
      for (const size of SIZES) {
        for (const text of pair.texts) text.style.setProperty("--beside", String(size));
        if (height(pair.texts) <= room && !pair.texts.some(isCut)) return true;
      }
      const left = pair.before.length > 1 || !pair.after.length ? pair.before.shift() : pair.after.pop();
      if (left) clear(left);
    }
  }

  function clear(/** @type {HTMLElement} */ block) {
    block.classList.remove("beside", "beside-text");
    for (const name of ["--beside", "--picture"]) block.style.removeProperty(name);
    block.style.gridRow = "";
  }

  function end(/** @type {HTMLElement} */ article) {
    /** @type {NodeListOf<HTMLElement>} */
    const slides = article.querySelectorAll(".two-columns");
    for (const slide of slides) {
      slide.classList.remove("two-columns");
      slide.style.gridTemplateRows = "";
      for (const block of blocksOf(slide)) clear(block);
    }
  }

  /**
   * Put the texts of a section beside its figures, unless all of it is in sight anyway.
   * @param {HTMLElement} slide
   * @param {number} room  pixels for a figure and its text
   */
  function arrange(slide, room) {
    const article = /** @type {HTMLElement} */ (slide.parentElement);
    end(article);
    if (innerWidth < WIDE * innerHeight) return;
    const blocks = blocksOf(slide).filter((block) => block.getClientRects().length);
    const isLong = document.documentElement.scrollHeight > innerHeight;
    if (!isLong && !slide.querySelector(".live-figure")) return;
    slide.classList.add("two-columns");
    /** @type {Pair[]} */
    const pairs = [];
    shown = { slide, blocks, pairs };
    for (const [at, figure] of blocks.entries()) {
      if (!isFigure(figure)) continue;
      const pair = { figure, ...around(blocks, at), texts: [] };
      if (fit(slide, blocks, pair, room)) pairs.push(pair);
      else clear(figure);
    }
    if (pairs.length) {
      place(slide, blocks, pairs);
      for (const pair of pairs) shrink(pair, room);
    } else end(article);
  }

  /** Put a figure below its texts again, because it would be too small beside them. */
  function release(/** @type {HTMLElement} */ figure) {
    if (!shown) return;
    const { slide, blocks, pairs } = shown;
    const at = pairs.findIndex((pair) => pair.figure.contains(figure));
    const [pair] = pairs.splice(at, 1);
    for (const block of [pair.figure, ...pair.texts]) clear(block);
    place(slide, blocks, pairs);
  }

  globalThis.presentBeside = { arrange, release, end };
})();
