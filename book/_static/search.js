// Search: results while a reader types, in the dialog of every page and on search.html, which has all of them. The index
// (minisearch) also finds words that are unfinished or mistyped. reading.js loads this script when the search is opened.
// What it needs comes in scripts, not fetched: a book that is opened as files is searched too.
"use strict";

(() => {
  /** @typedef {{id: number, page: string, title: string, anchor: string, heading: string, text: string, names: string[]}} Place */
  /** @typedef {{place: Place, terms: Set<string>, score: number, tier: number}} Result */

  const IN_DIALOG = 10; // results
  const EXCERPT = 240; // characters
  const FAILED = "The search could not be loaded. Check the connection, and reload the page.";
  // How the first results were chosen, on about 100 terms of the glossary (tests/browser/test_search.py).
  const IN_HEADING = 3; // times as much as in the text
  const IN_CHAPTER = 6;
  const IN_ORDER = 6; // all words of the query beside each other
  const IN_NAMED_CHAPTER = 2;
  const REST = 0.4; // of what the other passages of a page score

  const STOP_WORDS = new Set(
    "a an and are by do does for how in is it its of on or the to what when which why with".split(" "),
  );
  const WORD = /[^\n\r\p{Z}\p{P}]+/gu; // as minisearch finds words
  const folder = /** @type {HTMLScriptElement} */ (document.currentScript).src.replace(/[^/]*$/, "");
  const root = document.documentElement.dataset.content_root;

  /** Return what a word is found by: lowercase and singular; null for a word that says nothing. */
  function termOf(/** @type {string} */ word) {
    const term = word.toLowerCase();
    if (STOP_WORDS.has(term)) return null;
    if (term === "sqrt") return "√";
    return term.length > 3 ? term.replace(/([^s])s$/, "$1") : term;
  }

  const isChapter = (/** @type {string} */ page) => /^notebooks\/\d/.test(page);
  const isCode = (/** @type {string} */ page) => page.startsWith("book/api/");

  function load(/** @type {string} */ name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: folder + name, onload: resolve, onerror: reject });
      document.head.append(script);
    });
  }

  async function makeIndex() {
    await Promise.all([load("minisearch/minisearch.js"), load("search_texts.js")]);
    const places = Object.entries(SEARCH_TEXTS)
      .flatMap(([page, passages]) =>
        passages.map(([anchor, heading, text, names = []]) => ({
          ...{ page, title: passages[0][1] },
          ...{ anchor, heading, text, names },
        })),
      )
      .map((place, id) => ({ id, ...place }));
    const index = new MiniSearch({ fields: ["heading", "text"], processTerm: termOf });
    await index.addAllAsync(places, { chunkSize: 100 });
    return { index, places };
  }

  // Matches a phrase where a word begins, also when the query is plural and the text is not, or an inner word is plural.
  function patternOf(/** @type {string} */ phrase) {
    const words = phrase.replace(/([^s])s$/, "$1").split(/[\s-]+/);
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped.join("s?[\\s-]+")}`, "iu");
  }

  /** The start of the address of the chapter that the glossary names for a term: its entry ends with "Chapter 09.". */
  function namedChapter(/** @type {Place[]} */ places, /** @type {string} */ phrase) {
    for (const { anchor, heading, text } of places) {
      const names = anchor.startsWith("term-") ? heading.toLowerCase().split(/ \(|\)/) : []; // "byte pairs (BPE)" has two
      if (!names.includes(phrase) && !names.includes(phrase.replace(/e?s$/, ""))) continue;
      const chapter = text.match(/Chapter (\d\d)\.$/);
      if (chapter) return `notebooks/${chapter[1]}_`;
    }
    return null;
  }

  /** What a query names: a figure, by what a reader does with it, or an object of the code. */
  function named(/** @type {Place[]} */ places, /** @type {string} */ query) {
    const plain = (/** @type {string} */ name) => name.toLowerCase().replace(/\b(a|an|the|your|my) /g, "");
    const isTerm = places.some(({ anchor, heading }) => anchor.startsWith("term-") && heading === query);
    const isName = !isTerm && (/[_.]/.test(query) || (/.[A-Z]/.test(query) && /[a-z]/.test(query)));
    return places
      .filter(
        ({ page, heading, names }) =>
          names.some((name) => plain(name) === plain(query)) ||
          (isName && isCode(page) && `.${heading}`.endsWith(`.${query}`)),
      )
      .sort((a, b) => Number(isChapter(b.page)) - Number(isChapter(a.page)));
  }

  /**
   * Find pages, each with the passage that fits best; of the pages of the code, each object that has the words.
   * @param {Awaited<ReturnType<typeof makeIndex>>} index
   * @param {string} query
   * @returns {Result[]}
   */
  function find({ index, places }, query) {
    const phrase = query.toLowerCase().replace(/\s+/g, " ");
    const pattern = /[ -]/.test(phrase) ? patternOf(phrase) : null;
    const explained = namedChapter(places, phrase);
    const found = index.search(query, {
      prefix: (term) => term.length > 2,
      fuzzy: (term) => term.length > 4 && 0.2,
      boost: { heading: IN_HEADING },
      boostDocument: (id) => {
        const { page, heading, text } = places[id];
        return (isChapter(page) ? IN_CHAPTER : 1) * (pattern?.test(`${heading} ${text}`) ? IN_ORDER : 1);
      },
    });
    /** @type {Map<string, Result & {shown: number, best: number, sum: number, words: Set<string>}>} */
    const groups = new Map();
    for (const { id, score, match, terms, queryTerms } of found) {
      const place = places[id];
      const inHeading = Object.values(match).some((fields) => fields.includes("heading"));
      const key = isCode(place.page) && inHeading ? `${place.page}#${place.anchor}` : place.page;
      const start = { place, terms: new Set(), score: 0, tier: 1, shown: 0, best: 0, sum: 0, words: new Set() };
      const group = groups.get(key) ?? start;
      groups.set(key, group);
      // The section that explains is shown, and not an exercise with as many of the words.
      const shown = /^(Open e|E)xercise/.test(place.heading) ? score / 2 : score;
      if (shown > group.shown) Object.assign(group, { place, shown, terms: new Set(terms) });
      group.best = Math.max(group.best, score);
      group.sum += score;
      for (const word of queryTerms) group.words.add(word);
    }
    const all = Math.max(...[...groups.values()].map(({ words }) => words.size));
    /** @type {Result[]} */
    const results = named(places, query).map((place) => ({ place, terms: new Set(), score: 0, tier: 0 }));
    for (const group of groups.values()) {
      const isExplained = explained !== null && group.place.page.startsWith(explained);
      if (isCode(group.place.page)) group.tier = 2;
      if (group.words.size < all) {
        if (!isExplained) continue;
        group.tier = 0; // it has another word for the term
      }
      if (results.some(({ place }) => place === group.place)) continue;
      group.score = (group.best + REST * (group.sum - group.best)) * (isExplained ? IN_NAMED_CHAPTER : 1);
      results.push(group);
    }
    return results.sort((a, b) => a.tier - b.tier || b.score - a.score);
  }

  /** About 240 characters around the first place that has the phrase or one of the words, cut between words. */
  function excerpt(/** @type {string} */ text, /** @type {string} */ query, /** @type {Set<string>} */ terms) {
    const words = [...text.matchAll(WORD)];
    const first = text.search(patternOf(query));
    const near = first >= 0 ? first : (words.find(([word]) => terms.has(termOf(word) ?? ""))?.index ?? 0);
    let start = Math.max(0, near - EXCERPT / 3);
    if (start > 0) start = text.indexOf(" ", start) + 1;
    let end = Math.min(text.length, start + EXCERPT);
    if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
    return `${start > 0 ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  }

  /** Return a text with the words that were found marked. */
  function marked(/** @type {string} */ text, /** @type {Set<string>} */ terms) {
    const paragraph = Object.assign(document.createElement("p"), { className: "context" });
    let end = 0;
    for (const { 0: word, index } of text.matchAll(WORD)) {
      if (!terms.has(termOf(word) ?? "")) continue;
      paragraph.append(text.slice(end, index));
      paragraph.appendChild(document.createElement("mark")).textContent = word;
      end = index + word.length;
    }
    paragraph.append(text.slice(end));
    return paragraph;
  }

  function item(/** @type {Result} */ { place, terms }, /** @type {string} */ query) {
    const element = document.createElement("li");
    const link = element.appendChild(document.createElement("a"));
    link.href = `${root}${place.page}.html${place.anchor && `#${place.anchor}`}`;
    link.textContent = place.anchor ? `${place.title} › ${place.heading}` : place.title;
    if (place.text) element.append(marked(excerpt(place.text, query, terms), terms));
    return element;
  }

  /** @type {ReturnType<typeof makeIndex>} */
  let index;

  /** Show results below a search field while a reader types. */
  function attach(/** @type {HTMLFormElement} */ form) {
    const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
    const dialog = form.closest("dialog");
    const section = Object.assign(document.createElement("section"), { className: "search-results" });
    const status = Object.assign(document.createElement("p"), { role: "status" });
    const list = document.createElement("ul");
    section.append(status, list);
    form.after(section);

    async function show() {
      const query = field.value.trim();
      section.hidden = !query;
      try {
        status.textContent ||= "Loading the search …";
        const results = find(await (index ??= makeIndex()), query);
        if (field.value.trim() !== query) return;
        const shown = dialog ? results.slice(0, IN_DIALOG) : results;
        list.replaceChildren(...shown.map((result) => item(result, query)));
        const count = `${results.length} result${results.length === 1 ? "" : "s"}`;
        status.textContent = results.length ? count : "Nothing in the book has these words.";
        if (shown.length < results.length) {
          const more = Object.assign(document.createElement("a"), { textContent: `All ${count}` });
          more.href = `${root}search.html?q=${encodeURIComponent(query)}`;
          status.replaceChildren(more);
        }
        // So that a reader who comes back from a result finds them again.
        if (!dialog && location.protocol !== "file:") history.replaceState(null, "", `?q=${encodeURIComponent(query)}`);
      } catch {
        status.textContent = FAILED;
      }
    }

    // Up and down go through the results.
    function step(/** @type {KeyboardEvent} */ event) {
      const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const stops = [field, ...list.querySelectorAll("a")];
      stops[stops.findIndex((stop) => stop === document.activeElement) + way]?.focus();
    }

    field.addEventListener("input", show);
    for (const element of [form, section]) element.addEventListener("keydown", step);
    section.addEventListener("click", ({ target }) => /** @type {Element} */ (target).closest("a") && dialog?.close());
    if (!dialog) field.value ||= new URLSearchParams(location.search).get("q") ?? "";
    section.hidden = true;
    if (field.value) show();
    else (index ??= makeIndex()).catch(() => {}); // what is typed says that it failed
  }

  /** @type {NodeListOf<HTMLFormElement>} */
  const forms = document.querySelectorAll("form.bd-search");
  forms.forEach(attach);
})();
