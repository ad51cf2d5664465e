"""Write the editions of the notebooks for a course, from the one source in notebooks/, as a zip file in dist/.

Usage: python tools/editions.py student|instructor [FOLDER_OF_NOTEBOOKS]

The student edition has no outputs and leaves out the cells tagged `solution` or `teaching`; `lecture21 study` writes
the same files. The instructor edition has everything.
"""

import sys
import tomllib
import zipfile
from pathlib import Path

from lecture21.course.study import edition

ROOT = Path(__file__).resolve().parent.parent
EDITIONS = ("student", "instructor")


def write(kind: str, folder: Path = ROOT / "notebooks", target: Path = ROOT / "dist") -> Path:
    """Write the zip file of one edition, and return its path. The same notebooks give the same bytes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = edition.make(folder, project["urls"]["Repository"], project["version"], solutions=kind == "instructor")
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"lecture21-{kind}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"lecture21-{kind}/{name}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def main(arguments: list[str]) -> int:
    """Write the edition that is named on the command line."""
    if not 1 <= len(arguments) <= 2 or arguments[0] not in EDITIONS:
        print("usage: python tools/editions.py student|instructor [FOLDER_OF_NOTEBOOKS]", file=sys.stderr)
        return 2
    print(f"Wrote {write(arguments[0], *map(Path, arguments[1:]))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
