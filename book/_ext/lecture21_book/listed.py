"""Lists of places in the book, such as book/lecture.yml: read when a build begins, checked, and given to a script."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)


def read_once(app: Sphinx, name: str, read: Callable[[Path], list | dict]) -> list | dict:
    """Return what `read` makes of the list with this name; a small book may do without it."""
    return read(Path(app.srcdir)) if Path(app.srcdir, name).is_file() else []


def check_anchors(name: str, page: str, anchors: Iterable[str], context: dict[str, object]) -> None:
    """Warn of each anchor that the list expects and the page lacks."""
    for anchor in anchors:
        if f'id="{anchor}"' not in str(context.get("body", "")):
            _LOGGER.warning("%s: %s has no anchor %s", name, page, anchor)


def for_script(data: list | dict) -> str:
    """Return JSON that can be inside an element `script`."""
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
