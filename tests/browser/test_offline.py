"""The published book without a connection: what was visited, all of it on request, and while a version is published."""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lecture21_book import offline
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
PLACE = "teaching/book"  # published books are often below another site
START, FIRST, SECOND = "book/intro.html", "book/notation.html", "book/changes.html"
PAGES = (START, FIRST, SECOND)
SHEET = "_static/site.css"
# Trusted without a certificate, as every name below localhost, but not 127.0.0.1, where the book registers nothing.
HOST = "book.localhost"
WHOLE = "The whole book is on this device"


class Published:
    """Three pages of the book on a server, which can be changed, stopped and started."""

    def __init__(self, folder: Path):
        self.root = folder
        self.folder = folder / PLACE
        for name in (*PAGES, "index.html"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HTML / name, self.folder / name)
        shutil.copytree(HTML / "_static", self.folder / "_static", ignore=shutil.ignore_patterns("live", "locales"))
        self.asked: list[str] = []
        self.held = ""  # a file that the server never answers
        self.free = threading.Event()
        self.port = 0
        self.start()
        self.address = f"http://{HOST}:{self.port}/{PLACE}/"
        offline.write(self.folder)

    def start(self) -> None:
        published = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            """Serve files, note which, and write no line on stderr for each."""

            def do_GET(self) -> None:
                name = self.path.split("?")[0].removeprefix(f"/{PLACE}/")
                published.asked.append(name)
                if name == published.held:
                    published.free.wait()
                super().do_GET()

            def end_headers(self) -> None:
                self.send_header("Cache-Control", "no-cache")  # what is old comes from the worker alone
                super().end_headers()

            def log_message(self, *arguments) -> None:
                pass

        handler = functools.partial(Handler, directory=self.root)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.free.set()
        self.server.shutdown()
        self.server.server_close()

    def write(self, version: str) -> None:
        """Let all pages, and nothing else yet, be those of another version."""
        for name in PAGES:
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


KEPT = """async () => {
    const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    const requests = (await Promise.all(caches_.map((each) => each.keys()))).flat();
    return requests.map(({ url }) => url);
}"""


FORGET = """async (url) => {
    for (const name of await caches.keys()) await (await caches.open(name)).delete(url);
}"""


def kept(page: Page, published: Published) -> set[str]:
    """The files of the book that the browser keeps."""
    return {url.removeprefix(published.address) for url in page.evaluate(KEPT)}


def visit(context: BrowserContext, published: Published, name: str = FIRST) -> Page:
    """Open a page for the first time and wait until it is kept."""
    page = context.new_page()
    page.goto(published.address + name)
    until(lambda: {name, SHEET} <= kept(page, published))
    return page


def offered(page: Page) -> tuple[Locator, Locator]:
    """The button that keeps the whole book, and what is said below it."""
    place = page.locator(".keep-book")
    return place.get_by_role("button"), place.get_by_role("status")


def update(page: Page) -> None:
    """Look for a new version, as browsers do when a page is opened, and wait until it is there or has failed."""
    page.evaluate("""async () => {
        const found = await navigator.serviceWorker.getRegistration();
        await found.update();
        const worker = found.installing;
        if (worker) await new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
    }""")


def versions(page: Page) -> list[str]:
    """The versions that a page names."""
    expect(page.locator("article h1")).to_be_visible()
    return page.locator("p.version").all_inner_texts()


def take_over(page: Page, published: Published, name: str = SECOND) -> None:
    """Open a page until a version that waits has taken over: the browser may notice a little later that it can."""
    for _ in range(100):
        page.goto(published.address + name)
        if versions(page):
            return


def test_what_was_visited_is_there_without_a_connection_and_nothing_else_was_loaded(
    context: BrowserContext, published: Published
):
    page = visit(context, published)
    page.evaluate("fetch('../_static/minus.png')")  # as a figure that starts later
    until(lambda: "_static/minus.png" in kept(page, published))
    assert not {START, SECOND} & set(published.asked)
    repeated = {name for name in published.asked if published.asked.count(name) > 1}
    assert len(repeated) <= 2, repeated  # what the worker keeps comes from the browser's own cache
    published.stop()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(f"{published.address}{FIRST}?path=1#units")
    expect(page.locator("article h1")).to_contain_text("Notation")
    expect(page.locator(".page-links a").first).to_have_css("white-space", "nowrap")  # it has its style sheet
    assert [each for each in errors if "THEBE" not in each] == []
    with pytest.raises(Error, match="ERR_"):
        page.goto(published.address + SECOND)


