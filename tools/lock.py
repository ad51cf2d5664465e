"""Write constraints.txt and torch.txt: what continuous integration installs.

Usage: python tools/lock.py          (make lock)

It queries the package index of pip for the newest versions that pyproject.toml allows on Python 3.11 and newer,
except for torch, whose version changes together with the notebooks' outputs. constraints.txt has the SHA-256 of each
file that the index offers of a version, so that pip installs no other. The wheel of torch is not the same everywhere:
for processors alone it comes from elsewhere than with CUDA. So torch.txt has the versions of torch and of what it alone
needs, without hashes.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("pretrained", "grade", "exam", "notebooks", "book", "test")
_HELD = "torch==2.13.0"  # the version that computed the stored outputs of the notebooks
_BUILD = ("hatchling", "editables")  # what builds this package, which has no hash, is installed before it
_WITH_TORCH = re.compile(r"(torch|triton|cuda-|nvidia-)")
_HEADER = "# {} that continuous integration installs. `make lock` writes this file from pyproject.toml.\n"


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


def pins(text: str) -> list[str]:
    """Return the requirements of a lock file, one `name==version` each, with its marker and without its hashes."""
    lines = (re.sub(r" *\\$", "", line) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", " "))]


def divided(text: str) -> tuple[str, str]:
    """Return the requirements of a lock file with their hashes, and those of torch and its libraries without."""
    entries = re.findall(r"^[^\s#].*\n(?:[ ].*\n)*", text, re.MULTILINE)
    with_torch = [entry for entry in entries if _WITH_TORCH.match(entry)]
    others = [entry for entry in entries if entry not in with_torch]
    return "".join(others), "".join(f"{pin}\n" for pin in pins("".join(with_torch)))


def main() -> None:
    """Write the two files."""
    held = "\n".join((_HELD, *_BUILD))
    hashed, with_torch = divided(resolve("3.11", "--universal", "--generate-hashes", held=held))
    files = {"constraints.txt": ("The files", hashed), "torch.txt": ("Versions of torch and its libraries", with_torch)}
    for name, (what, text) in files.items():
        (ROOT / name).write_text(_HEADER.format(what) + text, encoding="utf-8")


if __name__ == "__main__":
    main()
