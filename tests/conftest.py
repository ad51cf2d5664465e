import gc
import os
import random
import secrets
import signal
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import find_browser
import huggingface_hub
import hypothesis
import in_make_test
import jaxtyping
import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
import warm_grader
from playwright.sync_api import Browser, BrowserContext, Page, expect
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

matplotlib.use("Agg")
# The tests keep most of what they make, such as the parsed pages: to search it for garbage less often saves a sixth.
gc.set_threshold(100_000, 50, 100)
# One thread: the models are tiny, and two workers share two cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
# A busy machine must not fail a test: no example has a time limit. Nor must chance: every run tests the same examples,
# and `make test-fresh` tests others.
hypothesis.settings.register_profile("lecture21", deadline=None, derandomize=True)
hypothesis.settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)  # of `make test`
hypothesis.settings.register_profile("fresh", deadline=None)
hypothesis.settings.load_profile("lecture21")

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # no test reaches another host
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Start the Chromium of this machine, and let it talk to nobody on its own."""
    path = find_browser.find()
    if path is None:
        pytest.fail("no browser to open the book in; run: python3 tools/find_browser.py", pytrace=False)
    return browser_type_launch_args | {"executable_path": path, "args": QUIET}


# A busy machine must not fail a test: where a page is waited for, it may take four times as long as Playwright grants.
PATIENCE = 120_000  # milliseconds


def _patient(made: BrowserContext | Page) -> BrowserContext | Page:
    made.set_default_timeout(PATIENCE)
    return made


@pytest.fixture(scope="session")
def launch_browser(launch_browser: Callable[..., Browser]) -> Callable[..., Browser]:
    """Start browsers whose pages may take long."""
    expect.set_options(timeout=PATIENCE)

    def launch(**options: object) -> Browser:
        browser = launch_browser(**options)
        new_context, new_page = browser.new_context, browser.new_page
        browser.new_context = lambda **options: _patient(new_context(**options))
        browser.new_page = lambda **options: _patient(new_page(**options))
        return browser

    return launch


class Scopes(LoadScopeScheduling):
    """With several workers, one runs the tests of a file, and one all of tests/book: they share the parsed pages."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/book" if nodeid.startswith("tests/book/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scopes:
    return Scopes(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--draws", type=int, default=0, help="seed of the cases on which answers to exercises are tested")
    parser.addoption(
        "--beside-build", type=Path, help="a folder with a pipe of a build of the book, which gets its status"
    )


_VARIANTS: Counter[str] = Counter()  # collected so far of each sampled test


def pytest_itemcollected(item: pytest.Item) -> None:
    """Choose what `make test` leaves to `make test-all`: variants of a sampled test, and most that opens a browser."""
    if "launch_browser" in getattr(item, "fixturenames", ()) and not in_make_test.opens_in_make_test(item.nodeid):
        item.add_marker(pytest.mark.slow)
    if item.get_closest_marker("sampled"):
        test = item.nodeid.partition("[")[0]
        if (zlib.crc32(test.encode()) + _VARIANTS[test]) % 3:
            item.add_marker(pytest.mark.repetition)
        _VARIANTS[test] += 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let one test report a missing book or browser, and skip the others.

    Pages that are being built come when they are there, and long before the end, as do the notebooks: what takes
    longest must not be the last, or it would run alone.
    """
    beside_build = config.getoption("beside_build")
    if beside_build:
        places = {"notebooks/": 0, "tests/course/": 1, "tests/book/": 2, "tests/browser/": 2}
        items.sort(key=lambda item: next((n for name, n in places.items() if item.nodeid.startswith(name)), 3))
    readers = [item for item in items if {"pages", "site"} & set(getattr(item, "fixturenames", ()))]
    if readers and not beside_build and not (HTML / "index.html").is_file():
        _skip_all_but_the_first(readers, "the book is not built; run: make book")
        return
    visitors = [item for item in readers if "browser" in item.fixturenames]
    if visitors and not find_browser.is_installed():
        _skip_all_but_the_first(visitors, "there is no browser; run: python3 tools/find_browser.py")


def _skip_all_but_the_first(items: list[pytest.Item], reason: str) -> None:
    for item in items[1:]:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def built(request: pytest.FixtureRequest) -> None:
    """No test of a page begins before the pages are there. Where the build fails, its own output says why."""
    folder = request.config.getoption("beside_build")
    if folder:
        building = os.open(folder / "building", os.O_RDONLY | os.O_NONBLOCK)  # or it would wait for a build to begin
        os.set_blocking(building, True)
        os.read(building, 1)  # returns when the build ends, which holds the other end open and writes nothing
        os.close(building)
        if int((folder / "status").read_text()):
            pytest.skip("the book could not be built")


@pytest.fixture
def untyped() -> Iterator[None]:
    """Let values of a wrong type through to the package's own checks, as for a user without the typing hook."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt this test, as in a terminal: a shell starts background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Cut the hub's client off, with an empty cache under the directory that is returned."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same fresh cases in every run, so that no test fails by chance; `--draws N` draws others."""
    rng = random.Random(f"{request.config.getoption('draws')} {request.node.nodeid}")
    monkeypatch.setattr(secrets, "randbits", rng.getrandbits)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the answers to exercises more time than readers have: a busy machine must not fail a test."""
    monkeypatch.setattr("lecture21.course.exercises.checking._SECONDS", 100.0)


@pytest.fixture
def fresh_figures() -> Iterator[None]:
    """Give a test the book's style, and leave neither settings nor figures behind."""
    from lecture21.course import figures  # not above: what is imported before the tests begin has no checks of shapes

    with matplotlib.rc_context():
        figures.apply()
        yield
    plt.close("all")


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all graders share one process in which torch is loaded."""
    monkeypatch.setattr("lecture21.course.grading.graders.Grader", warm_grader.WarmGrader)
