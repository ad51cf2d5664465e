"""Results of long runs, shipped with the package so that a chapter can plot them anywhere.

Each file is written by a command in `benchmarks/`, through `save`; its first line names that command and the versions
that it ran on.
"""

import csv
import io
import platform
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import torch

from lecture21._support.files import write_atomic

COMMENT = "#"


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return tuple(sorted(f.name.removesuffix(".csv") for f in files(__name__).iterdir() if f.name.endswith(".csv")))


def load(name: str) -> list[dict[str, str]]:
    """Return the rows of one result; each cell is the text that the command wrote.

    Raises:
        ValueError: if there is no result of that name.
    """
    return list(csv.DictReader(_read(name).splitlines()[1:]))


def provenance(name: str) -> str:
    """Return the command and the versions that gave a result, as its first line says.

    Raises:
        ValueError: if there is no result of that name.
    """
    return _read(name).splitlines()[0].removeprefix(COMMENT).strip()


def save(name: str, rows: Sequence[Mapping[str, object]], command: str) -> Path:
    """Write rows of equal columns beside the others, and return where: for the commands in `benchmarks/`.

    Raises:
        ValueError: if there are no rows, or they differ in their columns.
    """
    if not rows or any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError(f"a result needs rows of equal columns, got {len(rows)} rows for {name!r}")
    versions = f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}"
    text = io.StringIO()
    text.write(f"{COMMENT} {command}; {versions}\n")
    table = csv.DictWriter(text, rows[0], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path = Path(__file__).with_name(f"{name}.csv")
    write_atomic(path, text.getvalue().encode())
    return path


def _read(name: str) -> str:
    if name not in names():
        raise ValueError(f"unknown result {name!r}; choose from {', '.join(names())}")
    return files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
