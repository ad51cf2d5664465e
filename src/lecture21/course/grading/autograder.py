"""Gradescope's autograder as one zip file: the package as a wheel, the assignment, and the two scripts that it runs."""

import base64
import hashlib
import io
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from lecture21.course.grading.assignment import Assignment
from lecture21.course.study import folder

_PACKAGE = Path(__file__).parents[2]
_LEFT_OUT = {".pyc", ".webp"}

# https://gradescope-autograders.readthedocs.io/en/latest/specs/
_SETUP = """#!/usr/bin/env bash
# Gradescope runs this once, when the autograder is uploaded.
set -e
AUTOGRADER="${AUTOGRADER:-/autograder}"
find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" > /dev/null && "$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$name"
      return
    fi
  done
}
if [ -z "$(find_python)" ]; then
  apt-get update
  apt-get install -y python3.11 python3.11-venv || apt-get install -y python3 python3-venv
fi
"$(find_python)" -m venv "$AUTOGRADER/venv"
# The build of torch for processors alone: that with CUDA takes gigabytes. Where its index is out of reach, any build.
"$AUTOGRADER/venv/bin/pip" install torch --index-url https://download.pytorch.org/whl/cpu || true
"$AUTOGRADER/venv/bin/pip" install "$(echo "$AUTOGRADER"/source/lecture21-*.whl)[grade]"
"""

_RUN = """#!/usr/bin/env bash
# Gradescope runs this for each submission.
AUTOGRADER="${{AUTOGRADER:-/autograder}}"
cd "$AUTOGRADER/source"
mkdir -p "$AUTOGRADER/results"
results="$AUTOGRADER/results/results.json"
rm -f "$results"
mapfile -d '' notebooks < <(find "$AUTOGRADER/submission" -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -print0)
if [ "${{#notebooks[@]}}" != 1 ]; then
  echo "{{\\"score\\": 0, \\"output\\": \\"Hand in one notebook; there are ${{#notebooks[@]}}.\\"}}" > "$results"
  exit
fi
"$AUTOGRADER/venv/bin/lecture21" grade "${{notebooks[0]}}" --config assignment.toml {options} --gradescope "$results"
[ -f "$results" ] || echo '{{"score": 0, "output": "The grader did not finish. Tell your instructor."}}' > "$results"
"""


def autograder(
    assignment: Assignment, *, private: Path | None = None, seconds: int | float = 10.0, memory: int = 2048
) -> bytes:
    """Return the zip file to upload as an autograder.

    Args:
        assignment: what counts; it must name the exercises.
        private: the instructor's own exercises, which students do not see.
        seconds: processor time for each exercise.
        memory: memory limit in MB.
    """
    if not assignment.numbers:
        raise ValueError("--autograder needs the exercises that count: --chapter 4, --exercises 4.1,4.3, or --config")
    options = f"--seconds {seconds:g} --memory {memory}" + (" --private private.py" if private is not None else "")
    name, wheel = _wheel()
    files = {
        "setup.sh": _SETUP.encode(),
        "run_autograder": _RUN.format(options=options).encode(),
        "assignment.toml": assignment.as_toml().encode(),
        name: wheel,
    }
    if private is not None:
        files["private.py"] = private.read_bytes()
    return _zip(files)


def _zip(files: dict[str, bytes]) -> bytes:
    """Return a zip file; the same files give the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100755 << 16  # Gradescope runs two of them
            archive.writestr(entry, content)
    return data.getvalue()


def _wheel() -> tuple[str, bytes]:
    """Return the name and the bytes of a wheel with the installed package, as PEP 427 describes it."""
    installed = distribution("lecture21")
    about = f"lecture21-{installed.version}.dist-info"
    paths = sorted(path for path in _PACKAGE.rglob("*") if path.is_file() and path.suffix not in _LEFT_OUT)
    files = {f"lecture21/{path.relative_to(_PACKAGE).as_posix()}": path.read_bytes() for path in paths}
    # From a clone, the package has no notebooks; grading knows the book's own cells from them.
    files |= {f"lecture21/course/study/edition/{name}": data for name, data in folder.files().items()}
    for name in ("METADATA", "entry_points.txt"):
        files[f"{about}/{name}"] = (installed.read_text(name) or "").encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: lecture21\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,", ""]).encode()
    return f"lecture21-{installed.version}-py3-none-any.whl", _zip(files)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
