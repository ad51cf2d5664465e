"""Decoding: the most likely target of a source, by greedy search or beam search."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from lecture21._support.contract import Count, Natural, NonNegative, checked
from lecture21._support.modes import evaluating
from lecture21._support.tensors import at_least_float32
from lecture21.transformer.model import Transformer
from lecture21.transformer.stacks import _DecoderCache


class _Decoded(NamedTuple):
    """One target for each source."""

    ids: Int[Tensor, "B T"]
    """Without `bos`; with `eos`, if it was generated, and padding after it."""
    log_probabilities: Float[Tensor, " B"]
    """ln P(target | source), including `eos`, excluding padding."""


class _Beams(NamedTuple):
    """The best targets of each source, in order of decreasing score."""

    ids: Int[Tensor, "B W T"]
    """As in the result of `greedy_decode`."""
    log_probabilities: Float[Tensor, "B W"]
    """ln P(target | source); -inf if fewer than W targets exist."""
    scores: Float[Tensor, "B W"]
    """The same, divided by ((5 + length) / 6)^alpha, where the length includes `eos`."""


def _length_penalty(length: int | Num[Tensor, "*B"], alpha: float) -> float | Float[Tensor, "*B"]:
    """Return ((5 + length) / 6)^alpha, the divisor of a log-probability, since every further token decreases it.

    Source: Wu et al. 2016, equation 14; Vaswani et al. 2017, section 6.1, with alpha = 0.6.
    """
    return ((5 + length) / 6) ** alpha


@checked
@torch.no_grad()
def greedy_decode(
    model: Transformer,
    source: Int[Tensor, "B S"],
    *,
    bos: Natural,
    eos: Natural,
    max_new: Count,
    use_cache: bool = True,
) -> _Decoded:
    """Generate one target for each source, with the most likely token at each step.

    Args:
        model: used in evaluation mode; its mode is restored.
        source: a batch of sources, padded on the right.
        bos: the token that a target begins with.
        eos: the token that ends a target.
        max_new: longest target, including `eos`; at most the block size.
        use_cache: process each token once, instead of the whole target (and the source) at every step.
    """
    _require(model, source, bos=bos, eos=eos, max_new=max_new)
    source = source.to(next(model.parameters()).device)
    ids = torch.full_like(source[:, :1], bos)
    total = torch.zeros(len(ids), device=ids.device)
    finished = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    cache = model.new_cache() if use_cache else None
    with evaluating(model):
        for _ in range(max_new):
            best, token = _next_token(model, source, ids, cache).max(dim=-1)  # (B,)
            total = total + best.masked_fill(finished, 0.0)
            token = token.masked_fill(finished, model.config.pad)
            ids = torch.cat([ids, token[:, None]], dim=1)
            finished = finished | (token == eos)
            if finished.all():
                break
    return _Decoded(ids[:, 1:], total)


@checked
@torch.no_grad()
def beam_search(
    model: Transformer,
    source: Int[Tensor, "B S"],
    *,
    bos: Natural,
    eos: Natural,
    width: Count,
    max_new: Count,
    alpha: NonNegative = 0.6,
    use_cache: bool = True,
) -> _Beams:
    """Generate several targets for each source, and keep the best `width` of them after every token.

    All continuations of all hypotheses compete by score, together with those that have ended, which stay unchanged.
    Width 1 is `greedy_decode`; with width V^max_new the search is exhaustive.

    Args:
        model: used in evaluation mode; its mode is restored.
        source: a batch of sources, padded on the right.
        bos: the token that a target begins with.
        eos: the token that ends a target.
        width: number W of hypotheses for each source.
        max_new: longest target, including `eos`; at most the block size. A target may not have ended by then.
        alpha: exponent of the length penalty; 0 ranks by probability alone.
        use_cache: as in `greedy_decode`.

    Source: Wu et al. 2016, section 7; Vaswani et al. 2017, section 6.1, with a width of 4.
    """
    _require(model, source, bos=bos, eos=eos, max_new=max_new)
    source = source.to(next(model.parameters()).device)
    n_source = len(source)
    ids = torch.full_like(source[:, :1], bos)  # (B W, T), W = 1 at first
    total = torch.zeros(n_source, 1, device=ids.device)  # (B, W)
    length = torch.zeros_like(total, dtype=torch.long)
    finished = torch.zeros_like(total, dtype=torch.bool)
    cache = model.new_cache() if use_cache else None
    with evaluating(model):
        for step in range(1, max_new + 1):
            following = _next_token(model, source, ids, cache).unflatten(0, total.shape)  # (B, W, V)
            # An ended hypothesis has one continuation, padding, with probability 1.
            ended = torch.full_like(following, -torch.inf)
            ended[..., model.config.pad] = 0.0
            following = torch.where(finished[..., None], ended, following)
            length = length.masked_fill(~finished, step)

            total = total[..., None] + following  # (B, W, V)
            scores = (total / _length_penalty(length.to(total.dtype), alpha)[..., None]).flatten(1)
            scores, best = scores.topk(min(width, scores.shape[1]))  # (B, W)
            origin, token = best // following.shape[-1], best % following.shape[-1]
            total, length = total.flatten(1).gather(1, best), length.gather(1, origin)
            finished = finished.gather(1, origin) | (token == eos)

            first_row = torch.arange(n_source, device=ids.device)[:, None] * following.shape[1]
            rows = (first_row + origin).flatten()
            ids = torch.cat([ids[rows], token.flatten()[:, None]], dim=1)
            if finished.all():
                break
            source = source[rows]
            if cache is not None:
                cache.select(rows)
    return _Beams(ids[:, 1:].unflatten(0, total.shape), total, scores)


def _require(model: Transformer, source: Int[Tensor, "B S"], *, bos: int, eos: int, max_new: int) -> None:
    for name, token in (("bos", bos), ("eos", eos)):
        if token >= model.vocab_size:
            raise ValueError(f"{name} must be in the target vocabulary, 0..{model.vocab_size - 1}, got {token}")
    if eos == model.config.pad:
        raise ValueError(f"eos must differ from pad, got {eos} for both: the end would look like the padding after it")
    if max_new > model.block_size:
        raise ValueError(f"max_new must be at most the block size {model.block_size}, got {max_new}")


def _next_token(
    model: Transformer, source: Int[Tensor, "B S"], ids: Int[Tensor, "B T"], cache: _DecoderCache | None
) -> Float[Tensor, "B V"]:
    """Return ln P(next token | source, ids)."""
    unread = ids if cache is None else ids[:, len(cache) :]
    logits = at_least_float32(model(source, unread, cache)[:, -1])
    logs = logits.log_softmax(dim=-1)
    if logs.isnan().any():  # if a logit is NaN or infinite
        raise ValueError("the logits are not numbers (NaN): did the training of this model diverge?")
    return logs
