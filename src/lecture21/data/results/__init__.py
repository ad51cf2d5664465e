"""Results of long runs, shipped with the package so that a chapter can plot them without running them.

Each CSV file is written by a command in `benchmarks/` through `save`. Its first line is a comment that names the
command and the versions it ran with.
"""

import platform
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd
import torch

from lecture21._support.files import write_atomic

_COMMENT = "#"


def names() -> tuple[str, ...]:
    """Return the names of all stored results."""
    return tuple(sorted(f.name.removesuffix(".csv") for f in files(__name__).iterdir() if f.name.endswith(".csv")))


def load(name: str) -> pd.DataFrame:
    """Return one result, a row for each measurement; an empty cell is NaN."""
    return pd.read_csv(_path(name), skiprows=1)


def provenance(name: str) -> str:
    """Return the command and the versions that produced a result."""
    with _path(name).open(encoding="utf-8") as file:
        return file.readline().removeprefix(_COMMENT).strip()


def save(name: str, rows: Sequence[Mapping[str, object]] | pd.DataFrame, command: str) -> Path:
    """Write a result, at least one row, and return its path; for the commands in `benchmarks/`."""
    table = pd.DataFrame(rows)
    table = table.where(table != "").convert_dtypes()  # integers beside empty cells stay integers when a run is resumed
    if table.empty or (not isinstance(rows, pd.DataFrame) and any(row.keys() != rows[0].keys() for row in rows)):
        raise ValueError(f"a result needs rows of equal columns, got {len(rows)} rows for {name!r}")
    versions = f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}"
    text = f"{_COMMENT} {command}; {versions}\n" + table.to_csv(index=False, lineterminator="\n")
    path = Path(__file__).with_name(f"{name}.csv")
    write_atomic(path, text.encode())
    return path


def _path(name: str) -> Path:
    if name not in names():
        raise ValueError(f"unknown result {name!r}; choose from {', '.join(names())}")
    return Path(str(files(__name__).joinpath(f"{name}.csv")))
