"""Training objectives and likelihoods: next-token and masked targets, cross-entropy, log-probabilities."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, Count, Natural, NonNegative, Probability, checked
from lecture21._support.tensors import at_least_float32, require_vocabulary

IGNORE = -100
"""Targets equal to this are excluded from the loss."""


@checked
def shift_right(targets: Int[Tensor, "B T"], bos: Natural) -> Int[Tensor, "B T"]:
    """Return the decoder inputs for `targets`: `bos` first, and without the last token.

    Source: Vaswani et al. 2017, section 3.1, "offset by one position".
    """
    return torch.cat([torch.full_like(targets[:, :1], bos), targets[:, :-1]], dim=1)


@checked
def pad_batch(
    sequences: Annotated[Sequence[Sequence[int] | Int[Tensor, " N"]], NOT_EMPTY], pad: int
) -> Int[Tensor, "B T"]:
    """Stack sequences of different lengths, padded on the right."""
    rows = [torch.as_tensor(sequence).long() for sequence in sequences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)


@checked
def mask_tokens(
    ids: Int[Tensor, "*B T"],
    *,
    vocab_size: Count,
    mask: Natural,
    special: Sequence[Natural] = (),
    rate: Probability = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "*B T"], Int[Tensor, "*B T"]]:
    """Mask some tokens, for a model that predicts them from the tokens on both sides.

    Each token is selected with probability `rate`. Of those selected, 80 % become `mask`, 10 % a random token and 10 %
    remain unchanged, since the text that the model is later used on has no masks.

    Args:
        ids: token ids.
        vocab_size: number of distinct tokens V.
        mask: id of the mask token.
        special: other ids that are never selected and never drawn, such as padding.
        rate: probability of selecting a token.
        generator: source of random numbers; torch's global one if not given.

    Returns:
        The inputs, and the targets: the selected tokens, and `IGNORE` everywhere else.

    Source: Devlin et al. 2019, section 3.1.
    """
    for name, token in (("mask", mask), *(("special", token) for token in special)):
        if token >= vocab_size:
            raise ValueError(f"{name} must be in the vocabulary, 0..{vocab_size - 1}, got {token}")
    require_vocabulary(ids, vocab_size)
    reserved = torch.tensor([mask, *special])
    words = torch.arange(vocab_size)
    words = words[~torch.isin(words, reserved)]
    if not len(words):
        given = f"mask={mask} and special={list(special)}"
        raise ValueError(f"a vocabulary of {vocab_size} must have tokens to draw besides {given}")
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~torch.isin(ids, reserved)
    fate = torch.rand(ids.shape, generator=generator)
    drawn = words[torch.randint(len(words), ids.shape, generator=generator)].to(ids.dtype)
    inputs = ids.masked_fill(chosen & (fate < 0.8), mask)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, inputs)
    return inputs, ids.masked_fill(~chosen, IGNORE)


@checked
def token_cross_entropy(
    logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"], *, ignore: int | None = None
) -> Float[Tensor, ""]:
    """Return the mean of -log P(target) over all tokens, in nats.

    Args:
        logits: scores of every token at every position.
        targets: the next token of each position.
        ignore: targets equal to this, such as padding, are excluded from the mean.
    """
    if targets.device.type == "cpu":  # elsewhere, selecting the targets would wait for the device
        counted = targets if ignore is None else targets[targets != ignore]
        if targets.numel() and not counted.numel():
            raise ValueError(f"no target is left to predict: all of them are {ignore}")
        require_vocabulary(counted, logits.shape[-1])
    skip = IGNORE if ignore is None else ignore  # torch's own default
    return F.cross_entropy(at_least_float32(logits).flatten(0, 1), targets.long().flatten(), ignore_index=skip)


@checked
def token_log_probabilities(logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """Return log P(target) at each position, in nats, in at least float32.

    Args:
        logits: scores of every token at every position.
        targets: the next token of each position.
    """
    require_vocabulary(targets, logits.shape[-1])
    return at_least_float32(logits).log_softmax(dim=-1).gather(-1, targets[..., None].long())[..., 0]


@checked
def log_likelihood(model: Callable[[Tensor], Tensor], ids: Int[Tensor, "B T"]) -> Float[Tensor, " B"]:
    """Return log P(x_1 ... x_{T-1} | x_0) of each string, in nats: the chain rule as a sum of logarithms (slide 18).

    Args:
        model: maps ids (B, T) to logits (B, T, V).
        ids: strings of one length; the first token is the condition and is not predicted.
    """
    if ids.shape[1] < 2:
        raise ValueError(f"ids must have an input and a target, at least 2 tokens, got {tuple(ids.shape)}")
    return token_log_probabilities(model(ids[:, :-1]), ids[:, 1:]).sum(dim=-1)


@checked
def bits_per_character(nats: NonNegative, characters: Count) -> float:
    """Return the loss of a text in bits per character, which can be compared across tokenizers.

    Args:
        nats: -log P of the whole text, that is nats per token times the number of tokens.
        characters: length of the same text in characters.
    """
    return nats / (characters * math.log(2))
