"""Compare two built sites file by file: what is published is what `make site` builds.

Usage: python tools/compare_sites.py FIRST SECOND     (two folders, such as _build/html and a downloaded artifact)

Prints each file that only one folder has, and each whose bytes differ; the exit status is then 1.
"""

import hashlib
import sys
from pathlib import Path


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, by its path in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def differences(first: Path, second: Path) -> list[str]:
    """Return one line for each file that is not the same in both folders."""
    ours, theirs = digests(first), digests(second)
    lines = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            lines.append(f"only in {first}: {name}")
        elif name not in ours:
            lines.append(f"only in {second}: {name}")
        elif ours[name] != theirs[name]:
            lines.append(f"differs: {name}")
    return lines


def main(arguments: list[str]) -> int:
    """Compare the two folders that the command line names."""
    folders = [Path(argument) for argument in arguments]
    if len(folders) != 2:
        print("usage: python tools/compare_sites.py FIRST SECOND", file=sys.stderr)
        return 2
    for folder in folders:
        if not (folder / "index.html").is_file():
            print(f"there is no built site in {folder}: it has no index.html", file=sys.stderr)
            return 2
    lines = differences(*folders)
    for line in lines:
        print(line)
    print(f"{len(digests(folders[0]))} files, {len(lines) or 'none'} not the same in both")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
