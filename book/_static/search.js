// The results of a search: a figure that is asked for by a name, then chapters, the pages of the code last, each with an
// excerpt of the page's plain text.
// It replaces how Sphinx's searchtools.js orders and shows what it finds; how it finds them stays. The texts come with
// search_texts.js, so that nothing is fetched, and a book that is opened as a file shows excerpts too.
"use strict";

(() => {
  /**
   * @typedef {{page: string, title: string, passage: Passage, score: number, tier: number, description?: string}} Result
   */

  const EXCERPT = 240; // characters
  const texts = SEARCH_TEXTS;

  const escapePattern = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  // Matches a phrase where a word begins, also when the query is plural and the text is not, or an inner word is plural.
  const pattern = (/** @type {string} */ phrase) => {
    const singular = phrase.length > 3 ? phrase.replace(/([^s])s$/, "$1") : phrase;
    return new RegExp(`(^|[^\\p{L}\\p{N}_])(${singular.split(/\s+/).map(escapePattern).join("s?[\\s-]+")})`, "giu");
  };

  const count = (/** @type {string} */ text, /** @type {string} */ phrase) =>
    [...text.matchAll(pattern(phrase))].length;

  const plainTitle = (/** @type {string} */ title) => title.toLowerCase().replace(/^\d+\. /, "");

  // From 0 to 3. More than seven times says no more: of two chapters that are full of a word, the earlier explains it.
  const often = (/** @type {number} */ times) => Math.log2(1 + Math.min(times, 7));

  // How well a passage fits: its heading counts most, then how often its text has the phrase, or else the words.
  /** @type {(passage: Passage, phrase: string, words: string[]) => number} */
  const passageScore = ([, heading, text], phrase, words) => {
    let score = 4 * often(count(text, phrase));
    if (score === 0 && words.length > 1) {
      for (const word of words) score += often(count(text, word)) / words.length;
    }
    if (count(heading, phrase)) score += 12;
    if (plainTitle(heading) === phrase) score += 16;
    return score;
  };

  // The passage of a page that fits best, and how well the page fits.
  /** @type {(page: string, phrase: string, words: string[]) => Omit<Result, "tier">} */
  const rankPage = (page, phrase, words) => {
    const passages = texts[page] || [];
    /** @type {Passage} */
    let best = ["", "", ""];
    let bestScore = -1;
    let bestShown = -1; // the section that explains is shown, and not an exercise with as many of the words
    let total = 0;
    for (const passage of passages) {
      const score = passageScore(passage, phrase, words);
      total += count(passage[2], phrase);
      const shown = /^Exercise \d/.test(passage[1]) ? score / 2 : score;
      bestScore = Math.max(bestScore, score);
      if (shown > bestShown) [best, bestShown] = [passage, shown];
    }
    const title = passages.length ? passages[0][1] : page;
    let score = bestScore + 4 * often(total);
    if (count(title, phrase)) score += 30;
    if (plainTitle(title) === phrase) score += 20;
    return { page, title, passage: best, score };
  };

  // Figures that the query names, in the order of the book. They are no part of Sphinx's index.
  const namedFigures = (/** @type {string} */ phrase) => {
    const wanted = phrase.replace(/\b(a|an|the|your|my) /g, "");
    /** @type {Result[]} */
    const results = [];
    for (const page of Object.keys(texts))
      for (const passage of texts[page])
        if (passage[3]?.some((name) => name.replace(/\b(a|an|the|your|my) /g, "") === wanted))
          results.push({ page, title: texts[page][0][1], passage, score: 0, tier: 0 });
    return results;
  };

  // 0 is shown first: an object of the code that was asked for by its exact name, then chapters and pages, then code.
  const tier = (/** @type {string} */ page, /** @type {boolean} */ isObject, /** @type {boolean} */ isExact) => {
    if (isObject) return isExact ? 0 : 2;
    return page.startsWith("book/api/") ? 2 : 1;
  };

  const CHAPTER_BONUS = 22;
  const NAMED_BONUS = 12;

  // The start of the address of the chapter that the glossary names for a term: its entry ends with "Chapter 09.".
  const namedChapter = (/** @type {string} */ phrase) => {
    for (const [, heading, text] of texts["book/glossary"] || []) {
      const names = heading.toLowerCase().split(/ \(|\)/); // "byte-pair encoding (BPE)" has two
      if (!names.includes(phrase) && !names.includes(phrase.replace(/(e?s)$/, ""))) continue;
      const chapter = text.match(/Chapter (\d\d)\.$/);
      if (chapter) return `notebooks/${chapter[1]}_`;
    }
    return "";
  };

  const rank = (/** @type {Found[]} */ found, /** @type {string} */ query) => {
    const phrase = query.toLowerCase().trim().replace(/\s+/g, " ");
    const words = splitQuery(phrase);
    const isTerm = Object.values(texts).some((passages) =>
      passages.some(([id, heading]) => id.startsWith("term-") && heading === query),
    );
    const isCode = !isTerm && (/[_.]/.test(query) || (/.[A-Z]/.test(query) && /[a-z]/.test(query)));
    const named = namedChapter(phrase);
    const results = namedFigures(phrase);
    const pages = new Set();
    for (const [page, title, anchor, description, score] of found) {
      if (description !== null) {
        const isExact = isCode && `.${title}`.endsWith(`.${query}`);
        /** @type {Passage} */
        const unknown = [anchor.slice(1), "", ""];
        const passage = (texts[page] || []).find(([id]) => `#${id}` === anchor) || unknown;
        results.push({ page, title, passage, description, score, tier: tier(page, true, isExact) });
      } else if (!pages.has(page)) {
        pages.add(page);
        const result = rankPage(page, phrase, words);
        if (page.startsWith("notebooks/")) result.score += CHAPTER_BONUS;
        if (named && page.startsWith(named)) result.score += NAMED_BONUS;
        if (results.some(({ passage }) => passage === result.passage)) continue; // the figure that was named
        results.push({ ...result, tier: tier(page, false, false) });
      }
    }
    return results.sort((a, b) => a.tier - b.tier || b.score - a.score || a.title.localeCompare(b.title));
  };

  // Append a text to an element, with the words of the query marked.
  const appendMarked = (
    /** @type {Element} */ element,
    /** @type {string} */ text,
    /** @type {string[]} */ phrases,
  ) => {
    const marked = new RegExp(
      phrases.map((phrase) => pattern(phrase).source.replace("(^|[^\\p{L}\\p{N}_])", "")).join("|"),
      "giu",
    );
    let end = 0;
    for (const match of text.matchAll(marked)) {
      if (match.index > 0 && /[\p{L}\p{N}_]/u.test(text[match.index - 1])) continue;
      element.append(text.slice(end, match.index));
      element.appendChild(document.createElement("mark")).textContent = match[0];
      end = match.index + match[0].length;
    }
    element.append(text.slice(end));
  };

  // About 240 characters around the first place that has the phrase or one of the words, cut between words.
  const excerpt = (/** @type {string} */ text, /** @type {string[]} */ phrases) => {
    const first = phrases.map((phrase) => text.search(pattern(phrase))).find((position) => position >= 0) ?? 0;
    let start = Math.max(0, first - EXCERPT / 3);
    if (start > 0) start = text.indexOf(" ", start) + 1;
    let end = Math.min(text.length, start + EXCERPT);
    if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
    return `${start > 0 ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  };

  const show = (/** @type {Result} */ result, /** @type {string[]} */ phrases) => {
    const [anchor, heading, text] = result.passage;
    const item = Search.output.appendChild(document.createElement("li"));
    const link = item.appendChild(document.createElement("a"));
    const root = document.documentElement.dataset.content_root;
    link.href = root + result.page + DOCUMENTATION_OPTIONS.LINK_SUFFIX + (anchor ? `#${anchor}` : "");
    const isPart = anchor && !result.description && heading !== result.title;
    link.textContent = isPart ? `${result.title} › ${heading}` : result.title;
    if (result.description) item.append(` (${result.description})`);
    if (text)
      appendMarked(
        item.appendChild(Object.assign(document.createElement("p"), { className: "context" })),
        excerpt(text, phrases),
        phrases,
      );
  };

  Search.query = (query) => {
    const found = Search._performSearch(...Search._parseQuery(query));
    const results = rank(found, query);
    const phrase = query.toLowerCase().trim();
    results.forEach((result) => show(result, [phrase, ...splitQuery(phrase)]));
    _finishSearch(results.length);
  };
})();
