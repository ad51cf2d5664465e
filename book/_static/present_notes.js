// The speaker's notes of a talk (present.js), in a window of their own: the class sees the page, the speaker this window.
// The page writes into the window, without server or message, so that pages opened as files can do it as well.
"use strict";

(() => {
  const root = document.documentElement;
  const STYLE = `
    body { margin: 0; padding: 1rem 1.2rem; font-size: 1.15rem; line-height: 1.5; }
    h1 { margin: 0 0 0.6rem; font-size: 1.4rem; }
    summary { display: none; }
    footer { margin-top: 1rem; font-size: 0.9rem; color: var(--pst-color-text-muted); }`;
  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  // When the lecture began, kept from page to page; a browser may refuse to keep it.
  const KEPT = "lecture21.lecture-began";
  const clock = {
    read() {
      try {
        return Number(sessionStorage.getItem(KEPT)) || null;
      } catch {
        return null;
      }
    },
    write(time) {
      try {
        if (time) sessionStorage.setItem(KEPT, String(time));
        else sessionStorage.removeItem(KEPT);
      } catch {
        // then each row has a clock of its own
      }
    },
  };

  function write(page) {
    page.open();
    page.write('<!doctype html><html lang="en"><title>Speaker\u2019s notes</title><body></body></html>');
    page.close();
    page.documentElement.dataset.theme = root.dataset.theme ?? "light";
    const sheets = [...document.styleSheets]
      .filter(({ href }) => href)
      .map(({ href }) => Object.assign(page.createElement("link"), { rel: "stylesheet", href }));
    page.head.append(...sheets, element("style", STYLE));
  }

  /**
   * The window with the notes of one talk. `press` takes its keys, `changed` is called when it opens or closes.
   * `show` takes the section's title, its place, the minutes planned for it, for the row and for the lecture, if there is
   * a plan, a function that returns copies of its notes, and the next title.
   */
  globalThis.speakersNotes = (press, changed) => {
    let own = null;
    let shown = null;
    let begun = 0; // the talk, in milliseconds
    let lectureBegun = 0;
    const foot = element("footer", "");

    function tick() {
      const minutes = (start) => Math.floor((Date.now() - start) / 60000);
      const { place, planned, next } = shown;
      const time = planned
        ? `${minutes(lectureBegun)} of ${planned.all} min, this row ${minutes(begun)} of ${planned.row}, ${planned.here} here`
        : `${minutes(begun)} min`;
      foot.textContent = [place, time, next && `next: ${next}`].filter(Boolean).join(" \u00b7 ");
    }

    function show(section) {
      shown = section;
      if (!own) return;
      const { body } = own.document;
      const notes = section.notes();
      if (!notes.length) notes.push(element("p", "There are no notes on this section."));
      body.replaceChildren(element("h1", section.title), ...notes, foot);
      for (const fold of body.querySelectorAll("details")) fold.open = true; // Jupyter folds them
      tick();
    }

    function close() {
      const before = own;
      own = null;
      before?.close();
      changed(false);
    }

    return {
      /** Start the clock. That of a lecture goes on from row to row, and starts again at its beginning. */
      begin(lecture) {
        begun = Date.now();
        if (lecture) lectureBegun = lecture.isStart ? begun : (clock.read() ?? (lectureBegun || begun));
        if (lecture) clock.write(lectureBegun);
      },
      /** Close the window. The next lecture starts its own clock, unless this page goes on with this one. */
      end() {
        close();
        clock.write(null);
      },
      show,
      close,
      /** Open the window, or close it; return false if the browser does not allow a window. */
      toggle() {
        if (own) {
          close();
          return true;
        }
        const opened = open("", "_blank", "popup,width=560,height=720"); // by a name it could be one that still closes
        if (!opened) return false;
        own = opened;
        write(own.document);
        own.addEventListener("keydown", press);
        own.addEventListener("pagehide", () => own === opened && close());
        own.setInterval(tick, 10000);
        show(shown);
        changed(true);
        return true;
      },
    };
  };
})();
