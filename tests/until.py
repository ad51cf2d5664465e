"""Wait for what several elements of a page show together. For what one shows, Playwright has `expect`."""

import inspect
import threading
from collections.abc import Callable

_TRIES = 2_400
_PAUSE = 0.05  # seconds, in all as long as `expect` waits


def until(condition: Callable[[], object], message: object = None) -> None:
    """Ask again and again until a condition is true; it fails if it never is."""
    pause = threading.Event()
    for _ in range(_TRIES):
        if condition():
            return
        pause.wait(_PAUSE)
    said = f" ({message})" if message is not None else ""
    raise AssertionError(f"it did not become true{said}:\n{inspect.getsource(condition)}")
