// The script of pages with figures: starts each figure when it comes near the viewport.
// Where no script runs and in print, the picture and its description stay.
// It is a classic script and loads figures as such: in pages that are opened as files, browsers refuse modules.

(() => {
  const BASE = new URL(".", /** @type {HTMLScriptElement} */ (document.currentScript).src);
  const loaded = new Map();

  /** Load a script, once. Scripts run in the order in which they were asked for. */
  function load(/** @type {string} */ name) {
    if (!loaded.has(name)) {
      const script = document.createElement("script");
      script.src = new URL(`${name}.js`, BASE).href;
      script.async = false;
      const arrived = new Promise((resolve, reject) => {
        script.addEventListener("load", resolve);
        script.addEventListener("error", () => reject(new Error(`${name}.js could not be loaded.`)));
      });
      loaded.set(name, arrived);
      document.head.append(script);
    }
    return loaded.get(name);
  }

  /**
   * The state of a figure on a page, with the methods of anywidget's model that figures use.
   * @param {Record<string, unknown>} values
   */
  function createModel(values) {
    const listeners = new Map();
    return {
      get: (/** @type {string} */ name) => values[name],
      set(/** @type {string} */ name, /** @type {unknown} */ value) {
        values[name] = value;
        for (const listener of listeners.get(`change:${name}`) ?? []) listener();
      },
      save_changes() {},
      on(/** @type {string} */ event, /** @type {() => void} */ listener) {
        listeners.set(event, [...(listeners.get(event) ?? []), listener]);
      },
      off(/** @type {string} */ event, /** @type {() => void} */ listener) {
        listeners.set(
          event,
          (listeners.get(event) ?? []).filter((/** @type {() => void} */ each) => each !== listener),
        );
      },
    };
  }

  /** Return the state that the page's address carries for the figure with this id, or nothing. */
  function linkedState(/** @type {string} */ id) {
    const prefix = `#${id}=`;
    if (!location.hash.startsWith(prefix)) return {};
    try {
      const text = atob(location.hash.slice(prefix.length).replace(/-/g, "+").replace(/_/g, "/"));
      const state = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
      return state && typeof state === "object" && !Array.isArray(state) ? state : {};
    } catch {
      return {};
    }
  }

  async function start(/** @type {HTMLElement} */ element) {
    const { figure = "", state = "{}", assets = "{}" } = element.dataset;
    const values = { ...JSON.parse(state), _page: `${location.pathname}${location.search}#${element.id}` };
    values._linked = linkedState(element.id); // the figure takes from this what passes its checks
    for (const [name, file] of Object.entries(JSON.parse(assets))) values[`${name}_url`] = new URL(file, BASE).href;
    const place = document.createElement("div");
    place.className = "live-place";
    element.append(place);
    let stopped = false;
    place.addEventListener("live-stop", () => {
      stopped = true;
      element.classList.remove("live-on");
      element.classList.add("live-stopped"); // its picture comes back
    });
    try {
      await Promise.all(globalThis.liveScripts[figure].map(load)); // what it shares with others, and itself
      await globalThis.liveFigures[figure].render({ model: createModel(values), el: place });
      if (!stopped) element.classList.add("live-on");
    } catch (error) {
      place.remove();
      element.classList.add("live-stopped");
      const sentence = document.createElement("p");
      sentence.className = "live-failed";
      sentence.textContent = "This figure could not start here; the picture above shows its first state.";
      element.append(sentence);
      console.warn(error);
    }
  }

  const figures = [...document.querySelectorAll(".live-figure")];
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        start(/** @type {HTMLElement} */ (target));
      }
    },
    { rootMargin: "400px 0px" },
  );
  for (const figure of figures) watcher.observe(figure);

  // A link to a state leads to its figure, once the page has its final height.
  function follow() {
    const target = figures.find((figure) => location.hash.startsWith(`#${figure.id}=`));
    if (target) target.scrollIntoView({ block: "start" });
    return target;
  }
  if (follow()) addEventListener("load", follow, { once: true });
  addEventListener("hashchange", () => {
    if (follow()) location.reload();
  });
})();
