"""Write constraints.txt: the versions that continuous integration installs.

Usage: python tools/lock.py          (make lock)

It queries the package index of pip for the newest versions that pyproject.toml allows on Python 3.11 and newer,
except for torch, whose version changes together with the notebooks' outputs.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("pretrained", "exam", "notebooks", "book", "test")
_HELD = "torch==2.13.0"  # the version that computed the stored outputs of the notebooks
_HEADER = "# The versions that continuous integration installs. `make lock` writes this file from pyproject.toml.\n"


def index() -> list[str]:
    """Return pip's package index as options of uv."""
    actual = os.environ.get("PIP_INDEX_URL")
    if not actual:
        command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        actual = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ["--default-index", actual] if actual else []


def resolve(python: str, *options: str, held: str = "") -> str:
    """Return the newest versions for a Python version, one `name==version` a line, with the requirement `held`.

    Raises:
        RuntimeError: if there are none, with uv's explanation.
    """
    uv = Path(sys.executable).parent / "uv"
    extras = [option for extra in EXTRAS for option in ("--extra", extra)]
    # uv reads metadata only; pip would download gigabytes for the same result.
    command = [uv, "pip", "compile", "pyproject.toml", "-", *extras, *index(), "--only-binary", ":all:"]
    command += ["--no-header", "--no-annotate", "--quiet", "--python-version", python, "--python", sys.executable]
    actual = subprocess.run([*command, *options], input=held, cwd=ROOT, capture_output=True, text=True, check=False)
    if actual.returncode:
        raise RuntimeError(actual.stderr)
    return actual.stdout


def main() -> None:
    """Write the file."""
    (ROOT / "constraints.txt").write_text(_HEADER + resolve("3.11", "--universal", held=_HELD), encoding="utf-8")


if __name__ == "__main__":
    main()
