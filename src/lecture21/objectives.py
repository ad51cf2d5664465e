"""Training objectives and likelihoods: next-token, masked and denoising targets, cross-entropy, log-probabilities."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

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
    generator: torch.Generator | None = None,
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


def infill_text(
    ids: Int[Tensor, " N"], *, mask: int, rate: float = 0.3, mean: float = 3.0, generator: torch.Generator | None = None
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


def _require_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be in [0, 1], got {rate}")


def at_least_float32(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Widen half precision, in which a softmax over a vocabulary loses too much; leave float64 as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_vocabulary(ids: Int[Tensor, "*S"], vocab_size: int) -> None:
    """Raise ValueError if some id is not in 0 ... vocab_size - 1.

    On an accelerator the check would wait for the device at every step; there, torch's own assert answers.
    """
    if ids.device.type == "cpu" and ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"token ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{vocab_size - 1}")


def token_cross_entropy(
    logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"], *, ignore: int | None = None
) -> Float[Tensor, ""]:
    """Return the mean of -log P(target) over all tokens, in nats.

    Args:
        logits: scores of every token at every position.
        targets: what follows at each position.
        ignore: a target that does not count, such as padding; where nothing else is left the mean is not a number.

    Raises:
        ValueError: if a target is outside the vocabulary.
    """
    targets = targets.long()
    if targets.device.type == "cpu":  # elsewhere, choosing the targets that count would wait for the device too
        require_vocabulary(targets if ignore is None else targets[targets != ignore], logits.shape[-1])
    skip = -100 if ignore is None else ignore  # torch's own default
    return F.cross_entropy(at_least_float32(logits).flatten(0, 1), targets.flatten(), ignore_index=skip)


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
