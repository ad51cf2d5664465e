"""A language model as a distribution over strings: how probable is this one, and do all of them sum to 1? (slide 17)

Works with any model that maps ids to logits: a GPT, an RNN, an n-gram, a table in a lambda.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21.likelihood import at_least_float32

MOST_STRINGS = 2**20


def token_log_probabilities(model: Callable[[Tensor], Tensor], ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T-1"]:
    """Return log P(x_t | x_<t) of every token but the first, in nats, from one pass over all positions.

    The first token is only read: it is the beginning that all the probabilities are conditional on.

    Args:
        model: maps ids (B, T) to logits (B, T, V).
        ids: strings side by side, all of one length.

    Raises:
        ValueError: if the strings have fewer than two tokens, and so nothing to predict.
    """
    if ids.dim() != 2:
        raise ValueError(f"strings must be ids of shape (B, T), got {tuple(ids.shape)}")
    if ids.shape[1] < 2:
        raise ValueError(f"a string needs 2 tokens or more, one to start from and one to predict, got {ids.shape[1]}")
    logs = at_least_float32(model(ids[:, :-1])).log_softmax(dim=-1)  # (B, T-1, V)
    return logs.gather(-1, ids[:, 1:, None].long())[..., 0]


def log_likelihood(model: Callable[[Tensor], Tensor], ids: Int[Tensor, "B T"]) -> Float[Tensor, " B"]:
    """Return log P(x_1 ... x_{T-1} | x_0) of each string, in nats: the chain rule as a sum of logarithms (slide 18).

    Args:
        model: maps ids (B, T) to logits (B, T, V).
        ids: strings side by side, all of one length; the first token is only read.

    Raises:
        ValueError: as `token_log_probabilities`.
    """
    return token_log_probabilities(model, ids).sum(dim=-1)


def enumerate_strings(vocab_size: int, length: int) -> Int[Tensor, "N T"]:
    """Return every string of a length, one a row, in the order of a dictionary; V to the power of T of them.

    Args:
        vocab_size: number of symbols V.
        length: number of symbols T in each string; of length 0 there is one string, the empty one.

    Raises:
        ValueError: if a value is out of range, or there are more than 2 ** 20 strings.
    """
    if vocab_size < 1 or length < 0:
        raise ValueError(f"enumerate_strings needs vocab_size >= 1 and length >= 0, got {vocab_size} and {length}")
    if vocab_size**length > MOST_STRINGS:
        raise ValueError(f"{vocab_size} ** {length} strings are too many to list; at most {MOST_STRINGS:,}")
    # The n-th string is n, written to the base V.
    place_values = vocab_size ** torch.arange(length - 1, -1, -1)
    return torch.arange(vocab_size**length)[:, None] // place_values % vocab_size


def perplexity(nats_per_token: float) -> float:
    """Return e to the mean loss: among how many equally likely tokens the model is, on average, undecided."""
    return math.exp(nats_per_token)


def bits_per_character(nats: float, characters: int) -> float:
    """Spread the total loss of a text over its characters, in bits: a number that no choice of tokens changes.

    Args:
        nats: -log P of the whole text, that is nats per token times the number of tokens.
        characters: length of the same text in characters.

    Raises:
        ValueError: if the text has no characters.
    """
    if characters < 1:
        raise ValueError(f"a text needs at least one character, got {characters}")
    return nats / (characters * math.log(2))
