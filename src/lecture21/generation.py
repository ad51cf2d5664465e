"""From logits to text: greedy choice, temperature, top-k, top-p, one token after the other.

Works with any model that maps ids to logits: a GPT, an RNN, an n-gram.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.modes import evaluating
from lecture21.objectives import at_least_float32


def next_token_probabilities(
    logits: Float[Tensor, "*B V"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[Tensor, "*B V"]:
    """Turn logits into the distribution that the next token is drawn from.

    Temperature first, then top-k, then top-p on what is left; what was cut has probability exactly 0.

    Args:
        logits: one row of scores for each sequence.
        temperature: divides the logits; below 1 sharpens, above 1 flattens.
        top_k: keep the k most likely tokens (and those that tie with the k-th).
        top_p: keep the fewest most likely tokens that together reach this probability.

    Raises:
        ValueError: naming the value that is out of range.

    Source: Fan et al. 2018 (top-k); Holtzman et al. 2020 (top-p).
    """
    vocab_size = logits.shape[-1]
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature must be positive and finite, got {temperature}; for the limit 0 use greedy")
    if top_k is not None and not 1 <= top_k <= vocab_size:
        raise ValueError(f"top_k must be between 1 and the vocabulary size {vocab_size}, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be in (0, 1], got {top_p}")
    largest = logits.amax(dim=-1, keepdim=True)  # NaN if one of them is
    if not largest.isfinite().all():
        worst = largest[~largest.isfinite()][0]
        raise ValueError(f"the largest logit is {worst}, not a number: did the training of this model diverge?")
    # With the largest at 0 the others can only fall to -inf, however small the temperature.
    logits = (logits - largest) / max(temperature, torch.finfo(logits.dtype).tiny)
    if top_k is not None:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if top_p is not None:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        # A token stays while those before it have not yet reached top_p, so that the first one always stays.
        before = ordered.cumsum(dim=-1) - ordered
        cut = torch.zeros_like(probabilities, dtype=torch.bool).scatter(-1, order, before >= top_p)
        probabilities = probabilities.masked_fill(cut, 0.0)
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return probabilities


@contextmanager
def _kernels_for(ids: Int[Tensor, "B T"], dtype: torch.dtype) -> Iterator[None]:
    """Choose how a bfloat16 matrix meets a single vector on a CPU: oneDNN repacks it first, torch itself does not.

    A token then costs about half; `benchmarks/generation.py` measures it.
    """
    if ids.device.type != "cpu" or dtype != torch.bfloat16 or ids.numel() > 1:
        yield
        return
    enabled = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = enabled


@torch.no_grad()
def stream(
    model: Callable[[Tensor], Tensor],
    ids: Int[Tensor, "B T"],
    n_new: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    seed: int | None = None,
    use_cache: bool = True,
    eos: int | None = None,
) -> Iterator[Int[Tensor, "B 1"]]:
    """Yield the new tokens one step at a time; arguments as in `generate`."""
    if ids.dim() != 2:
        raise ValueError(f"the prompts must be ids of shape (B, T), got {tuple(ids.shape)}")
    if ids.shape[1] < 1:
        raise ValueError("the prompt is empty: a model needs at least one token to go on from")
    if n_new < 0:
        raise ValueError(f"n_new must be >= 0, got {n_new}")
    if seed is not None and not 0 <= seed < 2**63:
        raise ValueError(f"seed must be between 0 and 2 ** 63 - 1, got {seed}")
    first = next(model.parameters(), ids) if isinstance(model, nn.Module) else ids
    device = first.device
    ids = ids.to(device)
    generator = None if seed is None else torch.Generator(device).manual_seed(seed)
    # An RNN's state has no limit, though its training windows have; everything else forgets what lies before its block.
    limit = getattr(model, "context_limit", getattr(model, "block_size", None))
    done = torch.zeros(len(ids), 1, dtype=torch.bool, device=device)
    cache = model.new_cache() if use_cache and hasattr(model, "new_cache") else None
    with evaluating(model):
        unread = ids
        for _ in range(n_new):
            if cache is not None and (limit is None or ids.shape[1] <= limit):
                with _kernels_for(unread, first.dtype):
                    logits = model(unread, cache)
            else:
                # Past the block every token moves to a new position, and what was cached no longer holds.
                cache = None
                logits = model(ids if limit is None else ids[:, -limit:])
            last = at_least_float32(logits[:, -1])
            probabilities = next_token_probabilities(last, temperature=temperature, top_k=top_k, top_p=top_p)
            if greedy:
                unread = probabilities.argmax(dim=-1, keepdim=True)
            else:
                unread = torch.multinomial(probabilities, 1, generator=generator)
            if eos is not None:
                if not 0 <= eos < last.shape[-1]:
                    raise ValueError(f"eos must be in the vocabulary 0..{last.shape[-1] - 1}, got {eos}")
                unread = unread.masked_fill(done, eos)
                done = done | (unread == eos)
            ids = torch.cat([ids, unread], dim=1)
            yield unread
            if eos is not None and done.all():
                return


def generate(
    model: Callable[[Tensor], Tensor],
    ids: Int[Tensor, "B T"],
    n_new: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    seed: int | None = None,
    use_cache: bool = True,
    eos: int | None = None,
) -> Int[Tensor, "B S"]:
    """Continue a batch of prompts, and return prompt and continuation together.

    Args:
        model: maps ids (B, T) to logits (B, T, V). With a `block_size`, it is shown the last so many tokens.
        ids: the prompts, at least one token each; they may be longer than the block.
        n_new: tokens to add.
        temperature: see `next_token_probabilities`, as for `top_k` and `top_p`.
        top_k: keep the k most likely tokens.
        top_p: keep the most likely tokens that together reach this probability.
        greedy: take the most likely token at each step instead of drawing one.
        seed: makes the draw repeatable without touching torch's global state.
        use_cache: read each token once (where the model has a cache) instead of the whole context at every step.
        eos: the token that ends a text. A prompt that has reached it gets nothing but more of it, and once all have,
            fewer than `n_new` tokens are added.

    Raises:
        ValueError: if the prompt is empty, or a value is out of range.
    """
    new = stream(
        model,
        ids,
        n_new,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        greedy=greedy,
        seed=seed,
        use_cache=use_cache,
        eos=eos,
    )
    return torch.cat([ids, *(token.to(ids.device) for token in new)], dim=1)
