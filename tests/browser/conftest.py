import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    def log_message(self, *arguments) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")  # pages share most of their files
        super().end_headers()


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

    def __init__(self, page: Page, site: str):
        self.page = page
        self.site = site
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note_host)
        page.on("response", self._note_status)

    def _note_host(self, request) -> None:
        # Other hosts cannot be reached (QUIET in tests/conftest.py); a request is an event nevertheless. To route
        # requests would see the same, and switch the browser's cache off.
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.foreign.append(request.url)

    def _note_status(self, response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def open(self, address: str) -> Page:
        """Open a page of the book and wait until its fonts are there; its mathematics is typeset already."""
        self.page.goto(self.site + address)
        self.page.evaluate("document.fonts.ready")
        return self.page


# A module shares a context, and with it the cache of files. Each test has a page of its own, and leaves no settings.
def context_for(**options: object) -> Callable:
    """Return a fixture: a context with these options."""

    @pytest.fixture(scope="module")
    def context(browser: Browser) -> Iterator[BrowserContext]:
        with browser.new_context(**{"viewport": {"width": 1400, "height": 1000}} | options) as context:
            yield context

    return context


wide_context = context_for(color_scheme="light")
phone_context = context_for(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
dark_context = context_for(color_scheme="dark")
scriptless_context = context_for(java_script_enabled=False)


def visit(context: BrowserContext, site: str) -> Iterator[Visit]:
    """Open an empty page; at the end forget what it stored and close it."""
    page = context.new_page()
    yield Visit(page, site)
    if page.url.startswith(site):
        page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture
def wide(wide_context: BrowserContext, site: str) -> Iterator[Visit]:
    """A visit on a wide screen."""
    yield from visit(wide_context, site)


@pytest.fixture
def phone(phone_context: BrowserContext, site: str) -> Iterator[Visit]:
    """A visit on a phone."""
    yield from visit(phone_context, site)


@pytest.fixture
def dark(dark_context: BrowserContext, site: str) -> Iterator[Visit]:
    """A visit by a reader whose system is dark."""
    yield from visit(dark_context, site)


@pytest.fixture
def scriptless(scriptless_context: BrowserContext, site: str) -> Iterator[Visit]:
    """A visit by a reader whose browser runs no scripts."""
    yield from visit(scriptless_context, site)


@pytest.fixture(scope="session", autouse=True)
def _after_the_build(built: None) -> None:
    """All tests here are about pages."""
