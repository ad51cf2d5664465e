from collections.abc import Callable

import pytest
import said as sentences


@pytest.fixture(autouse=True)
def _fresh(fresh_figures: None) -> None:
    """Draw the figures of each test in the book's style."""


@pytest.fixture
def said(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare a sentence with the tables: in the chapter of this folder, or `on` another page."""
    chapter = request.path.parent.name[1:3]

    def check(sentence: str, *values: object, on: str = chapter) -> None:
        sentences.check_said(on, sentence, *values)

    return check
