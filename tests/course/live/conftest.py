import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import live_page
import pytest
import talk_page
from engine_page import EnginePage, open_engine
from playwright.sync_api import Browser, BrowserContext, Page, expect

from lecture21.course.live import bundle
from lecture21.course.live.figure import Figure

VIEWPORT = {"width": 900, "height": 1200}


class Stage:
    """A plain page with figures in a browser, with what went wrong on it."""

    def __init__(self, page: Page, address: str, break_files: bool = False):
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", self._note_error)
        page.on("request", self._note_request)
        if break_files:
            page.route(re.compile(r"/models/|\.txt$"), lambda route: route.fulfill(body=route.fetch().body()[:10_000]))

    def _note_error(self, error) -> None:
        self.errors.append(str(error))

    def _note_request(self, request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:", "about:")):
            self.foreign.append(request.url)

    def leave(self) -> None:
        """End all work on the page, for the next test."""
        self.page.unroute_all()
        self.page.goto("about:blank")
        self.page.remove_listener("pageerror", self._note_error)
        self.page.remove_listener("request", self._note_request)

    def figure(self, name: str):
        """Return a figure once it has started."""
        figure = self.page.locator(f"#live-{name}")
        figure.scroll_into_view_if_needed()
        figure.locator("section.figure").wait_for()
        return figure


class Pages:
    """The pages of one browser context. The tests of a module use them one after the other."""

    def __init__(self, context: BrowserContext):
        self.context = context
        self.idle: list[Page] = []

    def take(self) -> Page:
        """Return a page that no test uses."""
        return self.idle.pop() if self.idle else self.context.new_page()


@pytest.fixture(scope="module")
def shared_pages(browser: Browser) -> Iterator[Pages]:
    """The pages of this module."""
    with browser.new_context(viewport=VIEWPORT) as context:
        yield Pages(context)


@pytest.fixture
def open_figures(browser: Browser, shared_pages: Pages) -> Iterator[Callable[..., Stage]]:
    """A function that opens a page with some figures; options are those of a browser context, and those here.

    `hash` is the end of the page's address; with `break_files`, models and texts arrive truncated; `script` runs
    before all others.
    Afterwards there must have been no error on the page, and no request to another host.
    """
    with tempfile.TemporaryDirectory() as folder:
        shared, own = [], []

        def open_page(
            *figures: Figure,
            hash: str = "",
            theme: str = "light",
            break_files: bool = False,
            script: str = "",
            **options: object,
        ) -> Stage:
            live_page.write(Path(folder), list(figures), theme)
            if options or script:
                context = browser.new_context(**({"viewport": VIEWPORT} | options))
                context.add_init_script(script)
                own.append(Stage(context.new_page(), address, break_files))
                stage = own[-1]
            else:
                shared.append(Stage(shared_pages.take(), address, break_files))
                stage = shared[-1]
                stage.page.set_viewport_size(VIEWPORT)
            stage.page.emulate_media(color_scheme=theme)
            stage.page.goto(address + hash)
            return stage

        with live_page.serve(Path(folder)) as address:
            yield open_page
            for stage in shared:
                stage.leave()
                shared_pages.idle.append(stage.page)
            for stage in own:
                stage.page.context.close()
        for stage in shared + own:
            assert stage.errors == []
            assert stage.foreign == []


@pytest.fixture
def load_module(shared_pages: Pages, tmp_path) -> Iterator[Callable[[str], Page]]:
    """A function that opens an empty page with the exports of a module of `lecture21/course/live`, as `module`."""

    def load(path: str) -> Page:
        (tmp_path / "module.js").write_text(bundle.module(path), encoding="utf-8")
        (tmp_path / "index.html").write_text("<!doctype html><title>module</title><link rel=icon href=data:,>")
        stage.page.goto(address)
        stage.page.evaluate("import('./module.js').then((found) => { globalThis.module = found; })")
        return stage.page

    with live_page.serve(tmp_path) as address:
        stage = Stage(shared_pages.take(), address)
        yield load
        stage.leave()
        shared_pages.idle.append(stage.page)
    assert stage.errors == []
    assert stage.foreign == []


@pytest.fixture(scope="module")
def engine(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnginePage]:
    """The engine in a worker of a page; the tests of a module share it."""
    with open_engine(browser, tmp_path_factory.mktemp("engine")) as page:
        assert page.start()["inWorker"]
        yield page


@pytest.fixture(scope="module")
def lecture_folder(tmp_path_factory) -> Path:
    """The pages of a lecture as files."""
    folder = tmp_path_factory.mktemp("lecture")
    talk_page.write_lecture(folder)
    return folder


@pytest.fixture(scope="module")
def lecture_address(lecture_folder: Path) -> Iterator[str]:
    """The pages of a lecture on 127.0.0.1; the address ends with a slash."""
    with live_page.serve(lecture_folder) as address:
        yield address if address.endswith("/") else f"{address}/"


@pytest.fixture
def open_talk(browser: Browser, lecture_address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a page of the lecture in a talk, on a screen of 1280 x 720 or of another size."""
    with browser.new_context() as context:
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def open_page(place: str, width: int = 1280, height: int = 720) -> Page:
            page.set_viewport_size({"width": width, "height": height})
            page.goto(lecture_address + place)
            expect(page.get_by_role("toolbar", name="Present")).to_be_visible()
            return page

        yield open_page
    assert errors == []
