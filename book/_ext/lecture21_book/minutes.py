"""The minutes that chapters and the path take, estimated by tools/reading_time.py when the book is built.

The first cell of each notebook states them, and Markdown pages have the substitutions `minutes_04` ("25 / 70": to read,
and with the exercises), `hours_to_read` and `hours_in_all`, `path_stops` and `path_minutes`.
"""

import json
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from .chapters import chapter_number

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
import reading_time


def substitutions(root: Path) -> dict[str, str]:
    """Return the minutes of each chapter and the hours of all of them, as text."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    notebooks = {chapter_number(f"notebooks/{path.stem}"): path for path in paths}
    minutes = {number: reading_time.of_notebook(path) for number, path in notebooks.items()}
    hours = [f"{round(sum(each) / 60)} hours" for each in zip(*minutes.values(), strict=True)]
    texts = {f"minutes_{number}": f"{read} / {done}" for number, (read, done) in minutes.items()}
    stops, path = reading_time.of_path(root / "book" / "intro.md")
    return texts | {"hours_to_read": hours[0], "hours_in_all": hours[1], "path_stops": stops, "path_minutes": path}


def _add_substitutions(app: Sphinx, config: Config) -> None:
    if Path(app.srcdir, "notebooks").is_dir():
        config.myst_substitutions = config.myst_substitutions | substitutions(Path(app.srcdir))


def _state(app: Sphinx, docname: str, source: list[str]) -> None:
    """State the minutes in the first cell of a notebook, also where it was changed after it was last run."""
    path = Path(app.srcdir, f"{docname}.ipynb")
    if docname.startswith("notebooks/") and path.is_file():
        notebook = json.loads(source[0])
        first = notebook["cells"][0]
        text = "".join(first["source"])
        first["source"] = reading_time.STATED.sub(reading_time.statement(reading_time.of_notebook(path)), text)
        source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the reading of the configuration and of each notebook."""
    app.connect("config-inited", _add_substitutions)
    app.connect("source-read", _state)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
