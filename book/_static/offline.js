// A published book keeps on the reader's device the pages that they visit, and all of it when they ask (sw.js). Not on the
// machine that serves it, where another site may have the same address tomorrow.
(() => {
  const SILENCE = 30; // seconds until the reader is told that nothing arrives
  const isLocal = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  if (!/^https?:$/.test(location.protocol) || !navigator.serviceWorker || isLocal) return;
  const { serviceWorker } = navigator;

  /** @typedef {{whole?: boolean, bytes?: number, arrived?: number, failed?: string}} Answer */

  /**
   * Send a message to the worker; `onAnswer` returns whether another answer follows.
   * @param {{keep?: boolean}} message
   * @param {(answer: Answer) => boolean} onAnswer
   */
  async function ask(message, onAnswer) {
    const { active, waiting } = await serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    let timer = 0;
    const wait = () => {
      timer = setTimeout(() => {
        port1.close();
        onAnswer({ failed: `nothing has arrived for ${SILENCE} seconds` });
      }, 1000 * SILENCE);
    };
    port1.onmessage = ({ data }) => {
      clearTimeout(timer);
      if (onAnswer(data)) wait();
    };
    wait();
    (waiting ?? active)?.postMessage(message, [port2]); // a version that waits is about to replace the other
  }

  /** Offer to keep the whole book, and say how far that is. */
  function offer(/** @type {Element} */ place) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn", hidden: true });
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    place.replaceChildren(button, said);
    const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);

    function show(/** @type {Answer} */ { whole, bytes = 0, arrived, failed }) {
      if (arrived !== undefined) {
        said.textContent = `${megabytes(arrived)} of ${megabytes(bytes)} MB are on this device.`;
        return true;
      }
      button.hidden = Boolean(whole);
      button.disabled = false;
      if (failed) {
        said.textContent = `The book could not be kept: ${failed}. What has arrived stays; press the button to go on.`;
        return false;
      }
      button.textContent = `Keep the whole book on this device (${megabytes(bytes)} MB)`;
      said.textContent = whole ? "The whole book is on this device: its pages open without a connection." : "";
      return false;
    }

    button.addEventListener("click", () => {
      button.disabled = true;
      said.textContent = "Keeping the book …";
      navigator.storage?.persist?.().catch(() => {}); // the browser decides, some ask
      ask({ keep: true }, show);
    });
    ask({}, (answer) => (answer.failed ? false : show(answer)));
  }

  addEventListener("load", async () => {
    const isFirst = !serviceWorker.controller;
    try {
      await serviceWorker.register(new URL(`${document.documentElement.dataset.content_root}sw.js`, location.href));
    } catch {
      return; // without it, the book is read all the same
    }
    const { active } = await serviceWorker.ready;
    if (isFirst) {
      const tell = (/** @type {string[]} */ visited) => active?.postMessage({ visited });
      tell([location.href]);
      const observer = new PerformanceObserver((list) => tell(list.getEntries().map(({ name }) => name)));
      observer.observe({ type: "resource", buffered: true });
    }
    const place = document.querySelector(".keep-book");
    if (place) offer(place);
  });
})();
