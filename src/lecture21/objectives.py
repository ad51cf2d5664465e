"""What a model is asked to restore: the next token, masked tokens, or a text from its noisy copy.

A GPT, a BERT and a BART are built from the same blocks. What is in this room, and the mask, is all that sets them
apart: `causal_shift` is GPT's objective, `mask_tokens` is BERT's, and the noises below it are BART's. Each function
draws from the generator that it is given, so that a seed fixes the result.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Generator, Tensor

# Where a target is not to be predicted; what torch's cross-entropy leaves out by default.
IGNORE = -100


def causal_shift(ids: Int[Tensor, "B N"]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Make every token the target of all that stands before it: inputs `ids[:, :-1]`, targets `ids[:, 1:]`.

    Raises:
        ValueError: if a sequence has fewer than two tokens.

    Source: slide 18; Radford et al. 2018, equation 1.
    """
    if ids.shape[1] < 2:
        raise ValueError(f"a shift needs sequences of at least 2 tokens, got {ids.shape[1]}")
    return ids[:, :-1], ids[:, 1:]


def shift_right(targets: Int[Tensor, "B T"], bos: int) -> Int[Tensor, "B T"]:
    """Return what a decoder reads to predict `targets`: `bos` first, and the last token left out.

    Source: Vaswani et al. 2017, section 3.1, "offset by one position".
    """
    return torch.cat([torch.full_like(targets[:, :1], bos), targets[:, :-1]], dim=1)


def pad_batch(sequences: Sequence[Sequence[int] | Int[Tensor, " N"]], pad: int) -> Int[Tensor, "B T"]:
    """Stand sequences of different lengths side by side, the shorter ones filled up at the right.

    Raises:
        ValueError: if there is no sequence.
    """
    if not sequences:
        raise ValueError("a batch needs at least one sequence, got none")
    rows = [torch.as_tensor(sequence, dtype=torch.long) for sequence in sequences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)


def mask_tokens(
    ids: Int[Tensor, "*B T"],
    *,
    vocab_size: int,
    mask: int,
    special: Sequence[int] = (),
    rate: float = 0.15,
    generator: Generator | None = None,
) -> tuple[Int[Tensor, "*B T"], Int[Tensor, "*B T"]]:
    """Hide some tokens, for a model that reads both sides of a gap to restore them.

    Each token is chosen with probability `rate`. Of those chosen, 80 % become `mask`, 10 % a random token and 10 % stay
    as they are: later, no text that the model reads has a mask in it.

    Args:
        ids: token ids.
        vocab_size: number of distinct tokens V.
        mask: the id that stands for a hidden token.
        special: other ids that are never chosen and never drawn, such as padding.
        rate: probability of choosing a token.
        generator: source of the draws; torch's own if not given.

    Returns:
        The inputs, and the targets: the tokens that were chosen, and `IGNORE` everywhere else.

    Raises:
        ValueError: if `rate` is not in [0, 1], or `mask` and `special` leave no token to draw.

    Source: Devlin et al. 2019, section 3.1.
    """
    _require_rate(rate)
    reserved = torch.tensor([mask, *special])
    words = torch.arange(vocab_size)
    words = words[~torch.isin(words, reserved)]
    if not len(words):
        raise ValueError(f"a vocabulary of {vocab_size} has no token to draw beside {sorted({mask, *special})}")
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~torch.isin(ids, reserved)
    # One more draw decides what becomes of a chosen token.
    fate = torch.rand(ids.shape, generator=generator)
    drawn = words[torch.randint(len(words), ids.shape, generator=generator)].to(ids.dtype)
    inputs = ids.masked_fill(chosen & (fate < 0.8), mask)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, inputs)
    return inputs, ids.masked_fill(~chosen, IGNORE)


def blank_tokens(
    ids: Int[Tensor, " N"], *, mask: int, rate: float, generator: Generator | None = None
) -> Int[Tensor, " N"]:
    """Put `mask` in the place of each token with probability `rate`.

    Raises:
        ValueError: if `rate` is not in [0, 1].

    Source: Lewis et al. 2020, section 2.2, "token masking".
    """
    _require_rate(rate)
    return ids.masked_fill(torch.rand(ids.shape, generator=generator) < rate, mask)


def delete_tokens(ids: Int[Tensor, " N"], *, rate: float, generator: Generator | None = None) -> Int[Tensor, " K"]:
    """Leave out each token with probability `rate`; the model has to find out where something is missing.

    Raises:
        ValueError: if `rate` is not in [0, 1].

    Source: Lewis et al. 2020, section 2.2, "token deletion".
    """
    _require_rate(rate)
    return ids[torch.rand(ids.shape, generator=generator) >= rate]


def infill_text(
    ids: Int[Tensor, " N"], *, mask: int, rate: float = 0.3, mean: float = 3.0, generator: Generator | None = None
) -> Int[Tensor, " K"]:
    """Replace spans of text by a single mask each; the model has to find out how much is missing.

    Lengths are drawn from a Poisson distribution until they add up to the share `rate` of the tokens, rounded; the last
    span is cut to fit. The spans then fall anywhere, all placements that do not overlap being equally likely. A span
    of length 0 is a mask where nothing is missing.

    Args:
        ids: token ids of one text.
        mask: the id that stands for a span.
        rate: share of the tokens that go.
        mean: mean length of a span before the cut.
        generator: source of the draws; torch's own if not given.

    Raises:
        ValueError: if `rate` is not in [0, 1], or `mean` is below 0.1 or not finite: shorter spans hardly ever hold a
            token, and the text would never fill.

    Source: Lewis et al. 2020, section 2.2, "text infilling".
    """
    _require_rate(rate)
    if not 0.1 <= mean < float("inf"):
        raise ValueError(f"mean must be at least 0.1 and finite, got {mean}")
    left = round(rate * len(ids))
    kept = len(ids) - left
    lengths: list[int] = []
    while left > 0:
        length = min(left, int(torch.poisson(torch.tensor(mean), generator=generator)))
        lengths.append(length)
        left -= length
    # Shuffle spans and kept tokens as the places of the new text, and then fill the places from the old one, in order.
    width = torch.tensor([1] * kept + lengths, dtype=torch.long)
    order = torch.randperm(len(width), generator=generator)
    width = width[order]
    begin = width.cumsum(0) - width  # (K,): where in `ids` each place begins
    is_span = order >= kept
    out = torch.full_like(begin, mask, dtype=ids.dtype)
    out[~is_span] = ids[begin[~is_span]]
    return out


def permute_segments(ids: Int[Tensor, " N"], *, end: int, generator: Generator | None = None) -> Int[Tensor, " N"]:
    """Shuffle the segments of a text; each ends with the token `end`, and what follows the last one is a segment too.

    Source: Lewis et al. 2020, section 2.2, "sentence permutation".
    """
    cuts = (ids == end).nonzero().flatten() + 1
    segments = [segment for segment in ids.tensor_split(cuts) if len(segment)]
    order = torch.randperm(len(segments), generator=generator).tolist()
    return torch.cat([ids[:0], *(segments[i] for i in order)])


def _require_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be in [0, 1], got {rate}")
