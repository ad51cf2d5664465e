// Pictures open at their full size, a page is printed in light colors with its answers at the end, wide formulas scroll
// with the keyboard, the answer to a question opens the result below it, and the search is loaded when it is opened.

function openPicture(/** @type {Element} */ link) {
  const dialog = document.createElement("dialog");
  dialog.className = "zoom-view";
  const picture = /** @type {HTMLImageElement} */ (link.querySelector("img")?.cloneNode());
  picture.loading = "eager";
  const scroller = document.createElement("div");
  scroller.tabIndex = 0;
  scroller.append(picture);
  const close = document.createElement("button");
  close.type = "button";
  close.ariaLabel = "Close the picture";
  close.textContent = "\u00d7";
  close.addEventListener("click", () => dialog.close());
  dialog.ariaLabel = "Picture at its full size";
  dialog.append(close, scroller);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("a.zoom");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPicture(link);
});

const root = document.documentElement;
/** @type {string | undefined} */
let themeOnScreen;

function printInLightColors() {
  themeOnScreen ??= root.dataset.theme;
  root.dataset.theme = "light";
}

function restoreColors() {
  if (themeOnScreen) root.dataset.theme = themeOnScreen;
  themeOnScreen = undefined;
}

// On paper, what a reader opens on the screen is at the end: hints, solutions and answers, each under what it belongs to.
const ANSWERS = "article > section details:not(.admonition), article .cell.tag_solution";
/** Where each was, and the answer. @type {[Comment, Element][]} */
const moved = [];

function labelOf(/** @type {Element} */ answer) {
  const before = [
    ...document.querySelectorAll("article :is(h2, h3), article .live-figure strong, article p > strong:first-child"),
  ].filter(
    (each) => each.compareDocumentPosition(answer) & Node.DOCUMENT_POSITION_FOLLOWING && !each.closest("details"),
  );
  return before.at(-1)?.textContent.replace(/[#.]$/, "").trim() ?? "";
}

function moveAnswers() {
  const article = document.querySelector("article");
  const answers = article
    ? [...article.querySelectorAll(ANSWERS)].filter((each) => !each.parentElement?.closest("details"))
    : [];
  if (!article || moved.length || !answers.length) return;
  const end = Object.assign(document.createElement("section"), { id: "printed-answers" });
  end.append(Object.assign(document.createElement("h2"), { textContent: "Answers" }));
  const labels = new Map(answers.map((each) => [each, labelOf(each)])); // before any of them moves
  let label = "";
  for (const answer of answers) {
    const itsLabel = labels.get(answer) ?? "";
    const place = document.createComment("");
    answer.replaceWith(place);
    moved.push([place, answer]);
    if (itsLabel !== label) end.append(Object.assign(document.createElement("h3"), { textContent: itsLabel }));
    label = itsLabel;
    end.append(answer);
  }
  article.append(end);
}

function returnAnswers() {
  for (const [place, answer] of moved.splice(0)) place.replaceWith(answer);
  document.getElementById("printed-answers")?.remove();
}

// beforeprint comes with the print command; the media query also covers previews.
function beginPrint() {
  printInLightColors();
  moveAnswers();
}

function endPrint() {
  restoreColors();
  returnAnswers();
}

addEventListener("beforeprint", beginPrint);
addEventListener("afterprint", endPrint);
matchMedia("print").addEventListener("change", (query) => (query.matches ? beginPrint() : endPrint()));

// On a narrow screen a formula that is wider than its line scrolls; the keyboard reaches it only then.
async function reachWideFormulas() {
  await document.fonts.ready;
  /** @type {NodeListOf<HTMLElement>} */
  const formulas = document.querySelectorAll("article :is(div.math, .math.long)");
  for (const formula of formulas)
    if (formula.scrollWidth > formula.clientWidth && getComputedStyle(formula).overflowX === "auto")
      formula.tabIndex = 0;
}

if (matchMedia("(max-width: 992px)").matches) addEventListener("load", reachWideFormulas);

// What a question holds back, folds directly below it, opens once it is answered.
addEventListener("live-answered", ({ target }) => {
  for (
    let next = /** @type {Element} */ (target).closest(".cell")?.nextElementSibling;
    next;
    next = next.nextElementSibling
  ) {
    if (next.matches("template, .tag_hide-cell")) continue; // notes for instructors, checks of numbers
    const found = next.matches("details") ? next : next.querySelector(":scope > details.below-input");
    const fold = /** @type {HTMLDetailsElement | null} */ (found);
    if (!fold) return;
    fold.open = true;
  }
});

// The search, its index and the texts of all pages are loaded when a reader opens it.
let isSearchOpen = false;

function openSearch() {
  if (isSearchOpen) return;
  isSearchOpen = true;
  document.head.append(
    Object.assign(document.createElement("script"), { src: `${root.dataset.content_root}_static/search.js` }),
  );
}

document.addEventListener("focusin", ({ target }) => {
  if (/** @type {Element} */ (target).matches(".bd-search input")) openSearch();
});
if (document.querySelector(".bd-search-container")) openSearch();
