"""Results of long runs, so that a chapter can plot them without running them.

Each CSV file is written by a command in `benchmarks/` and is in the folder `results` of a chapter. It begins with
comments: the command, and then, as JSON, the versions and constants that its rows were computed with. If there are
several such lines, the last column has the number of each row's.
"""

import json
from itertools import takewhile
from pathlib import Path

import pandas as pd

from lecture21.course.chapters import FOLDERS

MADE = "made"
_COMMENT = "#"


def load(name: str) -> pd.DataFrame:
    """Return one result, a row for each measurement; an empty cell is NaN."""
    table = pd.read_csv(path(name), skiprows=len(comments(path(name))))
    return table.drop(columns=MADE, errors="ignore")


def provenance(name: str) -> str:
    """Return the command that produces a result, and the versions that its rows were computed with."""
    command, *origins = comments(path(name))
    versions = ("torch {torch}, Python {python}, {machine}".format(**json.loads(origin)) for origin in origins)
    return "; ".join([command, *dict.fromkeys(versions)])


def names() -> tuple[str, ...]:
    """Return the names of all stored results."""
    return tuple(sorted(_paths()))


def path(name: str) -> Path:
    """Return the path of a stored result."""
    paths = _paths()
    if name not in paths:
        raise ValueError(f"unknown result {name!r}; choose from {', '.join(sorted(paths))}")
    return paths[name]


def comments(path: Path) -> list[str]:
    """Return the comments at the beginning of a file."""
    with path.open(encoding="utf-8") as file:
        return [line.removeprefix(_COMMENT).strip() for line in takewhile(lambda line: line[0] == _COMMENT, file)]


def _paths() -> dict[str, Path]:
    return {path.stem: path for folder in FOLDERS.values() for path in (folder / "results").glob("*.csv")}
