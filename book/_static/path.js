// The path: on a page that was opened as one of its stops (?path=N), what the path says at the stop's beginning, a link
// onward at its end, a bar that leads on, and exercises folded to one line each. On the landing page, the button that begins
// the path goes on where the reader has stopped, and its end shows the reader's own model. Where nothing can be stored, the
// path begins at the start.
"use strict";

(() => {
  const KEY = "lecture21-path"; // with this prefix, a figure's button that clears what is kept clears it too
  const MODEL = "lecture21-model";
  const DONE = "done"; // in place of the number of the stop
  /**
   * @typedef {object} Stop
   * @property {string} page
   * @property {string} href
   * @property {string} title
   * @property {string} about
   * @property {string} says  as HTML
   * @property {string} anchor  of its beginning
   * @property {string} [until]  the heading before which it ends
   * @property {string} [through]  the figure after which it ends
   * @property {number} minutes
   * @property {number} with_exercises  minutes
   */

  /** @type {{page: string, end: string, stops: Stop[]}} */
  const { page, end, stops } = JSON.parse(document.getElementById("path-stops")?.textContent ?? "{}");

  const store = (/** @type {number | string} */ place) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(place));
    } catch {
      // A private window, or a browser that stores nothing for files: the path works without.
    }
  };

  const stored = (/** @type {string} */ key) => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  };

  /**
   * @template {keyof HTMLElementTagNameMap} Name
   * @param {Name} tag
   * @param {object} properties
   * @param {...(Node | string)} children
   * @returns {HTMLElementTagNameMap[Name]}
   */
  const create = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const goOn = (/** @type {HTMLAnchorElement} */ button) => {
    const number = stored(KEY);
    if (number === DONE) button.textContent = "Walk the path again";
    if (!(number > 1 && number <= stops.length)) return;
    button.textContent = `Go on at stop ${number}`;
    button.href = stops[number - 1].href;
    const { title } = stops[number - 1];
    const end = /[.?!]$/.test(title) ? "" : ".";
    button.parentElement?.querySelector("span")?.prepend(`${title}${end} `);
  };

  // What the reader's own model wrote when its training ended.
  const showModel = (/** @type {HTMLElement} */ place) => {
    const model = stored(MODEL);
    if (typeof model?.sample !== "string" || !Number.isFinite(model.steps)) return;
    const steps = model.steps.toLocaleString("en");
    place.textContent = `You have trained a GPT yourself, for ${steps} steps. It wrote:`;
    place.after(create("blockquote", { id: "path-sample" }, create("p", {}, model.sample)));
  };

  const finish = (/** @type {HTMLAnchorElement} */ link) => {
    link.addEventListener("click", () => store(DONE));
    return link;
  };

  /** Say at the beginning of a stop what it is for and where it ends. In a figure, so that its anchor shows it. */
  const showBeginning = (/** @type {number} */ number) => {
    const stop = stops[number - 1];
    const start = /** @type {HTMLElement} */ (document.getElementById(stop.anchor));
    const note = create("aside", { className: "path-note" });
    note.ariaLabel = "The path";
    const says = create("p", {}, create("b", {}, `Stop ${number} of ${stops.length}. `));
    says.append(create("span", { innerHTML: stop.says }));
    note.append(says);
    const exercises = stop.with_exercises > stop.minutes ? " Exercises are optional." : "";
    if (stop.until) note.append(create("p", {}, `Up to “${stop.until}”.${exercises}`));
    const heading = start.querySelector(":scope > :is(h2, h3, h4)");
    if (heading) heading.after(note);
    else start.prepend(note);
    return start;
  };

  /** Lead onward at the end of a stop: before a heading, or after a figure. */
  const showEnd = (/** @type {number} */ number, /** @type {HTMLElement} */ start) => {
    const { anchor, until, through } = stops[number - 1];
    const next = stops[number];
    const mark = create("aside", { className: "path-end" });
    mark.ariaLabel = "End of the stop";
    const onward = next ? create("a", { href: next.href }, next.title) : finish(create("a", { href: end }, "finish"));
    mark.append(create("b", {}, `End of stop ${number}`), " · Next: ", onward);
    const isBelow = (/** @type {Element} */ heading) =>
      start.compareDocumentPosition(heading) & Node.DOCUMENT_POSITION_FOLLOWING;
    const heading = [...document.querySelectorAll("article :is(h2, h3, h4)")].find(
      (each) => isBelow(each) && each.firstChild?.textContent?.trim() === until,
    );
    if (heading) {
      heading.closest("section")?.before(mark);
      return;
    }
    const cell = document.getElementById(through ?? anchor)?.closest(".cell");
    const fold = cell?.nextElementSibling; // what happens in the figure
    (fold?.matches("details") ? fold : cell)?.after(mark);
  };

  /** Fold each exercise to one line with its title, in place of its heading. */
  const foldExercises = () => {
    for (const card of document.querySelectorAll("article .exercise-card")) {
      const section = card.closest("section");
      const title = section?.querySelector(":scope > :is(h2, h3, h4)");
      if (!section || !title) continue;
      const heading = /** @type {Element} */ (title.cloneNode(true));
      heading.querySelector(".headerlink")?.remove();
      const line = create(
        "summary",
        {},
        heading.textContent?.trim() ?? "",
        create("span", {}, " optional on the path"),
      );
      const fold = create("details", { className: "path-fold" }, line);
      card.before(fold);
      fold.append(card);
      section.classList.add("path-exercise");
    }
  };

  const showBar = (/** @type {number} */ number) => {
    const stop = stops[number - 1];
    const next = stops[number];
    /** @type {(className: string, text: string, title: string, href: string) => HTMLAnchorElement} */
    const link = (className, text, title, href) =>
      create("a", { className, href }, create("b", {}, text), title ? create("span", {}, title) : "");
    const here = `${number} of ${stops.length}: ${stop.title}`;
    const place = create(
      "p",
      { title: `${here}, ${stop.about}` },
      create("b", {}, create("i", {}, "The path, "), here),
    );
    place.append(create("span", {}, stop.about));
    const done = create("progress", { max: stops.length, value: number });
    done.ariaLabel = "Stops of the path";
    const bar = create("nav", { id: "path-bar" }, done, place);
    bar.ariaLabel = "The path";
    if (number > 1) bar.append(link("back", "Back", "", stops[number - 2].href));
    bar.append(
      next ? link("on", "Next", next.title, next.href) : finish(link("on", "Finish", "what you can do now", end)),
    );
    document.body.append(bar);
    document.body.classList.add("on-path");
    store(number);
  };

  const number = Number(new URLSearchParams(location.search).get("path"));
  if (Number.isInteger(number) && stops[number - 1]?.page === page) {
    showEnd(number, showBeginning(number));
    foldExercises();
    showBar(number);
  }
  const button = document.getElementById("path-begin");
  if (button) goOn(/** @type {HTMLAnchorElement} */ (button));
  const own = document.getElementById("path-model");
  if (own) showModel(own);
})();
