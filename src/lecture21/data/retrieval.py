"""A needle in a haystack: a fact hidden in noise, and at the end of the text the question after it.

A fact is one symbol that says "key k has value v"; the question is k, the answer v. Whoever has read the whole text
knows it, and the rest is noise, so that the task measures what a model can bring back from how far, apart from any
knowledge of a language. Other facts lie about, and so a guess among the values in sight is often wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from lecture21._support.modes import evaluating
from lecture21._support.validation import require_whole
from lecture21.objectives import token_cross_entropy


@dataclass(frozen=True)
class Haystack:
    """The symbols of the task, in this order: keys (the questions), values (the answers), facts, noise.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    n_key: int = 6
    """Keys, each of which can be asked for."""
    n_value: int = 6
    """Values: a blind guess is right once in so many times."""
    n_fact: int = 3
    """Facts in a text, about different keys; the needle is one of them."""
    n_noise: int = 16
    """Symbols of the noise."""

    def __post_init__(self) -> None:
        for name in ("n_key", "n_value", "n_fact", "n_noise"):
            require_whole(name, getattr(self, name))
        if self.n_fact > self.n_key:
            raise ValueError(f"n_fact must be at most the number of keys, {self.n_key}, got {self.n_fact}")

    @property
    def vocab_size(self) -> int:
        """Number of distinct symbols V; there is a fact for each pair of key and value."""
        return self.n_key + self.n_value + self.n_key * self.n_value + self.n_noise

    def fact(self, key: int, value: int) -> int:
        """Return the symbol that says which value a key has, both counted from 0."""
        return self.n_key + self.n_value + key * self.n_value + value

    def draw(
        self, batch: int, length: int, *, distance: int | None = None, generator: Generator | None = None
    ) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"]]:
        """Draw texts that end with a question, and the symbols that answer it.

        Args:
            batch: number of texts B.
            length: number of symbols T of each, the question included.
            distance: from the needle to the question; uniform in 1 ... T - 1 if not given. Other facts lie anywhere.
            generator: source of the draws; torch's own if not given.

        Raises:
            ValueError: if the text is too short for its facts, or the needle would not lie in it.
        """
        require_whole("batch", batch)
        if length <= self.n_fact:
            raise ValueError(f"length must be > {self.n_fact}, which are the facts beside the question; got {length}")
        if distance is not None and not 1 <= distance < length:
            raise ValueError(f"distance must be between 1 and length - 1 = {length - 1}, got {distance}")
        low, high = (1, length) if distance is None else (distance, distance + 1)
        needle = length - 1 - torch.randint(low, high, (batch, 1), generator=generator)  # (B, 1): where it lies
        # Places in random order, the needle's first.
        order = torch.rand(batch, length - 1, generator=generator).scatter(1, needle, 2.0)
        places = order.topk(self.n_fact, dim=1).indices  # (B, F)
        keys = torch.rand(batch, self.n_key, generator=generator).argsort(dim=1)[:, : self.n_fact]
        values = torch.randint(self.n_value, (batch, self.n_fact), generator=generator)
        first_noise = self.vocab_size - self.n_noise
        ids = torch.randint(first_noise, self.vocab_size, (batch, length), generator=generator)
        ids = ids.scatter(1, places, self.n_key + self.n_value + keys * self.n_value + values)
        ids[:, -1] = keys[:, 0]
        return ids, self.n_key + values[:, 0]


def retrieval_loss(
    model: Callable[[Tensor], Tensor], task: Haystack, length: int, *, batch_size: int = 32
) -> Callable[[Generator], Float[Tensor, ""]]:
    """Return the loss that `training.minimize` asks for: the cross-entropy of the answers to a fresh batch, in nats.

    Args:
        model: maps ids (B, T) to logits (B, T, V) over the symbols of the task.
        task: what is drawn, with needles at every distance.
        length: symbols of a text, at most the model's block.
        batch_size: texts of a step.
    """

    def loss(generator: Generator) -> Float[Tensor, ""]:
        ids, answers = task.draw(batch_size, length, generator=generator)
        return token_cross_entropy(model(ids)[:, -1:], answers[:, None])

    return loss


@torch.no_grad()
def retrieval_score(
    model: Callable[[Tensor], Tensor],
    task: Haystack,
    length: int,
    distance: int,
    *,
    n_text: int = 256,
    seed: int = 0,
) -> float:
    """Return the share of texts whose question a model answers rightly, its answer being the symbol of highest logit.

    Args:
        model: maps ids (B, T) to logits (B, T, V) over the symbols of the task.
        task: a blind guess among its values is right once in `n_value` times.
        length: symbols of a text, at most the model's block.
        distance: how far before the question the needle lies.
        n_text: number of texts.
        seed: of the texts, which are the same for every model.

    Raises:
        ValueError: from `Haystack.draw`, or if a text is longer than the model's block.
    """
    ids, answers = task.draw(n_text, length, distance=distance, generator=Generator().manual_seed(seed))
    with evaluating(model):
        given = torch.cat([model(texts)[:, -1].argmax(dim=-1) for texts in ids.split(64)])
    return (given == answers).float().mean().item()
