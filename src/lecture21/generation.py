"""From logits to text: greedy decoding, temperature, top-k, top-p, one token after the other.

Works with any model that maps ids to logits: a GPT, an RNN, an n-gram.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Natural, Seed, Share, checked
from lecture21._support.modes import evaluating
from lecture21._support.tensors import at_least_float32
from lecture21._support.validation import in_range

Temperature = Annotated[
    int | float, in_range(0, ends="()")._replace(words="a positive number; for the limit 0 use greedy=True")
]


@checked
def next_token_probabilities(
    logits: Float[Tensor, "*B V"],
    *,
    temperature: Temperature = 1.0,
    top_k: Count | None = None,
    top_p: Share | None = None,
) -> Float[Tensor, "*B V"]:
    """Return the distribution that the next token is sampled from.

    Temperature is applied first, then top-k, then top-p to the rest; excluded tokens have probability exactly 0.

    Args:
        logits: one row of scores for each sequence.
        temperature: divides the logits; below 1 sharpens the distribution, above 1 flattens it.
        top_k: keep the k most likely tokens (and those that tie with the k-th).
        top_p: keep the fewest most likely tokens that together reach this probability.

    Source: Fan et al. 2018 (top-k); Holtzman et al. 2020 (top-p).
    """
    if top_k is not None and top_k > logits.shape[-1]:
        raise ValueError(f"top_k must be at most the vocabulary size {logits.shape[-1]}, got {top_k}")
    largest = logits.amax(dim=-1, keepdim=True)  # NaN if one of them is
    if not largest.isfinite().all():
        worst = largest[~largest.isfinite()][0]
        raise ValueError(f"the largest logit is {worst}, not a number: did the training of this model diverge?")
    # With the largest logit at 0, the others can only go to -inf, however small the temperature.
    logits = (logits - largest) / max(temperature, torch.finfo(logits.dtype).tiny)
    if top_k is not None:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if top_p is not None:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        # A token is excluded if those before it already reach top_p.
        excluded = ordered.cumsum(dim=-1) - ordered >= top_p
        excluded[..., 0] = False  # a top_p that rounds to 0 would exclude all
        excluded = torch.zeros_like(excluded).scatter(-1, order, excluded)
        probabilities = probabilities.masked_fill(excluded, 0.0)
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return probabilities


@checked
@dataclass(frozen=True)
class Sampling:
    """How the tokens of a text are chosen; `generate` and `stream` take the same options."""

    temperature: Temperature = 1.0
    """See `next_token_probabilities`, as for `top_k` and `top_p`."""
    top_k: Count | None = None
    """Keep the k most likely tokens."""
    top_p: Share | None = None
    """Keep the most likely tokens that together reach this probability."""
    greedy: bool = False
    """Take the most likely token at each step instead of sampling."""
    seed: Seed | None = None
    """Makes sampling repeatable without changing torch's global state."""
    use_cache: bool = True
    """Process each token once, if the model has a cache, instead of the whole context at every step."""
    eos: Natural | None = None
    """The token that ends a text. A text that has ended is continued with this token, until all have ended."""

    def _next_token(self, logits: Float[Tensor, "B V"], generator: torch.Generator | None) -> Int[Tensor, "B 1"]:
        probabilities = next_token_probabilities(
            at_least_float32(logits), temperature=self.temperature, top_k=self.top_k, top_p=self.top_p
        )
        if self.greedy:
            return probabilities.argmax(dim=-1, keepdim=True)
        return torch.multinomial(probabilities, 1, generator=generator)


@torch.no_grad()
def _steps(
    model: Callable[[Tensor], Tensor], ids: Int[Tensor, "B T"], n_new: int, sampling: Sampling
) -> Iterator[Int[Tensor, "B 1"]]:
    """Yield the new tokens one step at a time, with the model in whatever mode it is."""
    if ids.shape[1] < 1:
        raise ValueError(f"ids must have at least one token to continue, got shape {tuple(ids.shape)}")
    device = next(model.parameters(), ids).device if isinstance(model, nn.Module) else ids.device
    ids = ids.to(device)
    generator = None if sampling.seed is None else torch.Generator(device).manual_seed(sampling.seed)
    # An RNN has no limit, though its training windows have; the context of other models is limited to their block.
    limit = getattr(model, "context_limit", getattr(model, "block_size", None))
    cache = model.new_cache() if sampling.use_cache and hasattr(model, "new_cache") else None
    ended = torch.zeros(len(ids), 1, dtype=torch.bool, device=device)
    token = ids
    for _ in range(n_new):
        if cache is not None and (limit is None or ids.shape[1] <= limit):
            logits = model(token, cache)
        else:
            cache = None  # beyond the block all positions shift, and the cached keys are no longer valid
            logits = model(ids if limit is None else ids[:, -limit:])
        token = sampling._next_token(logits[:, -1], generator)
        if sampling.eos is not None:
            if sampling.eos >= logits.shape[-1]:
                raise ValueError(f"eos must be in the vocabulary 0..{logits.shape[-1] - 1}, got {sampling.eos}")
            token = token.masked_fill(ended, sampling.eos)
            ended = ended | (token == sampling.eos)
        ids = torch.cat([ids, token], dim=1)
        yield token
        if sampling.eos is not None and ended.all():
            return


@checked
def stream(
    model: Callable[[Tensor], Tensor], ids: Int[Tensor, "B T"], n_new: Natural, sampling: Sampling | None = None
) -> Iterator[Int[Tensor, "B 1"]]:
    """Yield the tokens of `generate` one step at a time.

    The model is in evaluation mode during each step only, so that it can be used and trained between two tokens.
    """
    steps = _steps(model, ids, n_new, Sampling() if sampling is None else sampling)
    while True:
        with evaluating(model):
            token = next(steps, None)
        if token is None:
            return
        yield token


@checked
def generate(
    model: Callable[[Tensor], Tensor],
    ids: Int[Tensor, "B T"],
    n_new: Natural,
    *,
    temperature: Temperature = 1.0,
    top_k: Count | None = None,
    top_p: Share | None = None,
    greedy: bool = False,
    seed: Seed | None = None,
    use_cache: bool = True,
    eos: Natural | None = None,
) -> Int[Tensor, "B S"]:
    """Continue a batch of prompts, and return prompts and continuations.

    The options are the fields of `Sampling`. With bfloat16 weights on a CPU, a single text is generated faster inside
    `torch.backends.mkldnn.flags(enabled=False)`. All threads share a model's mode and torch's random numbers: without a
    seed, or with a model in training mode, generate in one thread at a time.

    Args:
        model: maps ids (B, T) to logits (B, T, V). With a `block_size`, its input is the last tokens that fit.
        ids: the prompts, at least one token each; they may be longer than the block.
        n_new: number of tokens to add; fewer are added if all texts end with `eos`.
    """
    sampling = Sampling(temperature, top_k, top_p, greedy, seed, use_cache, eos)
    with evaluating(model):
        new = [token.to(ids.device) for token in _steps(model, ids, n_new, sampling)]
    return torch.cat([ids, *new], dim=1)
