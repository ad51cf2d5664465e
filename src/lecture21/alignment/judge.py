"""A rule in place of a human judge: it accepts a line that is one well-formed question of known words."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[a-z][a-z']*")


@dataclass(frozen=True)
class Judge:
    """A judge that accepts a line if it is one complete question.

    The only question mark is the last character; the line has at least `least` different words; and each word is known.

    Args:
        known: the known words, such as `Judge.words` of the plays.
        least: smallest number of different words. Without "different", "him him him him him him?" would be accepted.
    """

    known: frozenset[str]
    least: int = 6

    def __post_init__(self) -> None:
        if not self.known:
            raise ValueError("a judge needs at least one known word, got none")
        if self.least < 1:
            raise ValueError(f"least must be at least 1, got {self.least}")

    @staticmethod
    def words(text: str) -> list[str]:
        """Return the words of a text in lower case, without the quotation marks around them."""
        return [word.rstrip("'") for word in _WORD.findall(text.lower())]

    def faults(self, line: str) -> list[str]:
        """Return the reasons why a line is not accepted; an empty list if it is."""
        found = self.words(line)
        marks = line.count("?")
        faults = []
        if not line.endswith("?"):
            faults.append("no question mark at its end")
        if marks > line.endswith("?"):
            faults.append("a question mark elsewhere")
        if len(set(found)) < self.least:
            faults.append(f"{len(set(found))} different words, not {self.least}")
        if unknown := [word for word in found if word not in self.known]:
            faults.append("no word: " + ", ".join(unknown))
        return faults

    def __call__(self, line: str) -> bool:
        """Return whether a line is accepted."""
        return not self.faults(line)
