"""Write the student's notebooks of this version into a folder, never over a file that is there."""

import os
from dataclasses import dataclass, field
from importlib.metadata import metadata
from pathlib import Path

from lecture21._support.files import write_atomic
from lecture21.course.study.edition import make

_BUILT = Path(__file__).with_name("edition")  # in a wheel
_SOURCE = Path(__file__).parents[4] / "notebooks"  # in a clone


@dataclass
class Written:
    """What became of each file of the edition, by its name."""

    new: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Those that differ from this version's, because the student has worked in them or another version wrote them."""


def files() -> dict[str, bytes]:
    """Return the student's edition of the installed version, from the wheel or, in a clone, from `notebooks/`."""
    if _BUILT.is_dir():
        paths = [path for path in sorted(_BUILT.rglob("*")) if path.is_file()]
        return {path.relative_to(_BUILT).as_posix(): path.read_bytes() for path in paths}
    if not _SOURCE.is_dir():
        raise ValueError(f"this installation has no notebooks, neither in {_BUILT} nor in {_SOURCE}; install the wheel")
    about = metadata("lecture21")
    urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL", []))
    return make(_SOURCE, urls.get("Repository", ""), about["Version"])


def write(folder: Path) -> Written:
    """Write the files of the edition that are not in the folder yet."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder for the notebooks")
    written = Written()
    for name, data in files().items():
        path = folder / name
        if os.path.lexists(path):  # also a link to a file that is not there
            (written.same if path.is_file() and path.read_bytes() == data else written.kept).append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
        written.new.append(name)
    return written
