"""Messages on standard error. They never stop a command, even if nobody reads them."""

import os
import sys
from contextlib import suppress

from lecture21._support.validation import printable


def process_index() -> int:
    """Return the index of this process among those that torchrun or `accelerate launch` started; the main one is 0."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    return 0 if alone else int(os.environ.get("RANK", "0"))


def print_error(message: str, *, everywhere: bool = False) -> None:
    """Print one line, with control characters escaped and a very long text shortened.

    Of several processes only the main one prints it, unless it may concern one process only (`everywhere`).
    """
    if index := process_index():
        if not everywhere:
            return
        message = f"process {index}: {message}"
    with suppress(OSError, ValueError):  # closed
        print("lecture21:", printable(" ".join(message.split()), limit=1000), file=sys.stderr, flush=True)
