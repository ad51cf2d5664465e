// The path: on a page that was opened as one of its stops (?path=N), a bar that leads on; on the landing page, the
// button that begins the path goes on where the reader has stopped. Where nothing can be stored, it begins at the start.
"use strict";

(() => {
  const KEY = "lecture21-path"; // with this prefix, a figure's button that clears what is kept clears it too
  const { page, end, stops } = JSON.parse(document.getElementById("path-stops").textContent);

  const store = (number) => {
    try {
      if (number) localStorage.setItem(KEY, String(number));
      else localStorage.removeItem(KEY);
    } catch {
      // A private window, or a browser that stores nothing for files: the bar works without.
    }
  };

  const stored = () => {
    try {
      return Number(localStorage.getItem(KEY));
    } catch {
      return 0;
    }
  };

  const create = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const goOn = (button) => {
    const number = stored();
    if (!(number > 1 && number <= stops.length)) return;
    button.textContent = "Go on";
    button.href = stops[number - 1].href;
    button.parentElement.querySelector("span").prepend(`${number} of ${stops.length}: ${stops[number - 1].title}. `);
  };

  const showBar = (number) => {
    const stop = stops[number - 1];
    const next = stops[number];
    const link = (className, text, title, href) => {
      const made = create("a", { className, href }, create("b", {}, text), title ? create("span", {}, title) : "");
      return made;
    };
    const place = create("p", {}, create("b", {}, `The path, ${number} of ${stops.length}: ${stop.title}`));
    place.append(create("span", {}, `about ${stop.minutes} minutes${stop.until ? `, up to “${stop.until}”` : ""}`));
    const done = create("progress", { max: stops.length, value: number });
    done.ariaLabel = "Stops of the path";
    const bar = create("nav", { id: "path-bar" }, done, place);
    bar.ariaLabel = "The path";
    if (number > 1) bar.append(link("back", "Back", "", stops[number - 2].href));
    bar.append(next ? link("on", "Next", next.title, next.href) : link("on", "Finish", "what to read now", end));
    if (!next) bar.querySelector(".on").addEventListener("click", () => store(0));
    document.body.append(bar);
    document.body.classList.add("on-path");
    store(number);
  };

  const number = Number(new URLSearchParams(location.search).get("path"));
  if (Number.isInteger(number) && stops[number - 1]?.page === page) showBar(number);
  const button = document.getElementById("path-begin");
  if (button) goOn(button);
})();
