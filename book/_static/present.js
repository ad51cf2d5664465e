// Present: a chapter as a talk, one section a screen. The key p or the button begins it, Escape ends it, arrow keys, the
// space bar and page keys move, and n opens the speaker's notes in a window of their own (present_notes.js). The slides are
// the page's own sections; present.css shows one of them at a time, so that a talk never differs from the page. Figures are
// scaled to the screen (present_fit.js), with the text that speaks of them beside them (present_beside.js). Its place is kept in the address: #present=the-leak.
"use strict";

(() => {
  /**
   * @typedef {{anchor: string, title: string, minutes: number}} Part  a section of a row
   * @typedef {{page: string, href: string, minutes: number, sections: Part[]}} Row  of the lecture
   * @typedef {KeyboardEvent | MouseEvent} Gesture
   */

  const root = document.documentElement;
  const article = /** @type {HTMLElement} */ (document.querySelector("article.bd-article"));
  const PREFIX = "#present=";
  const TYPED =
    "select, textarea, [contenteditable], input:not([type=range], [type=checkbox], [type=radio], [type=button])";

  const CARDS = ".live-figure:is([data-figure=question], [data-figure=lines])"; // a question with its choices

  // Of what contains a slide, only the heading is left; a section that is nothing but a heading is no slide.
  /** @type {NodeListOf<HTMLElement>} */
  const all = article.querySelectorAll("section[id]");
  const sections = [...all].filter((section) =>
    [...section.children].some((child) => !child.matches("h1, h2, h3, h4, section, template")),
  );
  let slides = sections;
  let current = -1; // while the page is read
  /** Folds that the reader had opened. @type {HTMLDetailsElement[]} */
  let opened = [];
  /** The slide of a row at which Escape was pressed. @type {string | undefined} */
  let left;

  const bar = document.createElement("div");
  bar.className = "present-bar";
  bar.role = "toolbar";
  bar.ariaLabel = "Present";
  /** @type {(text: string, name: string, action: (event: MouseEvent) => void, parent?: Element) => HTMLButtonElement} */
  const button = (text, name, action, parent = bar) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: name });
    made.ariaLabel = name;
    made.addEventListener("click", action);
    parent.append(made);
    return made;
  };
  button("\u2190", "Go back (left arrow)", (event) => move("ArrowLeft", event));
  const place = bar.appendChild(document.createElement("span"));
  place.ariaLive = "polite";
  button("\u2192", "Go on (right arrow)", (event) => move("ArrowRight", event));
  const notesButton = button("Notes", "Speaker's notes, in a window of their own (n)", () => toggleNotes());
  button("\u00d7", "End (Escape)", () => end());
  const onward = bar.appendChild(document.createElement("a")); // to the next talk of the lecture
  onward.addEventListener("click", (event) => {
    if (!(event.ctrlKey || event.metaKey || event.shiftKey)) notes.leave();
  });
  const said = bar.appendChild(document.createElement("span"));
  said.role = "status";
  const notes = speakersNotes((isOpen) => (notesButton.ariaPressed = String(isOpen)));

  function toggleNotes() {
    said.textContent = notes.toggle() ? "" : "The browser has blocked the window; allow pop-ups for this page.";
  }

  // The text of the whole heading, in which formulas are elements, without the link to it.
  function titleOf(/** @type {HTMLElement | undefined} */ slide) {
    const copy = slide?.querySelector("h1, h2, h3, h4")?.cloneNode(true);
    const heading = /** @type {HTMLElement | undefined} */ (copy);
    heading?.querySelector(".headerlink")?.remove();
    return heading?.textContent.trim() ?? "";
  }

  // The notes of a section; a section without notes has none, whatever is said of the one around it.
  function notesOf(/** @type {HTMLElement} */ slide) {
    /** @type {NodeListOf<HTMLTemplateElement>} */
    const templates = slide.querySelectorAll(":scope > template.teaching");
    const found = [...templates].map(({ content }) => /** @type {DocumentFragment} */ (content.cloneNode(true)));
    if (!row) return found;
    for (const text of found.flatMap((note) => [...note.querySelectorAll("p")]))
      if (text.textContent.startsWith("Time plan")) text.remove(); // it is the chapter's, and the lecture has its own
    return found;
  }

  // A page of the lecture (book/lecture.yml) that was opened as one of its rows (?lecture=2) shows this row's sections.
  /** @type {Row[]} */
  const rows = JSON.parse(document.getElementById("lecture-rows")?.textContent ?? "[]");
  const minutesOf = (/** @type {{minutes: number}[]} */ parts) => parts.reduce((sum, { minutes }) => sum + minutes, 0);
  /** @type {Row | undefined} */
  let row = rows[Number(new URLSearchParams(location.search).get("lecture")) - 1];
  if (row && !location.pathname.endsWith(`/${row.page}.html`)) row = undefined;

  function chooseSlides() {
    const own = (row?.sections ?? []).map(({ anchor }) => document.getElementById(anchor));
    slides = row ? sections.filter((section) => own.includes(section)) : sections;
    for (const section of article.querySelectorAll("section"))
      section.classList.toggle("unplanned", Boolean(row) && !own.includes(section)); // and not printed
  }

  /** Leave the lecture for the whole chapter. */
  function leaveRow() {
    row = left = undefined;
    history.replaceState(null, "", location.pathname + location.hash);
    chooseSlides();
  }

  const nextRow = () => (row && current === slides.length - 1 ? rows[rows.indexOf(row) + 1] : undefined);
  const previousRow = () => (row && current === 0 ? rows[rows.indexOf(row) - 1] : undefined);

  function announce() {
    const next = nextRow();
    onward.hidden = !next;
    if (!next) return "";
    onward.href = next.href;
    onward.textContent = `Next in the lecture: ${next.sections[0].title} (${next.minutes} min)`;
    return onward.textContent;
  }

  function goTo(/** @type {string} */ href) {
    notes.leave();
    location.assign(href);
  }

  function show(/** @type {number} */ number) {
    const next = nextRow();
    if (next && number === slides.length) return goTo(next.href);
    const previous = previousRow();
    if (previous && number < 0) return goTo(previous.href.replace(/#.*/, PREFIX + previous.sections.at(-1)?.anchor));
    current = Math.max(0, Math.min(slides.length - 1, number));
    const slide = slides[current];
    for (const section of sections) section.classList.toggle("on-screen", section === slide);
    place.textContent = `${current + 1} of ${slides.length}`;
    history.replaceState(null, "", PREFIX + slide.id);
    scrollTo({ top: 0, behavior: "instant" });
    fit();
    if (document.fonts.status === "loading") document.fonts.ready.then(fit); // of formulas, which then are wider
    notes.show({
      title: titleOf(slide),
      place: place.textContent,
      planned: row && { here: row.sections[current].minutes, row: row.minutes, all: minutesOf(rows) },
      notes: () => notesOf(slide),
      next: announce() || titleOf(slides[current + 1]),
    });
  }

  // Everything that neither contains the article nor is in it.
  function* surroundings() {
    for (let node = article; node !== document.body && node.parentElement; node = node.parentElement)
      for (const other of node.parentElement.children) if (other !== node && other.id !== "preview") yield other;
  }

  // A screen of 900 pixels shows text in its usual size; a wider one enlarges everything.
  const zoom = () => Math.min(2.5, Math.max(1.1, innerWidth / 890));

  function fit() {
    if (current < 0) return;
    root.style.setProperty("--present-zoom", String(zoom()));
    presentBeside.arrange(slides[current], innerHeight - bar.offsetHeight);
    presentFit.figures(slides[current], zoom(), innerHeight - bar.offsetHeight);
  }

  /** The chapter's first picture, once more on the slide with its title. @type {HTMLElement | undefined} */
  let cover;

  function addCover() {
    const title = sections.find((section) => section.querySelector(":scope > h1"));
    const parts = title ? [...title.children].filter((child) => !child.matches("section, template")) : [];
    /** @type {NodeListOf<HTMLImageElement>} */
    const pictures = article.querySelectorAll(".cell img");
    const picture = [...pictures].find((each) => !each.closest(".live-figure"));
    if (!picture || !parts.length || parts.some((part) => part.querySelector("img, .live-figure"))) return;
    const copy = /** @type {HTMLImageElement} */ (picture.cloneNode());
    copy.loading = "eager";
    cover = document.createElement("figure");
    cover.className = "cover";
    cover.append(copy);
    parts[parts.length - 1].after(cover);
  }

  function begin(/** @type {string} */ id) {
    chooseSlides();
    addCover();
    if (row && !slides.some((slide) => slide.id === id)) leaveRow();
    opened = /** @type {HTMLDetailsElement[]} */ ([...article.querySelectorAll("details[open]")]);
    for (const fold of opened) fold.open = false;
    for (const other of surroundings()) other.classList.add("present-off");
    document.body.append(bar);
    notes.begin(row && { isStart: row === rows[0] && !left && id === slides[0].id });
    root.toggleAttribute("data-present", true);
    focused()?.blur();
    presentFit.code(article);
    show(slides.findIndex((slide) => slide.id === id));
    notes.resume();
  }

  function end() {
    const { id } = slides[current];
    left = row && id;
    bar.remove();
    cover?.remove();
    notes.end();
    presentFit.end(article);
    presentBeside.end(article);
    current = -1;
    for (const other of document.querySelectorAll(".present-off")) other.classList.remove("present-off");
    for (const section of sections) section.classList.remove("on-screen");
    for (const fold of opened) fold.open = true;
    root.toggleAttribute("data-present", false);
    history.replaceState(null, "", `#${id}`);
    document.getElementById(id)?.scrollIntoView({ behavior: "instant" });
  }

  // Begin at what is in sight, or go on with a row of the lecture where it was left.
  function start() {
    chooseSlides();
    const id = left ?? inSight();
    begin(!row || slides.some((slide) => slide.id === id) ? id : slides[0].id);
  }

  // The section at the top of the window.
  const inSight = () =>
    (sections.findLast((slide) => slide.getBoundingClientRect().top < innerHeight / 3) ?? sections[0]).id;

  // The keys that turn a page first scroll through a section that is longer than the screen, and stop at a figure, the
  // text beside it, or a question that is cut. What is left at the end, if it is less than a tenth of the screen, is no
  // step, unless it cuts a question.
  function scrollOn() {
    const [rest, least] = [root.scrollHeight - innerHeight - scrollY, innerHeight / 10];
    const cut = (/** @type {string} */ kinds) =>
      [...slides[current].querySelectorAll(kinds)]
        .map((block) => block.getBoundingClientRect())
        .filter(({ bottom }) => bottom > innerHeight - bar.offsetHeight);
    if (rest < least && !(rest > 4 && cut(CARDS).length)) return 1;
    const tops = cut(`.fitted, .beside, .beside-text, ${CARDS}`).map(({ top }) => top - 8);
    const page = innerHeight * 0.85;
    const step = Math.min(rest - page < least ? rest : page, ...tops.filter((top) => top > least));
    scrollBy({ top: step, behavior: "smooth" });
    return 0;
  }

  function scrollBack() {
    if (scrollY <= 4) return -1;
    scrollBy({ top: -innerHeight * 0.85, behavior: "smooth" });
    return 0;
  }

  /** By how many sections a key moves. @type {Record<string, (event: Gesture) => number>} */
  const MOVES = {
    ArrowRight: (event) => (event.shiftKey ? 1 : scrollOn()),
    ArrowLeft: (event) => (event.shiftKey ? -1 : scrollBack()),
    PageDown: scrollOn,
    PageUp: scrollBack,
    " ": (event) => (event.shiftKey ? scrollBack() : scrollOn()),
  };

  function move(/** @type {string} */ key, /** @type {Gesture} */ event) {
    const step = MOVES[key](event);
    if (step) show(current + step);
  }

  // What has the focus, in a figure as well.
  function focused() {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    return /** @type {HTMLElement | null} */ (found);
  }

  // After a click or a drag, the keys turn pages again; who types into a field or moves by Tab keeps the focus.
  function giveBack() {
    setTimeout(() => {
      const found = current < 0 ? null : focused();
      if (!found?.matches(`${TYPED}, body`)) found?.blur();
    });
  }

  const isWithin = (/** @type {EventTarget | null} */ node, /** @type {string} */ kinds) =>
    node instanceof Element && Boolean(node.closest(kinds));

  // Fields and what responds to the arrow keys keep them: such a figure prevents the default. The theme does so for Escape.
  function press(/** @type {KeyboardEvent} */ event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.composedPath()[0];
    if (event.key === "Escape" && current >= 0) {
      if (isWithin(event.target, ".live-figure")) focused()?.blur();
      else end();
      return;
    }
    if (event.defaultPrevented || isWithin(target, "input, textarea, select, [contenteditable]")) return;
    if (current < 0) {
      if (event.key === "p" && matchMedia("(min-width: 992px)").matches) start();
    } else if (event.key === "n") toggleNotes();
    else if (event.key in MOVES && !(event.key === " " && isWithin(target, "button, summary, a"))) {
      event.preventDefault();
      move(event.key, event);
    }
  }

  function follow() {
    const id = location.hash.startsWith(PREFIX) && location.hash.slice(PREFIX.length);
    if (current >= 0 && !id) {
      // A link inside the chapter leads to the slide that has its target.
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const section = target?.closest("section[id]");
      if (section && sections.some((each) => each === section)) showSection(section.id);
    } else if (id && current < 0) begin(id);
    else if (id) showSection(id);
  }

  function showSection(/** @type {string} */ id) {
    if (row && !slides.some((slide) => slide.id === id)) leaveRow();
    show(slides.findIndex((slide) => slide.id === id));
  }

  const header = document.querySelector(".article-header-buttons");
  if (header) {
    const enter = button("Present", "Present this chapter (p)", start, /** @type {HTMLDivElement} */ (header));
    enter.className = "present-button btn btn-sm";
    header.prepend(enter);
  }
  addEventListener("keydown", press);
  addEventListener("pointerup", giveBack);
  addEventListener("pagehide", () => notes.close());
  addEventListener("resize", fit);
  addEventListener("hashchange", follow);
  follow();
})();
