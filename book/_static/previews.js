// Previews of glossary terms and papers: what a link leads to, shown while the pointer or the keyboard focus is on it.
// The texts were put into the page when it was built. Escape closes a preview, and the pointer may move onto it. The first
// tap of a finger shows the preview, which has a link to the entry; a tap elsewhere closes it.
"use strict";

(() => {
  /** @type {Record<string, string>} */
  const texts = JSON.parse(document.getElementById("previews")?.textContent ?? "{}");
  const preview = document.createElement("div");
  preview.id = "preview";
  preview.setAttribute("role", "tooltip");
  preview.hidden = true;
  document.body.append(preview);

  /** The link whose preview is open. @type {HTMLAnchorElement | null} */
  let current = null;
  let timer = 0;
  let lastPointer = ""; // what the reader points with; clicks do not say it in every browser

  const close = () => {
    window.clearTimeout(timer);
    if (current) current.removeAttribute("aria-describedby");
    current = null;
    preview.hidden = true;
  };

  // Under the link, or above it where there is no room below; always inside of the window.
  const place = (/** @type {HTMLAnchorElement} */ link) => {
    const gap = 6;
    const line = link.getClientRects()[0];
    const { width, height } = preview.getBoundingClientRect();
    const room = document.documentElement.clientWidth - width - gap;
    const below = line.bottom + gap;
    const fits = below + height <= window.innerHeight || line.top - gap - height < 0;
    preview.style.left = `${Math.max(gap, Math.min(line.left, room)) + window.scrollX}px`;
    preview.style.top = `${(fits ? below : line.top - gap - height) + window.scrollY}px`;
  };

  const open = (/** @type {HTMLAnchorElement} */ link, byTouch = false) => {
    if (link === current) return;
    close();
    current = link;
    preview.innerHTML = texts[link.getAttribute("href") ?? ""];
    if (byTouch) {
      const onward = Object.assign(document.createElement("a"), { href: link.href, className: "onward" });
      onward.textContent = link.classList.contains("to-paper") ? "In the bibliography" : "In the glossary";
      preview.append(onward);
    }
    preview.hidden = false;
    link.setAttribute("aria-describedby", preview.id);
    place(link);
  };

  const later = (/** @type {() => void} */ action, /** @type {number} */ milliseconds) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(action, milliseconds);
  };

  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = document.querySelectorAll("article a[href]");
  for (const link of links) {
    if (!((link.getAttribute("href") ?? "") in texts)) continue;
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && later(() => open(link), 150));
    link.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && later(close, 200));
    link.addEventListener("click", (event) => {
      if (lastPointer !== "touch" || link === current) return;
      event.preventDefault();
      open(link, true);
    });
    link.addEventListener("focus", () => link.matches(":focus-visible") && open(link));
    link.addEventListener("blur", (event) => preview.contains(/** @type {Node} */ (event.relatedTarget)) || close());
  }
  preview.addEventListener("pointerenter", () => window.clearTimeout(timer));
  preview.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && later(close, 200));
  document.addEventListener("pointerdown", (event) => {
    lastPointer = event.pointerType;
    const target = /** @type {Node} */ (event.target);
    if (current && !current.contains(target) && !preview.contains(target)) close();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
})();
