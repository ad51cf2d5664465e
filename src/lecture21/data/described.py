"""Sentences whose words have features with names, on which heads are designed by hand (chapters 03 and 05)."""

import random
from collections.abc import Callable

from lecture21._support.contract import Count, Seed, checked
from lecture21.data.agreement import ADJECTIVES, ENDINGS, PEOPLE, PREPOSITIONS, THINGS, VERBS

FEATURES = ("noun", "person", "adjective", "verb", "plural")
"""What a word is or is not, beside its name and its place."""

START = "·"
"""The token before the first word of a sequence."""


def _described() -> dict[str, tuple[int, ...]]:
    words = {"the": (0, 0, 0, 0, 0)}
    for nouns, is_person in ((PEOPLE, 1), (THINGS, 0)):
        for noun in nouns:
            words |= {noun: (1, is_person, 0, 0, 0), f"{noun}s": (1, is_person, 0, 0, 1)}
    for singular, plural in VERBS:
        words |= {singular: (0, 0, 0, 1, 0), plural: (0, 0, 0, 1, 1)}
    words |= dict.fromkeys(ADJECTIVES + ENDINGS, (0, 0, 1, 0, 0))
    return words | dict.fromkeys(PREPOSITIONS, (0, 0, 0, 0, 0))


WORDS: dict[str, tuple[int, ...]] = _described()
"""The words of the sentences, each with 1 or 0 for each of FEATURES."""


@checked
def sentences(n: Count, seed: Seed = 0) -> list[tuple[str, ...]]:
    """Draw different sentences of 4 to 17 words, the shortest first, such as *the old pilots near the car are late*.

    The subject is a person, the nouns between it and the verb are things, and each noun may have an adjective.

    Args:
        n: number of sentences.
        seed: seed of the draws.
    """

    def draw(rng: random.Random) -> tuple[str, ...]:
        is_plural = rng.random() < 0.5
        words = [*_noun(rng, PEOPLE, is_plural)]
        for _ in range(rng.randrange(4)):
            words += [rng.choice(PREPOSITIONS), *_noun(rng, THINGS, rng.random() < 0.5)]
        return (*words, rng.choice(VERBS)[is_plural], rng.choice(ENDINGS))

    return _different(draw, n, seed)


def _noun(rng: random.Random, nouns: tuple[str, ...], is_plural: bool) -> list[str]:
    adjectives = [rng.choice(ADJECTIVES)] if rng.random() < 0.25 else []
    return ["the", *adjectives, rng.choice(nouns) + "s" * is_plural]


@checked
def sequences(n: Count, seed: Seed = 0) -> list[tuple[str, ...]]:
    """Draw different sequences of START and 4 to 10 nouns in which a stretch of the first ones returns.

    An example is *· car lamp river pilot lamp river*. No noun occurs more than twice.

    Args:
        n: number of sequences.
        seed: seed of the draws.
    """

    def draw(rng: random.Random) -> tuple[str, ...]:
        words = rng.sample(PEOPLE + THINGS, rng.randint(3, 6))
        first = rng.randrange(len(words) - 1)
        return (START, *words, *words[first : first + rng.randint(1, 4)])

    return _different(draw, n, seed)


def _different(draw: Callable[[random.Random], tuple[str, ...]], n: int, seed: int) -> list[tuple[str, ...]]:
    rng, found = random.Random(seed), {}
    while len(found) < n:
        found[draw(rng)] = None
    return sorted(found, key=len)
