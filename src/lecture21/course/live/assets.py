"""The files that figures load on a page: shipped models, n-grams, the plays, and their held-out part."""

from pathlib import Path

from lecture21._support.storage import WEIGHTS
from lecture21.course.live.write import ngrams
from lecture21.data import shakespeare, split
from lecture21.pretrained import storage

PLAYS = "plays.txt"
"""Name of the file with `shakespeare()` on a page."""

HELD_OUT = "held-out.txt"
"""Name of the file with its validation split."""


def read(name: str) -> bytes:
    """Return the content of a file that a page knows by this name: a shipped model, n-grams, or plays as text."""
    if name == PLAYS:
        return shakespeare().encode()
    if name == HELD_OUT:
        return split(shakespeare())[1].encode()
    folder, _, file = name.partition("/")
    if folder == "models":
        return (storage.FOLDER / Path(file).stem / WEIGHTS).read_bytes()
    if folder == "ngrams":
        return (ngrams.FOLDER / Path(file).name).read_bytes()
    raise ValueError(f"unknown file of a figure: {name!r}")
