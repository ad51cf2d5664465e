"""Needle in a haystack: a fact hidden in noise, and a query for it at the end of the sequence.

A fact is one symbol that says "key k has value v"; the query is k and the answer is v. The task measures from which
distance a model can retrieve a fact, without any knowledge of a language. Other facts are distractors, so that a guess
among the values in the context is often wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from lecture21._support.contract import Count, Natural, Seed, checked
from lecture21._support.modes import evaluating
from lecture21.objectives import token_cross_entropy


@checked
@dataclass(frozen=True)
class Haystack:
    """The task's symbols, in this order: keys (the queries), values (the answers), facts, noise."""

    n_key: Count = 6
    """Number of keys."""
    n_value: Count = 6
    """Number of values; a random guess is right with probability 1 / n_value."""
    n_fact: Count = 3
    """Facts in a sequence, about different keys; one of them is the needle."""
    n_noise: Count = 16
    """Number of noise symbols."""

    def __post_init__(self) -> None:
        if self.n_fact > self.n_key:
            raise ValueError(f"n_fact must be at most the number of keys, {self.n_key}, got {self.n_fact}")

    @property
    def vocab_size(self) -> int:
        """Number of distinct symbols V; there is a fact for each pair of key and value."""
        return self.n_key + self.n_value + self.n_key * self.n_value + self.n_noise

    @checked
    def fact(self, key: Natural, value: Natural) -> int:
        """Return the symbol that says which value a key has, both counted from 0."""
        if key >= self.n_key or value >= self.n_value:
            given = f"key={key} and value={value}"
            raise ValueError(f"key must be below {self.n_key} and value below {self.n_value}, got {given}")
        return self.n_key + self.n_value + key * self.n_value + value

    @checked
    def draw(
        self, batch: Count, length: Count, *, distance: Count | None = None, generator: Generator | None = None
    ) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"]]:
        """Draw sequences that end with a query, and the symbols that answer it.

        Args:
            batch: number of sequences B.
            length: number of symbols T of each, the query included.
            distance: positions from the needle to the query; uniform in 1 ... T - 1 if not given.
            generator: source of the draws; torch's global one if not given.
        """
        if length <= self.n_fact:
            raise ValueError(f"length must be greater than the number of facts, {self.n_fact}, got {length}")
        if distance is not None and distance >= length:
            raise ValueError(f"distance must be between 1 and length - 1 = {length - 1}, got {distance}")
        low, high = (1, length) if distance is None else (distance, distance + 1)
        needle = length - 1 - torch.randint(low, high, (batch, 1), generator=generator)  # (B, 1): its position
        # Positions in random order, that of the needle first.
        order = torch.rand(batch, length - 1, generator=generator).scatter(1, needle, 2.0)
        positions = order.topk(self.n_fact, dim=1).indices  # (B, F)
        keys = torch.rand(batch, self.n_key, generator=generator).argsort(dim=1)[:, : self.n_fact]
        values = torch.randint(self.n_value, (batch, self.n_fact), generator=generator)
        first_noise = self.vocab_size - self.n_noise
        ids = torch.randint(first_noise, self.vocab_size, (batch, length), generator=generator)
        ids = ids.scatter(1, positions, self.n_key + self.n_value + keys * self.n_value + values)
        ids[:, -1] = keys[:, 0]
        return ids, self.n_key + values[:, 0]

    @checked
    def loss_function(
        self, model: Callable[[Tensor], Tensor], length: Count, *, batch_size: Count = 32
    ) -> Callable[[Generator], Float[Tensor, ""]]:
        """Return a loss function for `training.minimize`: the cross-entropy of the answers of a fresh batch, in nats.

        Args:
            model: maps ids (B, T) to logits (B, T, V) over the symbols of the task.
            length: symbols of a sequence, at most the model's block size; needles are drawn at every distance.
            batch_size: sequences in a batch.
        """

        def loss(generator: Generator) -> Float[Tensor, ""]:
            ids, answers = self.draw(batch_size, length, generator=generator)
            return token_cross_entropy(model(ids)[:, -1:], answers[:, None])

        return loss

    @checked
    @torch.no_grad()
    def score(
        self,
        model: Callable[[Tensor], Tensor],
        length: Count,
        distance: Count,
        *,
        n_text: Count = 256,
        seed: Seed = 0,
    ) -> float:
        """Return the fraction of sequences whose query a model answers correctly, taking the symbol of highest logit.

        Args:
            model: maps ids (B, T) to logits (B, T, V) over the symbols of the task; a random guess among its values
                scores 1 / n_value.
            length: symbols of a sequence, at most the model's block size.
            distance: positions from the needle to the query.
            n_text: number of sequences.
            seed: seed of the sequences, which are the same for every model.
        """
        ids, answers = self.draw(n_text, length, distance=distance, generator=Generator().manual_seed(seed))
        with evaluating(model):
            given = torch.cat([model(texts)[:, -1].argmax(dim=-1) for texts in ids.split(64)])
        return (given == answers).float().mean().item()
