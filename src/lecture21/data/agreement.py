"""Agreement at a distance: which verb follows depends on a noun that may be 1 to 100 words back (chapters 01 to 05).

*The pilots near the window behind the car* **are** *late. The window near the pilots* **is** *ready.* The subject is
the first noun of the sentence, a person or a thing. The nouns of the phrases between it and the verb are its rivals:
nouns of the other kind, whose number is drawn independently. So whoever decides by the last noun, or by the majority of
the nouns, as a bag of words learns to, is right in about half of the long sentences. Somebody must *find* the subject.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from lecture21._support.contract import NOT_EMPTY, Count, Natural, Seed, checked
from lecture21._support.modes import evaluating
from lecture21._support.validation import Rule, in_range, one_of
from lecture21.data._vocabulary import Vocabulary

PEOPLE = ("pilot", "author", "farmer", "teacher", "painter", "doctor")
THINGS = ("window", "garden", "car", "table", "river", "lamp")
ADJECTIVES = ("old", "young", "small", "quiet")
PREPOSITIONS = ("near", "behind", "beside", "under")
VERBS = (("is", "are"), ("was", "were"), ("seems", "seem"))
ENDINGS = ("late", "ready", "gone", "famous")

VOCABULARY = Vocabulary(
    tuple(form for noun in PEOPLE + THINGS for form in (noun, f"{noun}s"))
    + tuple(form for pair in VERBS for form in pair)
    + ADJECTIVES
    + PREPOSITIONS
    + ENDINGS
    + ("the", ".")
)
"""The task's 44 words: each noun and each verb in the singular, and after it in the plural."""

Rivals = Annotated[str, one_of(("other kind", "people"))]
"""What stands between subject and verb: nouns of the other kind, so things if the subject is a person, and people if it
is a thing. Or all nouns are people."""

DISTANCES = tuple(range(1, 101, 3))
"""The distances from the subject to its verb, in words: each phrase between them has three, such as *near the car*."""
_ALLOWED = f"1, 4, 7, ... or {DISTANCES[-1]} words"
Distance = Annotated[int, Rule(_ALLOWED, lambda d, _: not isinstance(d, bool) and d in DISTANCES, says_kind=True)]

_FIRST_THING, _FIRST_VERB = VOCABULARY.ids["window"], VOCABULARY.ids["is"]


