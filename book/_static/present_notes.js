// The speaker's notes of a talk (present.js), in a window of their own: the class sees the page, the speaker this window.
// It has a name, by which the next page of a lecture finds it. Pages and window exchange messages, because a page that is
// opened as a file may not touch the document of a window that another file has opened.
"use strict";

(() => {
  const root = document.documentElement;
  const STYLE = `
    body { margin: 0; padding: 1rem 1.2rem; font-size: 1.15rem; line-height: 1.5; }
    h1 { margin: 0 0 0.6rem; font-size: 1.4rem; }
    summary { display: none; }
    footer { margin-top: 1rem; font-size: 0.9rem; color: var(--pst-color-text-muted); }`;
  const element = (/** @type {string} */ name, /** @type {string} */ text) =>
    Object.assign(document.createElement(name), { textContent: text });

  // What is kept from page to page: when the lecture began, and whether the window stays open for the next page. A
  // browser may refuse to keep anything.
  const kept = {
    read(/** @type {string} */ name) {
      try {
        return Number(sessionStorage.getItem(`lecture21.${name}`)) || null;
      } catch {
        return null;
      }
    },
    write(/** @type {string} */ name, /** @type {number} */ number) {
      try {
        if (number) sessionStorage.setItem(`lecture21.${name}`, String(number));
        else sessionStorage.removeItem(`lecture21.${name}`);
      } catch {
        // then each row has a clock, and a window, of its own
      }
    },
  };
  const [BEGAN, STAYS] = ["lecture-began", "notes-stay"];
  const NAME = "lecture21-notes";

  // Runs in the window: shows what the page sends, and sends the page its keys, and that it closes.
  function inWindow() {
    const [notes, foot] = ["main", "footer"].map((name) => /** @type {HTMLElement} */ (document.querySelector(name)));
    addEventListener("message", ({ source, data }) => {
      if (source !== opener) return;
      foot.textContent = data.foot;
      if (data.notes === undefined) return;
      notes.innerHTML = data.notes;
      scrollTo(0, 0);
    });
    addEventListener("keydown", (event) => {
      const { key, shiftKey } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^(Arrow(Left|Right)|Page(Up|Down)| )$/.test(key)) event.preventDefault();
      opener?.postMessage({ key, shiftKey }, "*");
    });
    addEventListener("pagehide", () => opener?.postMessage({ closes: true }, "*"));
  }

  /** Write the empty page into a window that is new, or that this page may touch. */
  function write(/** @type {Window} */ opened) {
    let page;
    try {
      page = opened.document;
    } catch {
      return; // of another file, which has written it
    }
    if (page.querySelector("main")) return;
    page.open();
    page.write(
      '<!doctype html><html lang="en"><title>Speaker\u2019s notes</title><main></main><footer></footer></html>',
    );
    page.close();
    page.documentElement.dataset.theme = root.dataset.theme ?? "light";
    const sheets = [...document.styleSheets]
      .filter(({ href }) => href)
      .map(({ href }) => Object.assign(page.createElement("link"), { rel: "stylesheet", href }));
    page.head.append(...sheets, element("style", STYLE));
    page.body.append(Object.assign(page.createElement("script"), { textContent: `(${inWindow})()` }));
  }

  /**
   * The window with the notes of one talk. `changed` is called when it opens or closes. The page gets the window's keys
   * as its own. `show` takes the section's title, its place, the minutes planned for it, for the row and for the lecture,
   * if there is a plan, a function that returns copies of its notes, and the next title.
   */
  globalThis.speakersNotes = (changed) => {
    /** @type {Window | null} */
    let own = null;
    /** @type {NotedSection | null} */
    let shown = null;
    let begun = 0; // the talk, in milliseconds
    let lectureBegun = 0;

    function footOf(/** @type {NotedSection} */ { place, planned, next }) {
      const minutes = (/** @type {number} */ start) => Math.floor((Date.now() - start) / 60000);
      const time = planned
        ? `${minutes(lectureBegun)} of ${planned.all} min, this row ${minutes(begun)} of ${planned.row}, ${planned.here} here`
        : `${minutes(begun)} min`;
      return [place, time, next && `next: ${next}`].filter(Boolean).join(" \u00b7 ");
    }

    function show(/** @type {NotedSection} */ section) {
      shown = section;
      if (!own) return;
      const notes = section.notes();
      if (!notes.length) notes.push(element("p", "There are no notes on this section."));
      const all = element("div", "");
      all.append(element("h1", section.title), ...notes);
      for (const fold of all.querySelectorAll("details")) fold.open = true; // Jupyter folds them
      own.postMessage({ notes: all.innerHTML, foot: footOf(section) }, "*");
    }

    function close() {
      const before = own;
      own = null;
      try {
        if (before) before.name = ""; // so that the next window is not this one, which still closes
      } catch {
        // of another file
      }
      before?.close();
      changed(false);
    }

    function openWindow() {
      own = open("", NAME, "popup,width=560,height=720");
      if (!own) return false;
      write(own);
      if (shown) show(shown);
      changed(true);
      return true;
    }

    addEventListener("message", ({ source, data }) => {
      if (!own || source !== own) return;
      if (data.closes) close();
      else document.body.dispatchEvent(new KeyboardEvent("keydown", { ...data, bubbles: true, cancelable: true }));
    });
    setInterval(() => shown && own?.postMessage({ foot: footOf(shown) }, "*"), 10000);

    return {
      /** Start the clock. That of a lecture goes on from row to row, and starts again at its beginning. */
      begin(lecture) {
        begun = Date.now();
        if (lecture) lectureBegun = lecture.isStart ? begun : (kept.read(BEGAN) ?? (lectureBegun || begun));
        if (lecture) kept.write(BEGAN, lectureBegun);
      },
      /** Close the window. The next lecture starts its own clock, unless this page goes on with this one. */
      end() {
        close();
        kept.write(BEGAN, 0);
      },
      show,
      /** Leave the window to the next page, which goes on with the lecture. */
      leave() {
        if (!own) return;
        kept.write(STAYS, 1);
        own = null;
        changed(false);
      },
      /** Take the window that the page before has left. */
      resume() {
        if (kept.read(STAYS)) openWindow();
        kept.write(STAYS, 0);
      },
      close,
      /** Open the window, or close it; return false if the browser does not allow a window. */
      toggle() {
        if (own) {
          close();
          return true;
        }
        return openWindow();
      },
    };
  };
})();
