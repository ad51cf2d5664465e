"""Messages on standard error. They never stop a command, even if nobody reads them."""

import sys
from contextlib import suppress

from lecture21._support.validation import printable


def print_error(message: str) -> None:
    """Print one line, with control characters escaped and a very long text shortened."""
    with suppress(OSError, ValueError):  # closed
        print("lecture21:", printable(" ".join(message.split()), limit=1000), file=sys.stderr, flush=True)
