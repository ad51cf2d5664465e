// Present: a chapter as a talk, one section a screen. The key p or the button begins it, Escape ends it, arrow keys, the
// space bar and page keys move, and n shows the speaker's notes. The slides are the page's own sections; present.css shows
// one of them at a time, so that a talk never differs from the page. Its place is kept in the address: #present=the-leak.
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
  let withNotes = false;
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
  const notesButton = button("Notes", "Speaker's notes (n)", () => toggleNotes());
  button("\u00d7", "End (Escape)", () => end());
  const notes = document.createElement("aside");
  notes.className = "present-notes";
  notes.ariaLabel = "Speaker's notes";
  notes.hidden = true;

  // The notes of a section, or of the section around it.
  function notesOf(section) {
    for (let each = section; each?.matches("section"); each = each.parentElement) {
      const templates = each.querySelectorAll(":scope > template.teaching");
      if (templates.length) return [...templates].map((template) => template.content.cloneNode(true));
    }
    return ["There are no notes on this section."];
  }

  function fillNotes() {
    notes.hidden = !withNotes;
    notesButton.ariaPressed = withNotes;
    root.toggleAttribute("data-present-notes", withNotes);
    notes.replaceChildren(...(withNotes ? notesOf(slides[current]) : []));
    for (const fold of notes.querySelectorAll("details")) fold.open = true; // Jupyter folds them
  }

  function toggleNotes() {
    withNotes = !withNotes;
    fillNotes();
  }

  function show(number) {
    current = Math.max(0, Math.min(slides.length - 1, number));
    slides.forEach((slide, n) => slide.classList.toggle("on-screen", n === current));
    place.textContent = `${current + 1} of ${slides.length}`;
    history.replaceState(null, "", PREFIX + slides[current].id);
    scrollTo({ top: 0, behavior: "instant" });
    fillNotes();
  }

  // Everything that neither contains the article nor is in it.
  function* surroundings() {
    for (let node = article; node !== document.body; node = node.parentElement)
      for (const other of node.parentElement.children) if (other !== node && other.id !== "preview") yield other;
  }

  function begin(number) {
    opened = [...article.querySelectorAll("details[open]")];
    for (const fold of opened) fold.open = false;
    for (const other of surroundings()) other.classList.add("present-off");
    document.body.append(bar, notes);
    root.toggleAttribute("data-present", true);
    document.activeElement?.blur();
    show(number);
  }

  function end() {
    const { id } = slides[current];
    bar.remove();
    notes.remove();
    withNotes = false;
    fillNotes();
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
    Math.max(0, slides.findLastIndex((slide) => slide.getBoundingClientRect().top < innerHeight / 3));

  const more = () => root.scrollHeight - innerHeight - scrollY > 4;

  // The space bar and the page keys first scroll to the end of a section that is longer than the screen.
  const MOVES = {
    ArrowRight: () => 1,
    ArrowLeft: () => -1,
    PageDown: () => (more() ? 0 : 1),
    PageUp: () => (scrollY > 4 ? 0 : -1),
    " ": (event) => (event.shiftKey ? MOVES.PageUp() : MOVES.PageDown()),
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
      const step = MOVES[event.key](event);
      if (!step) return;
      event.preventDefault();
      show(current + step);
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
      const slide = Math.max(0, slides.findIndex((each) => each.id === id));
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
  addEventListener("hashchange", follow);
  follow();
})();
