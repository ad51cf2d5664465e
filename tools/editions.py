"""Write the editions of the notebooks for a course, from the one source in notebooks/, as a zip file in dist/.

Usage: python tools/editions.py student|instructor [FOLDER_OF_NOTEBOOKS]

The student edition leaves out the cells tagged `solution` or `teaching`. The instructor edition has everything.
"""

import sys
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"solution", "teaching"}
EDITIONS = ("student", "instructor")


def student(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without solutions and teaching notes."""
    copy = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in copy.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    return copy


def write(edition: str, folder: Path = ROOT / "notebooks", target: Path = ROOT / "dist") -> Path:
    """Write the zip file of one edition, and return its path. The same notebooks give the same bytes."""
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"lecture21-{edition}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted(folder.rglob("*.ipynb")):
            if ".ipynb_checkpoints" in source.parts:
                continue
            notebook = nbformat.read(source, as_version=4)
            if edition == "student":
                notebook = student(notebook)
            entry = zipfile.ZipInfo(f"lecture21-{edition}/{source.relative_to(folder).as_posix()}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, nbformat.writes(notebook))
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
