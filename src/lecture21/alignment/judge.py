"""A judge whose taste can be read: it likes whole questions, and errs now and then."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

_WORD = re.compile(r"[a-z][a-z']*")


def words(text: str) -> list[str]:
    """Return the words of a text in small letters, without the quotation marks around them."""
    return [word.rstrip("'") for word in _WORD.findall(text.lower())]


@dataclass(frozen=True)
class Judge:
    """Says whether a line is a whole question, which is three things.

    Its only question mark is its last character; it has at least `least` different words; and each of its words is
    known.

    Args:
        known: the words that the judge knows, such as `words` of the plays.
        least: how many different words a question needs. Without "different", "him him him him him him?" is one.

    Raises:
        ValueError: if no word is known, or `least` is below 1.
    """

    known: frozenset[str]
    least: int = 6

    def __post_init__(self) -> None:
        if not self.known:
            raise ValueError("a judge needs at least one known word, got none")
        if self.least < 1:
            raise ValueError(f"least must be at least 1, got {self.least}")

    def faults(self, line: str) -> list[str]:
        """Return what keeps a line from being a whole question, in words; nothing if it is one."""
        found = words(line)
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
        """Say whether a line is a whole question."""
        return not self.faults(line)


def compare(
    first: Bool[Tensor, " B"], second: Bool[Tensor, " B"], *, noise: float, generator: torch.Generator
) -> tuple[Int[Tensor, " N"], Bool[Tensor, " N"], Bool[Tensor, " N"]]:
    """Say which of two answers is preferred, for each pair in which the judge likes exactly one.

    Args:
        first: what the judge says of the first answer of each pair.
        second: what it says of the second.
        noise: probability that the label is the wrong way round.
        generator: source of the errors.

    Returns:
        Which pairs are no ties; for each of them, whether the first answer is labelled the better one; and whether that
        label is wrong.

    Raises:
        ValueError: if `noise` is not in [0, 0.5], or the two sides differ in number.
    """
    if not 0 <= noise <= 0.5:
        raise ValueError(f"noise must be in [0, 0.5], got {noise}: beyond a half the labels mean their opposite")
    if first.shape != second.shape:
        raise ValueError(f"a pair needs two sides, got {len(first)} first and {len(second)} second answers")
    decided = (first != second).nonzero().flatten()
    wrong = torch.rand(len(decided), generator=generator) < noise
    return decided, first[decided] ^ wrong, wrong
