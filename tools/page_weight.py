"""Measure how heavy the built pages are: bytes, first contentful paint, and when the page becomes interactive.

Usage: python tools/page_weight.py [--phone] [PAGE ...]     (after make book)

Each page is opened in a fresh profile with the browser's own throttling: 10 Mbit/s, 40 ms, a processor four times
slower. The server compresses text, as GitHub Pages does. "interactive" is the end of the last task that kept the main
thread busy for more than 50 ms; "shift" is the cumulative layout shift; "figure" is when the first figure that responds
has started, for a reader who opens the page at that figure. The table has the median of three visits. An asterisk marks
what the first page has over its limits: 250 kB, and interactive after 2 seconds, both before Start is pressed.
"""

import argparse
import gzip
import http.server
import math
import re
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import find_browser
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PAGES = ["book/intro", "notebooks/03_*", "notebooks/04_*", "notebooks/11_*", "book/notation"]
COMPRESSED = {".html", ".js", ".css", ".svg", ".json"}
NETWORK = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
SLOWDOWN = 4
VISITS = 3
LIMITS = {"book/intro": {"kB": 250, "interactive (s)": 2}}
VIEWPORTS = {False: {"width": 1440, "height": 900}, True: {"width": 390, "height": 844}}

# Observers that run before the page's own scripts; a page is quiet when 2.5 seconds passed without a long task.
OBSERVE = """
window.measured = { longTaskEnd: 0, shift: 0, last: performance.now() };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    measured.longTaskEnd = measured.last = entry.startTime + entry.duration;
}).observe({ type: "longtask", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) measured.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
addEventListener("load", () => { measured.last = performance.now(); measured.loaded = true; });
new MutationObserver(() => {
  if (!measured.figure && document.querySelector(".live-on")) measured.figure = performance.now();
}).observe(document, { attributeFilter: ["class"], subtree: true });
"""
QUIET = "measured.loaded && performance.now() - measured.last > 2500"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serve the built book, text compressed and compressed only once."""

    protocol_version = "HTTP/1.1"
    cache: dict[Path, bytes] = {}  # noqa: RUF012 (shared by all requests on purpose)

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        compressed = path.suffix in COMPRESSED
        if path not in self.cache:
            self.cache[path] = gzip.compress(path.read_bytes()) if compressed else path.read_bytes()
        body = self.cache[path]
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        if compressed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def _served() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: _Handler(*arguments, directory=str(HTML))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def visit(browser: Browser, address: str, phone: bool) -> dict[str, float]:
    """Open one page with an empty cache and return its measurements."""
    context = browser.new_context(viewport=VIEWPORTS[phone], is_mobile=phone, has_touch=phone)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(OBSERVE)
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.emulateNetworkConditions", NETWORK)
    client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    received: list[float] = []
    client.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_function(QUIET)
    seen = {
        "requests": len(received),
        "kB": sum(received) / 1000,
        "first paint (s)": page.evaluate(PAINT) / 1000,
        "interactive (s)": page.evaluate("measured.longTaskEnd") / 1000,
        "shift": page.evaluate("measured.shift"),
        "figure (s)": math.nan,
    }
    if "#" in address:
        page.wait_for_function("measured.figure")
        seen["figure (s)"] = page.evaluate("measured.figure") / 1000
    context.close()
    return seen


def row(name: str, medians: dict[str, float]) -> str:
    """Return the line of a page; an asterisk follows what is over its limit."""
    limits = LIMITS.get(name, {})
    cells = [
        f"{value:16.{0 if value > 30 else 2}f}{'*' if value > limits.get(column, math.inf) else ' '}"
        for column, value in medians.items()
    ]
    return f"{name:32s}{''.join(cells)}".rstrip()


def main() -> None:
    """Print one row per page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE", help="without .html; * stands for the rest")
    parser.add_argument("--phone", action="store_true", help="measure on a screen of 390 x 844")
    options = parser.parse_args()
    files = [file for page in options.pages for file in sorted(HTML.glob(f"{page}.html"))]
    if not files:
        parser.error(f"no page of {HTML} matches {', '.join(options.pages)}; run: make book")
    with sync_playwright() as playwright, _served() as site:
        browser = playwright.chromium.launch(
            executable_path=find_browser.find(), args=["--no-sandbox", "--disable-gpu"]
        )
        columns = None
        for file in files:
            name = str(file.relative_to(HTML).with_suffix(""))
            figure = re.search(r'id="(live-[^"]*)"', file.read_text(encoding="utf-8"))
            place = f"#{figure[1]}=" if figure else ""
            visits = [visit(browser, f"{site}{name}.html{place}", options.phone) for _ in range(VISITS)]
            if columns is None:
                columns = list(visits[0])
                print(f"{'page':32s}" + "".join(f"{column:>17s}" for column in columns))
            medians = {column: statistics.median(seen[column] for seen in visits) for column in columns}
            print(row(name, medians))
        browser.close()


if __name__ == "__main__":
    main()
