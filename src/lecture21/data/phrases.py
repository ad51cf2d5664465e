"""Sentences in which a verb waits many words for the phrase that completes it, as in "making ... more difficult".

Slide 9's figure shows heads that follow such a link. In real text nobody can say how strong a link ought to be; here
a small grammar writes the sentences, so that every link is known. Each sentence has two verbs, and each verb its own
completion: finding *some* completion is not enough.
"""

import random
from typing import NamedTuple

COMPLETIONS: dict[str, str] = {
    "making": "more difficult",
    "putting": "on hold",
    "taking": "into account",
    "calling": "into question",
    "bringing": "to light",
    "keeping": "in mind",
    "setting": "in motion",
    "turning": "upside down",
}
"""What completes each verb."""

ADJECTIVES = ("new", "old", "public", "local", "final", "secret", "open", "national")
# fmt: off
NOUNS = (
    "registration", "voting", "process", "law", "vote", "reform",
    "record", "office", "budget", "city", "paper", "council",
)
# fmt: on
LINKS = ("of", "for", "from", "about")
SUBJECTS = ("governments", "senators", "voters", "cities", "courts", "ministers")
SMALL_WORDS = ("the", "or", "are", "and", ".")

PAD, MASK = "<pad>", "<mask>"
VERBS_AND_COMPLETIONS = (*COMPLETIONS, *" ".join(COMPLETIONS.values()).split())
TOKENS: tuple[str, ...] = tuple(
    dict.fromkeys((PAD, MASK, *VERBS_AND_COMPLETIONS, *ADJECTIVES, *NOUNS, *LINKS, *SUBJECTS, *SMALL_WORDS))
)
"""The vocabulary, each word once."""

IDS = {token: i for i, token in enumerate(TOKENS)}

SHORTEST, LONGEST = 2, 10  # words between a verb and its completion


class Sentence(NamedTuple):
    """Words, and where its two links begin and end."""

    words: list[str]
    verbs: tuple[int, int]
    """Position of each verb."""
    completions: tuple[int, int]
    """Position of the first of the two words that complete it."""


def sentence(rng: random.Random) -> Sentence:
    """Write a sentence: a subject, two verbs, and for each its own completion with 2 to 10 words between."""
    words, verbs, completions = [rng.choice(SUBJECTS), "are"], [], []
    for i, verb in enumerate(rng.sample(list(COMPLETIONS), 2)):
        words += ["and"] if i else []
        verbs.append(len(words))
        words += [verb, *noun_phrase(rng.randint(SHORTEST, LONGEST), rng)]
        completions.append(len(words))
        words += COMPLETIONS[verb].split()
    return Sentence([*words, "."], tuple(verbs), tuple(completions))


def noun_phrase(length: int, rng: random.Random) -> list[str]:
    """Write what stands between a verb and its completion, in so many words.

    Raises:
        ValueError: if that is fewer than 2: "the" and a noun.
    """
    if length < SHORTEST:
        raise ValueError(f"a noun phrase has at least {SHORTEST} words, got {length}")
    words = ["the", rng.choice(NOUNS)]
    while len(words) < length:
        longer = [["or"], [rng.choice(LINKS), "the"]][rng.randrange(2)]
        if len(words) + len(longer) + 1 <= length and rng.random() < 0.6:
            words += [*longer, rng.choice(NOUNS)]
        else:
            words.insert(-1, rng.choice(ADJECTIVES))
    return words


def encode(words: list[str]) -> list[int]:
    """Return the ids of words.

    Raises:
        ValueError: if a word is not in `TOKENS`.
    """
    if unknown := [word for word in words if word not in IDS]:
        raise ValueError(f"{unknown[0]!r} is not a word of this grammar; they are {' '.join(TOKENS)}")
    return [IDS[word] for word in words]
