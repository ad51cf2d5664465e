"""Answers of chapter 08."""

import itertools
import math

import torch

from lecture21.generation import next_token_probabilities

TABLE = {".": {"a": 0.5, "b": 0.4, ".": 0.1}, "a": {"a": 0.3, "b": 0.3, ".": 0.4}, "b": {"a": 0.1, "b": 0.1, ".": 0.8}}
FIVE = torch.tensor([0.40, 0.30, 0.15, 0.10, 0.05])


def probability(text: str) -> float:
    return math.prod(TABLE[last][new] for last, new in itertools.pairwise("." + text))


def kept(**rules: float) -> int:
    return int((next_token_probabilities(FIVE.log(), **rules) > 0).sum())


def rules_that_change_the_ratio() -> str:
    """The rules that change how much more probable the first symbol is than the second."""
    rules = {"temperature": {"temperature": 0.5}, "top-k": {"top_k": 2}, "top-p": {"top_p": 0.8}}
    actual = {name: next_token_probabilities(FIVE.log(), **rule) for name, rule in rules.items()}
    changed = [name for name, p in actual.items() if not math.isclose(p[0] / p[1], 4 / 3, rel_tol=1e-5)]
    return " and ".join(changed) + " only"


NUMBERS = {
    "8.3": lambda: [kept(temperature=2.0, top_p=0.8), kept(top_p=0.8), kept(temperature=0.5, top_p=0.8), len(FIVE)],
    "8.4": lambda: [math.log2(20) / 4, math.log2(20), math.log(20) / 4, 20 / 4],
}  # fmt: skip
CHOICES = {
    "8.1": lambda: f"`{max(('.', 'a.', 'b.', 'ab.'), key=probability)}`",
    "8.2": rules_that_change_the_ratio,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    sums = next_token_probabilities(FIVE.log(), temperature=2.0).cumsum(dim=0)
    return {
        "8.1": [f"{probability(text):.2f}" for text in (".", "a.", "b.", "ab.")],
        "8.3": [f"{each:.3f}" for each in sums[:4].tolist()],
        "8.4": [f"{math.log2(20):.2f}", f"{math.log2(3):.2f}"],
    }
