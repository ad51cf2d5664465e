"""Write the merges of the live figure of chapter 09.

Usage: python benchmarks/c09_merges.py        (3 seconds on one core)

Writes `src/lecture21/course/live/merges/plays.json`: the first 300 merges of a byte-pair encoding that are learned from
the training split, each a pair of strings in which a byte is the character with its number.
"""

import json

from lecture21._support.files import write_atomic
from lecture21.course.live.merges.merges import FILE, MERGES
from lecture21.data import shakespeare, split
from lecture21.tokenizers import bpe


def main() -> None:
    """Learn the merges and write them."""
    merges = bpe.train(split(shakespeare())[0], MERGES)
    pairs = [[first.decode("latin-1"), second.decode("latin-1")] for first, second in merges]
    write_atomic(FILE, (json.dumps(pairs) + "\n").encode())


if __name__ == "__main__":
    main()
