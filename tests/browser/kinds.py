"""The pages of the book, and a sample of them: one of each kind.

The sample is tested by `make test`. The other pages have the marker `repetition`: `make test-all` tests all of them.
"""

from collections.abc import Iterable

import check_pages
import pytest

PAGES = [f"{file}.html" for file in check_pages.toc_files()]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
SAMPLE = [
    "book/intro.html",
    "book/slides.html",
    "book/glossary.html",
    "book/exam.html",
    "book/api/layers.html",
    "notebooks/04_causal_mask.html",
    "notebooks/14_moe_in_gpt.html",
    next(page for page in CHAPTERS if "/labs/" in page),
]


def sampled(pages: Iterable[str]) -> list:
    """Return pages as parameters of a test, those that are not in the sample with the marker `repetition`."""
    return [page if page in SAMPLE else pytest.param(page, marks=pytest.mark.repetition) for page in pages]
