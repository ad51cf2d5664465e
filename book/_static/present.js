// Present: a chapter as a talk, one section a screen. The key p or the button begins it, Escape ends it, arrow keys, the
// space bar and page keys move, and n opens the speaker's notes in a window of their own (present_notes.js). The slides are
// the page's own sections; present.css shows one of them at a time, so that a talk never differs from the page. Figures are
// scaled to the screen (present_fit.js). Its place is kept in the address: #present=the-leak.
"use strict";

(() => {
  const root = document.documentElement;
  const article = document.querySelector("article.bd-article");
  const PREFIX = "#present=";

  // Of what contains a slide, only the heading is left; a section that is nothing but a heading is no slide.
  const slides = [...article.querySelectorAll("section[id]")].filter((section) =>
    [...section.children].some((child) => !child.matches("h1, h2, h3, h4, section, template")),
  );
  let current = -1; // while the page is read
  let opened = []; // folds that the reader had opened

  const bar = document.createElement("div");
  bar.className = "present-bar";
  bar.role = "toolbar";
  bar.ariaLabel = "Present";
  const button = (text, name, action, parent = bar) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: name });
    made.ariaLabel = name;
    made.addEventListener("click", action);
    parent.append(made);
    return made;
  };
  button("\u2190", "Previous section (left arrow)", () => show(current - 1));
  const place = bar.appendChild(document.createElement("span"));
  place.ariaLive = "polite";
  button("\u2192", "Next section (right arrow)", () => show(current + 1));
  const notesButton = button("Notes", "Speaker's notes, in a window of their own (n)", () => toggleNotes());
  button("\u00d7", "End (Escape)", () => end());
  const said = bar.appendChild(document.createElement("span"));
  said.role = "status";
  const notes = speakersNotes(press, (isOpen) => (notesButton.ariaPressed = isOpen));

  function toggleNotes() {
    said.textContent = notes.toggle() ? "" : "The browser has blocked the window; allow pop-ups for this page.";
  }

  // The text of the whole heading, in which formulas are elements, without the link to it.
  function titleOf(slide) {
    const heading = slide?.querySelector("h1, h2, h3, h4")?.cloneNode(true);
    heading?.querySelector(".headerlink")?.remove();
    return heading?.textContent.trim();
  }

  // The notes of a section; a section without notes has none, whatever is said of the one around it.
  function notesOf(slide) {
    const templates = slide.querySelectorAll(":scope > template.teaching");
    return [...templates].map((template) => template.content.cloneNode(true));
  }

  function show(number) {
    current = Math.max(0, Math.min(slides.length - 1, number));
    slides.forEach((slide, n) => slide.classList.toggle("on-screen", n === current));
    const slide = slides[current];
    place.textContent = `${current + 1} of ${slides.length}`;
    history.replaceState(null, "", PREFIX + slide.id);
    scrollTo({ top: 0, behavior: "instant" });
    fit();
    notes.show({
      title: titleOf(slide),
      place: place.textContent,
      notes: () => notesOf(slide),
      next: titleOf(slides[current + 1]),
    });
  }

  // Everything that neither contains the article nor is in it.
  function* surroundings() {
    for (let node = article; node !== document.body; node = node.parentElement)
      for (const other of node.parentElement.children) if (other !== node && other.id !== "preview") yield other;
  }

  // A screen of 900 pixels shows text in its usual size; a wider one enlarges everything.
  const zoom = () => Math.min(2.5, Math.max(1.1, innerWidth / 890));

  function fit() {
    if (current < 0) return;
    root.style.setProperty("--present-zoom", zoom());
    presentFit.figures(slides[current], zoom(), innerHeight - bar.offsetHeight);
  }

  function begin(number) {
    opened = [...article.querySelectorAll("details[open]")];
    for (const fold of opened) fold.open = false;
    for (const other of surroundings()) other.classList.add("present-off");
    document.body.append(bar);
    notes.begin();
    root.toggleAttribute("data-present", true);
    document.activeElement?.blur();
    presentFit.code(article);
    show(number);
  }

  function end() {
    const { id } = slides[current];
    bar.remove();
    notes.close();
    presentFit.end(article);
    current = -1;
    for (const other of document.querySelectorAll(".present-off")) other.classList.remove("present-off");
    for (const slide of slides) slide.classList.remove("on-screen");
    for (const fold of opened) fold.open = true;
    root.toggleAttribute("data-present", false);
    history.replaceState(null, "", `#${id}`);
    document.getElementById(id).scrollIntoView({ behavior: "instant" });
  }

  // The section at the top of the window.
  const inSight = () =>
    Math.max(
      0,
      slides.findLastIndex((slide) => slide.getBoundingClientRect().top < innerHeight / 3),
    );

  const more = () => root.scrollHeight - innerHeight - scrollY > 4;

  // The space bar and the page keys first scroll through a section that is longer than the screen, and stop at its figures.
  function scrollOn() {
    if (!more()) return 1;
    const page = innerHeight * 0.85;
    const tops = [...slides[current].querySelectorAll(".fitted")].map(
      (figure) => figure.getBoundingClientRect().top - 8,
    );
    scrollBy({ top: Math.min(page, ...tops.filter((top) => top > 8)), behavior: "smooth" });
    return 0;
  }

  function scrollBack() {
    if (scrollY <= 4) return -1;
    scrollBy({ top: -innerHeight * 0.85, behavior: "smooth" });
    return 0;
  }

  const MOVES = {
    ArrowRight: () => 1,
    ArrowLeft: () => -1,
    PageDown: scrollOn,
    PageUp: scrollBack,
    " ": (event) => (event.shiftKey ? scrollBack() : scrollOn()),
  };

  // Fields and what responds to the arrow keys keep them: such a figure prevents the default. The theme does so for Escape.
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.composedPath()[0];
    if (event.key === "Escape" && current >= 0) {
      if (event.target.closest?.(".live-figure")) document.activeElement.blur();
      else end();
      return;
    }
    if (event.defaultPrevented || target.closest?.("input, textarea, select, [contenteditable]")) return;
    if (current < 0) {
      if (event.key === "p" && matchMedia("(min-width: 992px)").matches) begin(inSight());
    } else if (event.key === "n") toggleNotes();
    else if (event.key in MOVES && !(event.key === " " && target.closest?.("button, summary, a"))) {
      event.preventDefault();
      const step = MOVES[event.key](event);
      if (step) show(current + step);
    }
  }

  function follow() {
    const id = location.hash.startsWith(PREFIX) && location.hash.slice(PREFIX.length);
    if (current >= 0 && !id) {
      // A link inside the chapter leads to the slide that has its target.
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const slide = slides.indexOf(target?.closest("section[id]"));
      if (slide >= 0) show(slide);
    } else if (id) {
      const slide = Math.max(
        0,
        slides.findIndex((each) => each.id === id),
      );
      if (current < 0) begin(slide);
      else show(slide);
    }
  }

  const header = document.querySelector(".article-header-buttons");
  if (header) {
    const enter = button("Present", "Present this chapter (p)", () => begin(inSight()), header);
    enter.className = "present-button btn btn-sm";
    header.prepend(enter);
  }
  addEventListener("keydown", press);
  addEventListener("pagehide", () => notes.close());
  addEventListener("resize", fit);
  addEventListener("hashchange", follow);
  follow();
})();
