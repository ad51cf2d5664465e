"""Numbers in sentences: a test reads the table that measured them and the text that states them.

    def test_two_gpts(said):
        nats = results.load("two_gpts").query("part == 'run' and arm == 'pair'").groupby("kappa").ensemble.mean()
        said("They end at {:.2f} nats", nats[1.0])

The words are those of the text, the values those of the table.
"""

import difflib
import functools
import re
import string
from pathlib import Path

import nbformat
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBER = r"[-+]?\d(?:[\d.,]*\d)?"


def written(value: object, form: str) -> set[str]:
    """Return how a value may be written: in one way, or in two where a stored 0.485 rounds to two digits."""
    if form == "words":
        return {WORDS[value]}
    nearby = (value * (1 - 1e-9), value * (1 + 1e-9)) if isinstance(value, float) else (value,)
    return {plain(format(each, form)) for each in nearby}


def plain(text: str) -> str:
    return " ".join(text.replace("−", "-").split())


@functools.cache
def text_of(page: str) -> tuple[Path, str]:
    """Return the file of a page and what it says: its text, its code, and the captions of its figures.

    A page is the number of a chapter, or the name of a lab, of a page in `book/`, or README.
    """
    found = [*ROOT.glob(f"notebooks/{page}_*.ipynb"), *ROOT.glob(f"notebooks/labs/{page}.ipynb")]
    (path,) = [*found, *ROOT.glob(f"book/{page}.md"), *ROOT.glob(f"{page}.md")]
    if path.suffix == ".md":
        return path, plain(path.read_text(encoding="utf-8"))
    texts = []
    for cell in nbformat.read(path, as_version=4).cells:
        shown = cell.metadata.get("mystnb", {})
        texts += [cell.source, shown.get("figure", {}).get("caption", ""), shown.get("image", {}).get("alt", "")]
    return path, plain(" \n ".join(texts))


def check_said(page: str, sentence: str, *values: object) -> None:
    """Fail unless a page has the sentence with these values, and nowhere with others."""
    path, text = text_of(page)
    left, right, wanted = iter(values), "", ""
    for words, name, form, _ in string.Formatter().parse(plain(sentence)):
        ways = {""} if name is None else written(next(left), form)
        wanted += re.escape(words) + ("" if name is None else r"[\w-]+" if form == "words" else NUMBER)
        right += re.escape(words) + "(?:" + "|".join(map(re.escape, ways)) + ")"
    assert not list(left), f"more values than places for them in {sentence!r}"
    found = set(re.findall(wanted, text))
    wrong = sorted(each for each in found if not re.fullmatch(right, each))
    if found and not wrong:
        return
    expected = plain(re.sub(r":words}", "}", sentence).format(*values))
    if not found:
        pieces = re.split(r"(?<=[.?!|]) ", text)
        nearest = max(pieces, key=lambda piece: difflib.SequenceMatcher(None, expected, piece, autojunk=False).ratio())
        wrong = ["(no such sentence; the nearest is) " + nearest]
    stated = "\n  ".join(wrong)
    raise AssertionError(f"{path.relative_to(ROOT)} says\n  {stated}\nand the tables\n  {expected}")


def spread(values: pd.Series) -> tuple[float, float]:
    """Return the mean and the standard deviation over seeds, for a sentence with "±"."""
    return values.mean(), values.std()
