"""Wait for what several elements of a page show together. For what one shows, Playwright has `expect`."""

import inspect
import threading
from collections.abc import Callable

_TRIES = 2_400
_PAUSE = 0.05  # seconds, in all as long as `expect` waits
_NOT_YET = (AssertionError, AttributeError, LookupError, TypeError, ValueError)  # of a text or an element not yet there


def until(condition: Callable[[], object], message: object = None) -> None:
    """Ask again and again until a condition is true; it fails if it never is."""
    pause, error = threading.Event(), None
    for _ in range(_TRIES):
        try:
            if condition():
                return
            error = None
        except _NOT_YET as found:
            error = found
        pause.wait(_PAUSE)
    said = f" ({message})" if message is not None else ""
    raise AssertionError(f"it did not become true{said}:\n{inspect.getsource(condition)}") from error