def test_the_whole_book_is_kept_when_a_reader_asks_and_said_to_be_when_it_is(
    context: BrowserContext, published: Published
):
    page = visit(context, published, START)
    button, said = offered(page)
    files = offline.files(published.folder)
    megabytes = sum(each["bytes"] for each in files.values()) / 1e6
    size = float(re.fullmatch(r"Keep the whole book on this device \(([\d.]+) MB\)", button.inner_text())[1])
    assert 0.5 < size / megabytes <= 1.1  # without what the page has brought
    published.held = SECOND
    button.click()
    expect(said).to_have_text(re.compile(r"^[\d.]+ of [\d.]+ MB are on this device\.$"))
    other = context.new_page()
    other.goto(published.address + START)
    expect(offered(other)[0]).to_be_visible()  # not all of it is there
    page.evaluate(FORGET, published.address + FIRST)  # as a browser that needs the room
    published.free.set()
    expect(button).to_be_enabled()
    expect(button).to_have_text(re.compile(r"\(0\.\d MB\)"))  # it was not believed
    button.click()
    expect(said).to_contain_text(WHOLE)
    expect(button).to_be_hidden()
    assert set(files) <= kept(page, published)
    published.stop()
    other.reload()
    expect(offered(other)[1]).to_contain_text(WHOLE)
    other.goto(published.address + SECOND)
    expect(other.locator("article h1")).to_contain_text("Changes and errata")


def test_why_the_book_could_not_be_kept_is_said_and_the_button_goes_on(context: BrowserContext, published: Published):
    page = visit(context, published, START)
    button, said = offered(page)
    complete = (published.folder / SECOND).read_bytes()
    (published.folder / SECOND).write_bytes(b"of another version")
    button.click()
    expect(said).to_contain_text("could not be kept: a new version of the book is being published; reload the page.")
    (published.folder / SECOND).write_bytes(complete)
    later = (published.folder / SECOND).stat().st_mtime + 60
    os.utime(published.folder / SECOND, (later, later))  # servers compare whole seconds
    published.stop()
    button.click()
    expect(said).to_contain_text("could not be kept: the connection was lost.")
    published.start()
    quota = context.new_cdp_session(page)
    quota.send("Storage.overrideQuotaForOrigin", {"origin": page.url.split("/teaching")[0], "quotaSize": 1000})
    button.click()
    expect(said).to_contain_text("could not be kept: the browser has no room for it.")
    quota.send("Storage.overrideQuotaForOrigin", {"origin": page.url.split("/teaching")[0]})
    button.click()
    expect(said).to_contain_text(WHOLE)


def test_a_worker_that_does_not_answer_does_not_keep_a_reader_waiting(context: BrowserContext, published: Published):
    page = visit(context, published, START)
    button, said = offered(page)
    page.clock.install()
    published.held = SECOND
    button.click()
    expect(said).to_contain_text("MB are on this device")
    until(lambda: SECOND in published.asked)
    page.clock.fast_forward(31_000)
    expect(said).to_contain_text("could not be kept: nothing has arrived for 30 seconds.")
    published.free.set()
    button.click()
    expect(said).to_contain_text(WHOLE)


def test_a_new_version_takes_over_when_it_is_complete_and_no_page_mixes_two(
    context: BrowserContext, published: Published
):
    page = visit(context, published)
    page.goto(published.address + SECOND)
    until(lambda: SECOND in kept(page, published))
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
    take_over(page, published)
    published.stop()
    for name in (FIRST, SECOND):
        page.goto(published.address + name)
        until(lambda: versions(page) == ["second"])
    until(lambda: page.evaluate("caches.keys().then((names) => names.length)") == 1)
    assert START not in kept(page, published)


def test_a_page_of_a_new_version_comes_with_its_own_files(context: BrowserContext, published: Published):
    page = visit(context, published)
    published.write("second")
    with (published.folder / SHEET).open("a", encoding="utf-8") as sheet:
        sheet.write("p.version { color: rgb(1, 2, 3) }")
    page.goto(published.address + SECOND)  # not visited before; the worker knows nothing of the second version
    expect(page.locator("p.version")).to_have_css("color", "rgb(1, 2, 3)")
    page.goto(published.address + FIRST)
    until(lambda: versions(page) == [])


def test_a_book_that_was_kept_whole_is_whole_in_its_next_version(context: BrowserContext, published: Published):
    page = visit(context, published, START)
    button, said = offered(page)
    button.click()
    expect(said).to_contain_text(WHOLE)
    shutil.copyfile(published.folder / FIRST, published.folder / "book" / "new.html")
    published.write("second")
    offline.write(published.folder)
    update(page)
    take_over(page, published)
    published.stop()
    page.goto(f"{published.address}book/new.html")
    expect(page.locator("article h1")).to_contain_text("Notation")
    page.goto(published.address + START)
    expect(offered(page)[1]).to_contain_text(WHOLE)


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
    # Beside this test, another one may be printing: tools/pdf.py has its document in this folder until it is printed.
    built = {name: entry for name, entry in offline.files(HTML).items() if not name.endswith(".htm")}
    assert listed == built, "a file was changed after the list was written"
    pages = {path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if "_static" not in path.parts}
    assert pages <= set(listed)
    assert sum((HTML / name).stat().st_size for name in listed) < 30e6
