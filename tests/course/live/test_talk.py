"""In a talk (Present), each figure fits on the screen, can be read, and responds to the pointer where it shows."""

from collections.abc import Callable, Iterator

import live_page
import pytest
import talk_page
from playwright.sync_api import Browser, Locator, Page
from until import until

from lecture21.course import live
from lecture21.course.live.figure import Figure

SCREENS = {"1280 x 800": (1280, 800), "1600 x 900": (1600, 900)}
FIGURES = [figure for figure in live.examples() if figure.figure not in ("question", "lines")]
NAMES = [figure.fallback_image() for figure in FIGURES]
GATED = {
    "gated calculator": live.Calculator("gpt3", focus="cache", context=131072, after="16.2"),
    "gated policies": live.Aligned(after="17.4"),
}
SHOWN = dict(zip(NAMES, FIGURES, strict=True)) | GATED
RESERVED = ".live-figure:not(.live-on) { min-height: 900px }"  # until a figure has started, as on a page of the book
PART_I = ("agreement", "arrow", "attention", "depth_film", "design_head", "eight_masks", "side_by_side", "two_stacks")
SMALLEST = {True: 0.7, False: 0.45}
"""The least share of its size on the page that a figure has on a screen of 800 pixels: in Part I, and elsewhere."""


def page_of(figures: list[Figure]) -> str:
    """A page like a chapter's: a title, and one figure after a paragraph in each section."""
    sections = "".join(
        f'<section id="section-{n}"><h2>Section {n}</h2><p>{"A few words. " * 20}</p>'
        f'<div class="cell">{figure.element().replace("<div ", f"<div id=live-{n} ", 1)}</div></section>'
        for n, figure in enumerate(figures)
    )
    return talk_page.write("Figures", sections, RESERVED, '<script src="host.js"></script>')


def settle(figure: Locator) -> None:
    """Wait until a figure has its size."""
    figure.evaluate(
        """(figure) => new Promise((done) => {
          let last = 0, quiet = 0;
          const look = () => {
            const { height } = figure.getBoundingClientRect();
            quiet = height === last ? quiet + 1 : 0;
            last = height;
            if (quiet > 12) done();
            else requestAnimationFrame(look);
          };
          look();
        })"""
    )


def zoom_of(figure: Locator) -> float:
    """How many times its size on the page a figure has."""
    return float(figure.evaluate("node => node.style.zoom"))


@pytest.fixture(scope="module")
def talk(browser: Browser, tmp_path_factory) -> Iterator[Page]:
    """A page with all figures."""
    folder = tmp_path_factory.mktemp("talk")
    figures = list(SHOWN.values())
    live_page.write(folder, figures)
    (folder / "index.html").write_text(page_of(figures), encoding="utf-8")
    with live_page.serve(folder) as address, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.keyboard.press("p")
        yield page
    assert errors == []


@pytest.fixture
def show(talk: Page) -> Callable[..., Locator]:
    """A function that shows the section of a figure on a screen, and returns the figure when it has its size."""

    def show_figure(name: str, screen: str = "1280 x 800") -> Locator:
        width, height = SCREENS[screen]
        talk.set_viewport_size({"width": width, "height": height})
        number = list(SHOWN).index(name)
        talk.evaluate("id => { location.hash = '#present=' + id; }", f"section-{number}")
        figure = talk.locator(f"#live-{number}")
        figure.scroll_into_view_if_needed()
        figure.locator("section.figure:not([aria-busy=true])").wait_for()
        settle(figure)
        return figure

    return show_figure


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_fits_on_the_screen_and_can_be_read(show, name: str):
    for screen, (width, height) in SCREENS.items():
        figure = show(name, screen)
        box = figure.bounding_box()
        assert box["height"] <= height
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        zoom = zoom_of(figure)
        assert zoom >= SMALLEST[name.startswith(PART_I)] * height / 800
        place = figure.evaluate("node => node.parentElement.getBoundingClientRect()")
        beside = figure.evaluate("node => Boolean(node.closest('.beside'))")
        assert (place["x"] > 300) == beside
        assert box["height"] > 0.6 * height or zoom > place["width"] / 900  # as large as fits


@pytest.mark.parametrize("name", GATED)
def test_a_gate_is_as_large_as_the_text_and_what_it_opens_as_large_as_fits(show, name: str):
    figure = show(name)
    until(lambda: zoom_of(figure) == pytest.approx(1280 / 890, abs=0.001))
    figure.get_by_role("button", name="Show the figure without an answer").click()
    settle(figure)
    until(lambda: all(not table.is_visible() for table in figure.locator("table").all()))  # of the calculator: folded
    until(lambda: 690 < figure.bounding_box()["height"] <= 800)


def test_an_enlarged_figure_follows_the_pointer(show, talk: Page):
    figure = show("arrow")
    until(lambda: zoom_of(figure) != 1)
    handle = figure.get_by_role("button", name="sat: body")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    talk.mouse.move(x, y)
    talk.mouse.down()
    talk.mouse.move(x + 30, y, steps=3)
    talk.mouse.move(x + 60, y - 40, steps=3)
    talk.mouse.up()
    moved = handle.bounding_box()
    assert abs(moved["x"] + moved["width"] / 2 - x - 60) < 12  # it stops at tenths
    assert abs(moved["y"] + moved["height"] / 2 - y + 40) < 12


def test_a_figure_is_as_before_after_the_talk(show, talk: Page):
    figure = show("calculator_training")
    fold = figure.locator("details.fold").first
    until(lambda: not fold.evaluate("node => node.open"))
    talk.keyboard.press("Escape")
    until(lambda: figure.evaluate("node => node.style.zoom") == "")
    until(lambda: fold.evaluate("node => node.open"))
    talk.keyboard.press("p")
