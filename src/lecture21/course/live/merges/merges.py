"""Byte pairs on the reader's own text: the first merges that an encoding learns from the plays."""

import functools
import json
from pathlib import Path

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.course.live.parameters import Text

MERGES = 300
FILE = Path(__file__).with_name("plays.json")


@functools.cache
def pairs_of_bytes() -> list[list[str]]:
    """Return the merges in the order in which they were learned, each byte as the character with its number."""
    return json.loads(FILE.read_text(encoding="utf-8"))


class Merges(Figure):
    """A text cut into tokens by a byte-pair encoding, with a slider for the number of merges.

    The reader can continue with pairs of the text, whose counts are shown, and sees what the most frequent pairs would
    have done. The merges of the slider are the first 300 that are learned from the training split of the plays
    (`python benchmarks/c09_merges.py`).

    Args:
        merges: number of merges at first, from 0 to 300.
        text: the text at first, at most 400 characters.
    """

    figure = "merges"
    description = (
        "A text box, and a slider for the number of merges of a byte-pair encoding trained on the plays. Below, the "
        "pairs that can be merged next, and the text cut into colored tokens, with their number and the characters "
        "per token."
    )
    merges = traitlets.Int(40, min=0, max=MERGES).tag(sync=True)
    text = Text("To be, or not to be, that is the question.", longest=400).tag(sync=True)
    pairs = traitlets.List().tag(sync=True)

    @traitlets.default("pairs")
    def _pairs(self) -> list[list[str]]:
        return pairs_of_bytes()