@checked
@dataclass(frozen=True)
class Agreement:
    """The task with one kind of rivals."""

    rivals: Rivals = "other kind"
    """Kind of the nouns between subject and verb. If all nouns are people, only the position tells the subject."""

    @checked
    def beginnings(
        self, batch: Count, distance: Distance, *, n_adjective: Natural = 0, generator: Generator | None = None
    ) -> tuple[Int[Tensor, "B T"], Bool[Tensor, " B"]]:
        """Draw beginnings of sentences, up to the word before the verb, and whether the verb is plural.

        Args:
            batch: number of sentences B.
            distance: words from the subject to the verb, in DISTANCES; T = n_adjective + 1 + distance.
            n_adjective: adjectives before the subject, which move it to the right.
            generator: source of the draws; torch's global one if not given.
        """

        def draw(words: tuple[str, ...]) -> Int[Tensor, " B"]:
            ids = torch.tensor(VOCABULARY.encode(words))
            return ids[torch.randint(len(words), (batch,), generator=generator)]

        def number() -> Int[Tensor, " B"]:
            return torch.randint(2, (batch,), generator=generator)

        the, plural = draw(("the",)), number()
        columns = [the, *(draw(ADJECTIVES) for _ in range(n_adjective)), draw(PEOPLE) + plural]
        for _ in range(distance // 3):
            columns += [draw(PREPOSITIONS), the, draw(PEOPLE if self.rivals == "people" else THINGS) + number()]
        words = torch.stack(columns, dim=1)
        if self.rivals == "other kind":  # in half of the sentences, people and things change places
            exchanged = torch.where(words < _FIRST_THING, words + _FIRST_THING, words - _FIRST_THING)
            is_exchanged = torch.randint(2, (batch, 1), generator=generator).bool()
            words = torch.where(is_exchanged & (words < _FIRST_VERB), exchanged, words)
        return words, plural.bool()

    @checked
    def sentences(
        self, batch: Count, distance: Distance, *, n_adjective: Natural = 0, generator: Generator | None = None
    ) -> Int[Tensor, "B T"]:
        """Draw whole sentences: the beginning, a verb that agrees with the subject, one more word and a full stop.

        The arguments are those of `beginnings`; T = n_adjective + 4 + distance.
        """
        start, plural = self.beginnings(batch, distance, n_adjective=n_adjective, generator=generator)
        verb = _FIRST_VERB + 2 * torch.randint(len(VERBS), (batch,), generator=generator) + plural
        endings = torch.tensor(VOCABULARY.encode(ENDINGS))
        ending = endings[torch.randint(len(ENDINGS), (batch,), generator=generator)]
        stop = torch.full((batch,), VOCABULARY.ids["."])
        return torch.cat([start, torch.stack([verb, ending, stop], dim=1)], dim=1)

    @checked
    def loss(
        self,
        predict: Callable[[Tensor], Tensor],
        distances: Annotated[Sequence[Distance], NOT_EMPTY],
        *,
        batch: Count = 32,
        generator: Generator | None = None,
    ) -> Float[Tensor, ""]:
        """Draw sentences of one distance and return the mean cross-entropy of their verbs, in nats.

        The verb is the only word whose loss counts: all others are drawn without regard to the subject.

        Args:
            predict: maps beginnings (B, T) to logits of the next word (B, V) or, as a language model, (B, T, V).
            distances: words from the subject to the verb, of which one is drawn with equal chances.
            batch: number of sentences B.
            generator: source of the draws; torch's global one if not given. Zero to two adjectives are drawn too.
        """
        distance = distances[int(torch.randint(len(distances), (), generator=generator))]
        n_adjective = int(torch.randint(3, (), generator=generator))
        words = self.sentences(batch, distance, n_adjective=n_adjective, generator=generator)
        logits = predict(words[:, :-3])
        return cross_entropy(logits[:, -1] if logits.dim() == 3 else logits, words[:, -3])

    @checked
    @torch.no_grad()
    def score(
        self,
        predict: Callable[[Tensor], Tensor],
        distance: Distance,
        *,
        n_sentence: Annotated[int, in_range(1, whole=True), Rule("a multiple of 3", lambda n, _: n % 3 == 0)] = 600,
        seed: Seed = 0,
    ) -> float:
        """Return the fraction of sentences in which the right number of the verb has more than half of the probability.

        A third of the sentences has no adjective before the subject, a third one, a third two.

        Args:
            predict: maps beginnings (B, T) to logits of the next word (B, V) or, as a language model, (B, T, V). Only
                the verbs are compared, so that the score says nothing of the other words.
            distance: words from the subject to the verb.
            n_sentence: number of sentences, a multiple of 3.
            seed: seed of the sentences, which are the same for every model.
        """
        generator, right = Generator().manual_seed(seed), 0
        with evaluating(predict):
            for n_adjective in range(3):
                words, plural = self.beginnings(n_sentence // 3, distance, n_adjective=n_adjective, generator=generator)
                logits = predict(words)
                right += (verb_is_plural(logits[:, -1] if logits.dim() == 3 else logits) == plural).sum().item()
        return right / n_sentence


def verb_is_plural(logits: Float[Tensor, "B V"]) -> Bool[Tensor, " B"]:
    """Return whether the plural verbs together are more probable than the singular ones."""
    verbs = logits[:, _FIRST_VERB : _FIRST_VERB + 2 * len(VERBS)]
    return verbs[:, 1::2].logsumexp(dim=1) > verbs[:, 0::2].logsumexp(dim=1)


def majority_score(distance: int) -> float:
    """Return the expected score of a guess by the majority of the nouns, with a fair coin when they are level.

    With n rivals, of which k have the subject's number, the guess is right if k + 1 > n - k.
    """
    n = distance // 3
    ways = [math.comb(n, k) for k in range(n + 1)]
    return sum(w * (1.0 if 2 * k + 1 > n else 0.5 if 2 * k + 1 == n else 0.0) for k, w in enumerate(ways)) / 2**n
