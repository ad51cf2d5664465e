import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import live_page
import pytest
from playwright.sync_api import Browser, Page

from lecture21.live import bundle
from lecture21.live.figure import Figure


class Stage:
    """A plain page with figures in a browser, with what went wrong on it."""

    def __init__(self, page: Page, address: str, break_files: bool = False):
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.break_files = break_files
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.route("**/*", self._answer)

    def _answer(self, route) -> None:
        if self.break_files and re.search(r"/models/|\.txt$", route.request.url):
            route.fulfill(body=route.fetch().body()[:10_000])
        elif route.request.url.startswith(self.address):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def figure(self, name: str):
        """Return a figure once it has started."""
        figure = self.page.locator(f"#live-{name}")
        figure.scroll_into_view_if_needed()
        figure.locator("section.figure").wait_for()
        return figure


@pytest.fixture
def open_figures(browser: Browser) -> Iterator[Callable[..., Stage]]:
    """A function that opens a page with some figures; options are those of a browser context, and those here.

    `hash` is the end of the page's address; with `break_files`, models and texts arrive truncated; `script` runs
    before all others.
    Afterwards there must have been no error on the page, and no request to another host.
    """
    with tempfile.TemporaryDirectory() as folder:
        stages, contexts = [], []

        def open_page(
            *figures: Figure,
            hash: str = "",
            theme: str = "light",
            break_files: bool = False,
            script: str = "",
            **options: object,
        ) -> Stage:
            live_page.write(Path(folder), list(figures), theme)
            settings = {"viewport": {"width": 900, "height": 1200}, "color_scheme": theme} | options
            contexts.append(browser.new_context(**settings))
            contexts[-1].add_init_script(script)
            stage = Stage(contexts[-1].new_page(), address, break_files)
            stages.append(stage)
            stage.page.goto(address + hash)
            return stage

        with live_page.serve(Path(folder)) as address:
            yield open_page
            for context in contexts:
                context.close()
        for stage in stages:
            assert stage.errors == []
            assert stage.foreign == []


@pytest.fixture
def load_module(browser: Browser, tmp_path) -> Iterator[Callable[[str], Page]]:
    """A function that opens an empty page with the exports of a module of `js/`, as `module`."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def load(path: str) -> Page:
        (tmp_path / "module.js").write_text(bundle.module(path), encoding="utf-8")
        (tmp_path / "index.html").write_text("<!doctype html><title>module</title><link rel=icon href=data:,>")
        page.goto(address)
        page.evaluate("import('./module.js').then((found) => { globalThis.module = found; })")
        return page

    with live_page.serve(tmp_path) as address:
        yield load
    page.close()
    assert errors == []
