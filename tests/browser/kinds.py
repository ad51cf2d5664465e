"""The pages of the book, and a sample of them: one of each kind.

The sample is tested by `make test`, two of its pages on every screen. The other pages have the marker `repetition`:
`make test-all` tests all of them.
"""

from collections.abc import Iterable

import check_pages
import pytest

PAGES = [f"{file}.html" for file in check_pages.toc_files()]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
ON_EVERY_SCREEN = ["book/intro.html", "notebooks/04_causal_mask.html"]
SAMPLE = [*ON_EVERY_SCREEN, "book/notes_on_slides.html", "book/api/layers.html", "notebooks/labs/rnn_against_gpt.html"]

# What one visit sees by resizing and recoloring a page is repeated on these in visits of their own.
REOPENED = [*SAMPLE, "book/glossary.html", "book/exam.html", "notebooks/14_moe_in_gpt.html"]


def sampled(pages: Iterable[str], sample: Iterable[str] = SAMPLE) -> list:
    """Return pages as parameters of a test, those that are not in the sample with the marker `repetition`."""
    return [page if page in sample else pytest.param(page, marks=pytest.mark.repetition) for page in pages]
