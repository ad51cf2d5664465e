"""What is printed: messages on standard error, which never stop a command, and text that a model has written."""

import os
import re
import sys
from contextlib import suppress

from lecture21._support.validation import printable

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all control characters but tab and line feed


def escape_controls(text: str) -> str:
    """Return a text that cannot command a terminal, such as to change its title: ESC becomes `\\x1b`."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


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
