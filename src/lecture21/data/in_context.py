"""Tasks given by examples in the prompt: pairs of a key and its value, under a rule that every prompt draws anew.

A prompt is key, value, key, value, ... Each value is predicted from the pairs before it, so that one prompt tests every
number of examples, from 0 to n_pair - 1.
"""

from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lecture21._support.contract import Count, checked
from lecture21._support.validation import Rule
from lecture21.objectives import IGNORE


def _prompts(keys: Int[Tensor, "B N"], values: Int[Tensor, "B N"]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return the inputs k v k v ... k, and the targets: the value after each key, `IGNORE` where a key follows."""
    ids = torch.stack([keys, values], dim=2).flatten(1)  # (B, 2N)
    targets = torch.full_like(ids, IGNORE)
    targets[:, ::2] = values
    return ids[:, :-1], targets[:, :-1]


@checked
@dataclass(frozen=True)
class SymbolMapping:
    """Each prompt maps small letters to capital letters one to one, at random, as in aF cB aF dL cB.

    A value can be looked up if its key occurred before; otherwise only the values of other keys can be excluded. The
    ids are those of `CharTokenizer(task.symbols)`: values first, then keys.
    """

    n_symbol: Count = 12
    """Number of possible keys, and of possible values; a random guess is right with probability 1 / n_symbol."""
    n_used: Count = 6
    """Number of keys that a prompt draws its pairs from, with repetition."""
    n_pair: Count = 16
    """Number of pairs in a prompt."""

    def __post_init__(self) -> None:
        if self.n_symbol > 26:
            raise ValueError(f"n_symbol must be at most 26, the number of letters, got {self.n_symbol}")
        if self.n_used > self.n_symbol:
            raise ValueError(f"n_used must be at most n_symbol, {self.n_symbol}, got {self.n_used}")

    @property
    def symbols(self) -> str:
        """The values and then the keys; the symbol at index i has id i."""
        return ascii_uppercase[: self.n_symbol] + ascii_lowercase[: self.n_symbol]

    @checked
    def draw(self, batch: Count, generator: Generator | None = None) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
        """Draw inputs of T = 2 n_pair - 1 symbols, and targets: the value after each key, else `objectives.IGNORE`.

        Args:
            batch: number of prompts B.
            generator: source of the draws; torch's global one if not given.
        """
        values = torch.rand(batch, self.n_symbol, generator=generator).argsort(dim=1)  # (B, K): of every key
        used = torch.rand(batch, self.n_symbol, generator=generator).argsort(dim=1)[:, : self.n_used]
        keys = used.gather(1, torch.randint(self.n_used, (batch, self.n_pair), generator=generator))  # (B, N)
        return _prompts(self.n_symbol + keys, values.gather(1, keys))

    def earlier(self, inputs: Int[Tensor, "B T"]) -> Bool[Tensor, "B N N"]:
        """Return, for each pair, which earlier pairs have the same key."""
        keys = inputs[:, ::2]
        return (keys[:, :, None] == keys[:, None, :]).tril(-1)

    def optimal(self, inputs: Int[Tensor, "B T"]) -> Float[Tensor, "B N V"]:
        """Return the exact probability of each of V = n_symbol values after each key, given the pairs before it."""
        values = F.one_hot(inputs[:, 1::2], self.n_symbol).bool()  # (B, N-1, V)
        known = (self.earlier(inputs)[:, :, :-1, None] & values[:, None]).any(dim=2)  # (B, N, V): the key's own value
        taken = F.pad(values.cumsum(dim=1) > 0, (0, 0, 1, 0))  # (B, N, V): values of the pairs before
        possible = torch.where(known.any(dim=2, keepdim=True), known, ~taken).float()
        return possible / possible.sum(dim=2, keepdim=True)


_PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31)


@checked
@dataclass(frozen=True)
class LinearRule:
    """Each prompt draws a rule y = a x + b modulo a prime; two pairs determine a and b.

    The x of a prompt are distinct, so that no y can be looked up. The ids are the numbers themselves, and those of
    `CharTokenizer(task.symbols)`.
    """

    prime: Annotated[
        int, Rule("a prime from 5 to 31", lambda p, _: isinstance(p, int) and p in _PRIMES, says_kind=True)
    ] = 5
    """Number of possible x, and of possible y; a random guess is right with probability 1 / prime."""
    n_pair: Count = 4
    """Number of pairs in a prompt."""

    def __post_init__(self) -> None:
        if self.n_pair > self.prime:
            raise ValueError(f"n_pair must be at most the number of different x, {self.prime}, got {self.n_pair}")

    @property
    def symbols(self) -> str:
        """One symbol for each number."""
        return (digits + ascii_uppercase)[: self.prime]

    def rules(self, held_out: bool) -> Int[Tensor, "R 2"]:
        """Return the rules (a, b) with a > 0 that are held out, one for each a, or the others.

        The others contain every a, every b, and every pair of x and y.
        """
        rules = torch.cartesian_prod(torch.arange(1, self.prime), torch.arange(self.prime))
        apart = rules[:, 1] == rules[:, 0].square() % self.prime  # b = m a would hold out every rule through (-m, 0)
        return rules[apart if held_out else ~apart]

    @checked
    def draw(
        self, batch: Count, generator: Generator | None = None, *, held_out: bool = False
    ) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
        """Draw inputs of T = 2 n_pair - 1 numbers, and targets: the y after each x, else `objectives.IGNORE`.

        Args:
            batch: number of prompts B.
            generator: source of the draws; torch's global one if not given.
            held_out: whether to draw from the rules that are held out, or from the others.
        """
        rules = self.rules(held_out)
        a, b = rules[torch.randint(len(rules), (batch,), generator=generator)].split(1, dim=1)  # (B, 1)
        x = torch.rand(batch, self.prime, generator=generator).argsort(dim=1)[:, : self.n_pair]
        return _prompts(x, (a * x + b) % self.prime)

    def optimal(self, inputs: Int[Tensor, "B T"], rules: Int[Tensor, "R 2"]) -> Float[Tensor, "B N V"]:
        """Return the exact probability of each y after each x, given the pairs before it and equally likely `rules`.

        It is uniform where no rule agrees with the pairs.
        """
        y = (rules[:, 0] * inputs[:, ::2, None] + rules[:, 1]) % self.prime  # (B, N, R): of each rule
        agrees = (y[:, :-1] == inputs[:, 1::2, None]).long().cumprod(dim=1)  # (B, N-1, R): with all pairs so far
        agrees = F.pad(agrees, (0, 0, 1, 0), value=1)  # (B, N, R): with the pairs before
        counts = (agrees[..., None] * F.one_hot(y, self.prime)).sum(dim=2).float()  # (B, N, V)
        counts = torch.where(counts.sum(dim=2, keepdim=True) > 0, counts, torch.ones_like(counts))
        return counts / counts.sum(dim=2, keepdim=True)
