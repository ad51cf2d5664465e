// Pictures open at their full size, a page is printed in light colors, and wide formulas scroll with the keyboard.

function openPicture(link) {
  const dialog = document.createElement("dialog");
  dialog.className = "zoom-view";
  const picture = link.querySelector("img").cloneNode();
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
  const link = event.target.closest("a.zoom");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPicture(link);
});

const root = document.documentElement;
let themeOnScreen;

function printInLightColors() {
  themeOnScreen ??= root.dataset.theme;
  root.dataset.theme = "light";
}

function restoreColors() {
  if (themeOnScreen) root.dataset.theme = themeOnScreen;
  themeOnScreen = undefined;
}

// beforeprint comes with the print command; the media query also covers previews.
addEventListener("beforeprint", printInLightColors);
addEventListener("afterprint", restoreColors);
matchMedia("print").addEventListener("change", (query) => (query.matches ? printInLightColors() : restoreColors()));

// On a narrow screen a formula that is wider than its line scrolls; the keyboard reaches it only then.
async function reachWideFormulas() {
  await document.fonts.ready;
  for (const formula of document.querySelectorAll("article :is(div.math, .math.long)"))
    if (formula.scrollWidth > formula.clientWidth && getComputedStyle(formula).overflowX === "auto") formula.tabIndex = 0;
}

if (matchMedia("(max-width: 992px)").matches) addEventListener("load", reachWideFormulas);
