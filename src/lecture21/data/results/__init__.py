"""Results of long runs, shipped with the package so that a chapter can plot them without running them.

Each CSV file is written by a command in `benchmarks/`. Its first line is a comment that names the
command and the versions it ran with.
"""

from importlib.resources import files
from pathlib import Path

import pandas as pd

_COMMENT = "#"


def load(name: str) -> pd.DataFrame:
    """Return one result, a row for each measurement; an empty cell is NaN."""
    return pd.read_csv(_path(name), skiprows=1)


def provenance(name: str) -> str:
    """Return the command and the versions that produced a result."""
    with _path(name).open(encoding="utf-8") as file:
        return file.readline().removeprefix(_COMMENT).strip()


def _names() -> tuple[str, ...]:
    """Return the names of all stored results."""
    return tuple(sorted(f.name.removesuffix(".csv") for f in files(__name__).iterdir() if f.name.endswith(".csv")))


def _path(name: str) -> Path:
    if name not in _names():
        raise ValueError(f"unknown result {name!r}; choose from {', '.join(_names())}")
    return Path(str(files(__name__).joinpath(f"{name}.csv")))
