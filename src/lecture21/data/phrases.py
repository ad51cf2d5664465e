"""Sentences with known long-distance dependencies, such as "making ... more difficult".

Slide 9 shows attention heads that follow such a dependency. A small grammar generates the sentences, so that every
dependency is known. Each sentence has two verbs with different completions: attending to *some* completion is not
enough.
"""

import random
from typing import NamedTuple

from lecture21._support.contract import checked
from lecture21.data._vocabulary import MASK, PAD, Vocabulary

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
"""The completion of each verb."""

_ADJECTIVES = ("new", "old", "public", "local", "final", "secret", "open", "national")
# fmt: off
_NOUNS = (
    "registration", "voting", "process", "law", "vote", "reform",
    "record", "office", "budget", "city", "paper", "council",
)
# fmt: on
_LINKS = ("of", "for", "from", "about")
_SUBJECTS = ("governments", "senators", "voters", "cities", "courts", "ministers")
_SMALL_WORDS = ("the", "or", "are", "and", ".")

_VERBS_AND_COMPLETIONS = (*COMPLETIONS, *" ".join(COMPLETIONS.values()).split())
VOCABULARY = Vocabulary(
    tuple(
        dict.fromkeys((PAD, MASK, *_VERBS_AND_COMPLETIONS, *_ADJECTIVES, *_NOUNS, *_LINKS, *_SUBJECTS, *_SMALL_WORDS))
    )
)
"""Padding, mask, and the words of the grammar."""

_SHORTEST, _LONGEST = 2, 10  # words between a verb and its completion


class _Sentence(NamedTuple):
    """A sentence and the positions of its two dependencies."""

    words: list[str]
    verbs: tuple[int, int]
    """Position of each verb."""
    completions: tuple[int, int]
    """Position of the first word of each completion, in the order of the verbs."""


@checked
def sentence(rng: random.Random) -> _Sentence:
    """Generate a sentence: a subject, and two verbs, each 2 to 10 words before its completion.

    Returns:
        A named tuple: `words`; `verbs`, the position of each verb; and `completions`, the position of the first word of
        each verb's completion.
    """
    words, verbs, completions = [rng.choice(_SUBJECTS), "are"], [], []
    for i, verb in enumerate(rng.sample(list(COMPLETIONS), 2)):
        words += ["and"] if i else []
        verbs.append(len(words))
        words += [verb, *_noun_phrase(rng.randint(_SHORTEST, _LONGEST), rng)]
        completions.append(len(words))
        words += COMPLETIONS[verb].split()
    return _Sentence([*words, "."], tuple(verbs), tuple(completions))


def _noun_phrase(length: int, rng: random.Random) -> list[str]:
    """Generate the `length` >= 2 words between a verb and its completion."""
    words = ["the", rng.choice(_NOUNS)]
    while len(words) < length:
        longer = [["or"], [rng.choice(_LINKS), "the"]][rng.randrange(2)]
        if len(words) + len(longer) + 1 <= length and rng.random() < 0.6:
            words += [*longer, rng.choice(_NOUNS)]
        else:
            words.insert(-1, rng.choice(_ADJECTIVES))
    return words
