// The path: the sections below the heading "The path" of the landing page, one at a time, after a GPT that the reader trains
// on the first screen. All of it is one page: a model that no browser keeps, or that is still learning, is there at every
// stop. The address of a stop is that of its section. Where no script runs, the sections follow each other.
"use strict";

(() => {
  const KEY = "lecture21-path"; // with this prefix, a figure's button that clears what is kept clears it too
  const MODEL = "lecture21-model";
  const DONE = "done"; // in place of the number of the stop
  const CHANGED = ["lecture21-store", "storage"]; // what the reader keeps
  const LEARNING = ["starting", "running"]; // of a training

  const start = /** @type {HTMLElement} */ (document.querySelector(".landing"));
  const begin = /** @type {HTMLAnchorElement} */ (document.getElementById("path-begin"));
  const own = /** @type {HTMLElement} */ (document.getElementById("path-model"));
  const top = `#${start.closest("section")?.id}`;
  const end = "#after-the-path";
  /** @type {HTMLElement[]}  the first stop is the first screen */
  const stops = [start, ...document.querySelectorAll(/** @type {"section"} */ ("#the-path > section"))];
  const titles = stops.map((stop) => stop.querySelector("h3")?.firstChild?.textContent?.trim() ?? "Train a GPT");
  const address = (/** @type {number} */ n) => (n ? `#${stops[n].id}` : top);

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

  /** What is known of the reader's model: that of this page before that of the browser. */
  const model = () => {
    const found = globalThis.liveMemory?.model ?? stored(MODEL);
    return Number.isFinite(found?.steps) && Number.isFinite(found?.nats) ? found : null;
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

  // The bar at the foot of the page.
  const done = create("progress", { max: stops.length, ariaLabel: "Stops of the path" });
  const place = create("p", {});
  const back = create("a", { className: "back" }, create("b", {}, "Back"));
  const onward = create("b", {});
  const title = create("span", {});
  const on = create("a", { className: "on" }, onward, title);
  const note = create("p", { className: "path-note", role: "status" });
  const bar = create("nav", { id: "path-bar", ariaLabel: "The path" }, note, done, place, back, on);
  on.addEventListener("click", () => on.hash === end && store(DONE));

  /** What the page's address names: a section, or a figure of which it has the state. */
  const target = () => document.getElementById(decodeURIComponent(location.hash.slice(1).split("=")[0]));

  /** The stop that has what the address names; 0 for none. */
  const current = () => {
    const section = /** @type {HTMLElement | null | undefined} */ (target()?.closest("#the-path > section"));
    return section ? stops.indexOf(section) : 0;
  };

  /** What the reader should know of the model before going on. */
  const warn = () => {
    const status = start.querySelector(".live-place")?.getAttribute("data-training") ?? "";
    const says = LEARNING.includes(status)
      ? ["Your model waits for you to go back: it learns only in sight. ", create("a", { href: top }, "Let it learn")]
      : globalThis.liveMemory?.model
        ? [
            "This browser has no room for your model: it is gone when you leave this page. ",
            create("a", { href: top }, "Download it"),
          ]
        : model()
          ? []
          : [
              "You have not trained a model to its end yet, so this is the book’s. ",
              create("a", { href: top }, "Train one"),
            ];
    note.replaceChildren(...says);
    note.hidden = !says.length;
  };

  const show = () => {
    const n = current();
    document.body.classList.toggle("on-path", n > 0);
    for (const stop of stops) stop.classList.toggle("here", stop === stops[n]);
    if (!n) return bar.remove();
    done.value = n + 1;
    place.textContent = `${n + 1} of ${stops.length}: ${titles[n]}`;
    back.href = address(n - 1);
    on.href = n + 1 < stops.length ? address(n + 1) : end;
    onward.textContent = n + 1 < stops.length ? "Next" : "Finish";
    title.textContent = titles[n + 1] ?? "what you can do now";
    warn();
    document.body.append(bar);
    store(n + 1);
    if (location.hash.includes("=")) return; // the script of the figures leads to the figure
    stops[n].scrollIntoView();
    const heading = stops[n].querySelector("h3");
    if (heading) Object.assign(heading, { tabIndex: -1 }).focus({ preventScroll: true });
  };

  /** On the first screen, go on where the reader has stopped; at the end, show what the reader's own model wrote. */
  const follow = () => {
    const [number, found] = [stored(KEY), model()];
    start.classList.toggle("trained", found !== null);
    if (number > 1 && number <= stops.length) {
      begin.textContent = `Go on at stop ${number}: ${titles[number - 1]}`;
      begin.href = address(number - 1);
    }
    const sample = typeof found?.sample === "string" ? found.sample : "";
    document.getElementById("path-sample")?.remove();
    if (sample) {
      own.textContent = `You have trained a GPT yourself, for ${found.steps.toLocaleString("en")} steps. It wrote:`;
      own.after(create("blockquote", { id: "path-sample" }, create("p", {}, sample)));
    }
    if (bar.isConnected) warn();
  };

  for (const event of CHANGED) addEventListener(event, follow);
  addEventListener("hashchange", () => {
    show();
    if (!current()) target()?.scrollIntoView(); // which was hidden when the browser looked for it
    follow();
  });
  show();
  follow();
})();
