"""Results of long runs, so that a chapter can plot them without running them.

Each CSV file is written by a command in `benchmarks/` and is in the folder `results` of a chapter. Its first line is a
comment that names the command and the versions it ran with.
"""

from pathlib import Path

import pandas as pd

from lecture21.chapters import FOLDERS

_COMMENT = "#"


def load(name: str) -> pd.DataFrame:
    """Return one result, a row for each measurement; an empty cell is NaN."""
    return pd.read_csv(_path(name), skiprows=1)


def provenance(name: str) -> str:
    """Return the command and the versions that produced a result."""
    with _path(name).open(encoding="utf-8") as file:
        return file.readline().removeprefix(_COMMENT).strip()


def names() -> tuple[str, ...]:
    """Return the names of all stored results."""
    return tuple(sorted(_paths()))


def _paths() -> dict[str, Path]:
    return {path.stem: path for folder in FOLDERS.values() for path in (folder / "results").glob("*.csv")}


def _path(name: str) -> Path:
    paths = _paths()
    if name not in paths:
        raise ValueError(f"unknown result {name!r}; choose from {', '.join(sorted(paths))}")
    return paths[name]
