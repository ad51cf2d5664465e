import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The built book on 127.0.0.1; the address ends with a slash."""
    if not (HTML / "index.html").is_file():
        pytest.fail("there is no built book to open; run: make book", pytrace=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=HTML))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()


class Visit:
    """A page that is opened, with what went wrong on it: requests to other hosts, and errors."""

    def __init__(self, context: BrowserContext, site: str, scripts: bool = True):
        self.site = site
        self.scripts = scripts
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.route("**/*", self._answer)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("response", self._look)

    def _answer(self, route: Route) -> None:
        if route.request.url.startswith(self.site):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def _look(self, response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def open(self, address: str) -> Page:
        """Open a page of the book and wait until its fonts are there; its mathematics is typeset already."""
        self.page.goto(self.site + address)
        if self.scripts:
            self.page.evaluate("document.fonts.ready")
        return self.page


@pytest.fixture
def wide(browser: Browser, site: str) -> Iterator[Visit]:
    """A visit on a wide screen."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme="light") as context:
        yield Visit(context, site)


@pytest.fixture
def phone(browser: Browser, site: str) -> Iterator[Visit]:
    """A visit on a phone."""
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        yield Visit(context, site)


@pytest.fixture
def dark(browser: Browser, site: str) -> Iterator[Visit]:
    """A visit by a reader whose system is dark."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme="dark") as context:
        yield Visit(context, site)


@pytest.fixture
def scriptless(browser: Browser, site: str) -> Iterator[Visit]:
    """A visit by a reader whose browser runs no scripts."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}, java_script_enabled=False) as context:
        yield Visit(context, site, scripts=False)
