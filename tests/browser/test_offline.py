"""The published book without a connection: after one visit, and while a new version is being published."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lecture21_book import offline
from playwright.sync_api import Browser, BrowserContext, Page, expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
PLACE = "teaching/book"  # published books are often below another site
FIRST, SECOND = "book/notation.html", "book/changes.html"
# Trusted without a certificate, as every name below localhost, but not 127.0.0.1, where the book registers nothing.
HOST = "book.localhost"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    def log_message(self, *arguments) -> None:
        pass


class Published:
    """Two pages of the book on a server, which can be changed and stopped."""

    def __init__(self, folder: Path):
        self.folder = folder / PLACE
        for name in (FIRST, SECOND, "index.html"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HTML / name, self.folder / name)
        shutil.copytree(HTML / "_static", self.folder / "_static", ignore=shutil.ignore_patterns("live", "locales"))
        handler = functools.partial(Handler, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://{HOST}:{self.server.server_port}/{PLACE}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        offline.write(self.folder)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def write(self, version: str) -> None:
        """Let both pages, and nothing else yet, be those of another version."""
        for name in (FIRST, SECOND):
            path = self.folder / name
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("</article>", f'<p class="version">{version}</p></article>'), encoding="utf-8")


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    made = Published(tmp_path)
    yield made
    with contextlib.suppress(OSError):
        made.stop()


@pytest.fixture
def context(launch_browser: Callable[..., Browser], browser_type_launch_args: dict) -> Iterator[BrowserContext]:
    """A browser that finds the server under that name."""
    arguments = [each for each in browser_type_launch_args["args"] if "host-resolver" not in each]
    arguments += [f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    browser = launch_browser(args=arguments)
    yield browser.new_context()
    browser.close()


def visit(context: BrowserContext, published: Published) -> Page:
    """Open a page for the first time and wait until the book is kept."""
    page = context.new_page()
    page.goto(published.address + FIRST)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.getRegistration().then((found) => !!found.active)")
    return page


def update(page: Page) -> None:
    """Look for a new version, as browsers do when a page is opened, and wait until it is there or has failed."""
    page.evaluate("""async () => {
        const found = await navigator.serviceWorker.getRegistration();
        await found.update();
        const worker = found.installing;
        if (worker) await new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
    }""")


def versions(page: Page) -> list[str]:
    """The versions that a page names, and those that the browser keeps."""
    expect(page.locator("article h1")).to_be_visible()
    return page.locator("p.version").all_inner_texts()


def test_after_one_visit_every_page_is_there_without_a_connection(context: BrowserContext, published: Published):
    page = visit(context, published)
    published.stop()
    context.set_offline(True)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(f"{published.address}{SECOND}?path=1#errata")
    expect(page.locator("article h1")).to_contain_text("Changes and errata")
    expect(page.locator(".page-links a").first).to_have_css("white-space", "nowrap")  # it has its style sheet
    until(lambda: "lecture21" in page.evaluate("caches.keys().then((names) => names.join())"))
    assert [each for each in errors if "THEBE" not in each] == []


def test_a_new_version_takes_over_when_it_is_complete_and_no_page_mixes_two(
    context: BrowserContext, published: Published
):
    page = visit(context, published)
    published.write("second")
    page.goto(published.address + SECOND)
    update(page)  # the server has new pages, and still the old list of files: nothing changes
    page.goto(published.address + FIRST)
    until(lambda: versions(page) == [])
    offline.write(published.folder)
    complete = (published.folder / FIRST).read_bytes()
    (published.folder / FIRST).write_bytes(b"of another version")
    update(page)  # the list is new, and one file is not the one that it names
    page.goto(published.address + SECOND)
    until(lambda: versions(page) == [])
    (published.folder / FIRST).write_bytes(complete)
    later = (published.folder / FIRST).stat().st_mtime + 60
    os.utime(published.folder / FIRST, (later, later))  # servers compare whole seconds
    other = context.new_page()
    other.goto(published.address + SECOND)
    update(page)
    page.goto(published.address + FIRST)  # while another page shows the old version, this one does too
    until(lambda: versions(page) == [])
    other.close()
    for _ in range(100):  # the browser may notice a little later that no page shows the old version
        page.goto(published.address + SECOND)
        if versions(page):
            break
    published.stop()
    for name in (FIRST, SECOND):
        page.goto(published.address + name)
        until(lambda: versions(page) == ["second"])
    until(lambda: page.evaluate("caches.keys().then((names) => names.length)") == 1)


def test_on_the_machine_that_serves_the_book_nothing_is_kept(browser, site: str):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site + FIRST)
        page.wait_for_load_state()
        until(lambda: page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0)


def test_a_file_of_a_figure_is_listed_once(tmp_path: Path):
    for name in ("index.html", "plays.txt", "plays.txt.js", "host.js"):
        (tmp_path / name).write_text(name)
    assert sorted(offline.files(tmp_path)) == ["host.js", "index.html", "plays.txt"]


def test_the_list_of_the_book_has_every_page_and_the_digest_of_every_file():
    script = (HTML / "sw.js").read_text(encoding="utf-8")
    listed = json.loads(script.removeprefix("const FILES = ").partition(";\n")[0])
    assert listed == offline.files(HTML), "a file was changed after the list was written"
    pages = {path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if "_static" not in path.parts}
    assert pages <= set(listed)
    assert sum((HTML / name).stat().st_size for name in listed) < 30e6
