"""An n-gram model: counts instead of gradient descent, as a baseline for every GPT."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, checked
from lecture21._support.tensors import require_vocabulary


class _Counts(NamedTuple):
    """Counts of what followed each context of one length in training, with sorted codes for binary search."""

    ngrams: Int[Tensor, " G"]  # codes of context and next token together
    times: Int[Tensor, " G"]  # c(hw): how often the next token w followed the context h
    contexts: Int[Tensor, " S"]
    totals: Int[Tensor, " S"]  # c(h.): how often anything followed h
    distinct: Int[Tensor, " S"]  # N1+(h.): how many different tokens followed h


class NGram(nn.Module):
    """Predict the next token from how often it followed the last few, by Witten-Bell interpolation.

    p(w|h) = (c(hw) + N1+(h.) p(w|h')) / (c(h.) + N1+(h.)), where h' is h without its oldest token, c(hw) is the
    number of times w followed h, c(h.) the number of times any token did, and N1+(h.) the number of different tokens
    that did. The recursion ends below the unigram, at the uniform 1/V. A context without counts has the probabilities
    of the shorter one.

    It is called like a GPT, so that `evaluate` and `generate` work on it. It has no parameters, its counts stay on
    the CPU, and `block_size` is None, since it accepts a window of any length.

    Args:
        order: n, the number of tokens that are counted together; the context has n - 1 tokens. 1 is the unigram.
        vocab_size: number of token ids V.

    Witten-Bell smoothing is simple; modified Kneser-Ney smoothing is better (table `kneser_ney`).

    Source: Chen & Goodman 1998, An Empirical Study of Smoothing Techniques for Language Modeling (TR-10-98,
    Harvard), on Witten-Bell smoothing; Witten & Bell 1991, method C.
    """

    block_size = None

    @checked
    def __init__(self, order: Count, vocab_size: Count):
        super().__init__()
        if order * math.log2(vocab_size) > 63:
            raise ValueError(
                f"NGram codes an n-gram as one 63-bit integer, so vocab_size ** order may be at most 2 ** 63, "
                f"got {vocab_size} ** {order}"
            )
        self.order = order
        self.context_limit = max(order - 1, 1)  # what `generate` reads: no more changes a prediction
        self.vocab_size = vocab_size
        self._counts: list[_Counts] = []  # by length of the context: 0, 1, ... order - 1

    @checked
    def fit(self, tokens: Int[Tensor, " N"]) -> "NGram":
        """Count every n-gram of `tokens`, in place of any earlier counts, and return the model."""
        tokens = self._checked(tokens)
        if len(tokens) < self.order:
            raise ValueError(f"an NGram of order {self.order} needs {self.order} tokens or more, got {len(tokens)}")
        self._counts = []
        for length in range(self.order):
            ngrams, times = self._codes(tokens, length + 1).unique(return_counts=True)
            contexts, index, distinct = (ngrams // self.vocab_size).unique_consecutive(
                return_inverse=True, return_counts=True
            )
            totals = torch.zeros_like(contexts).index_add_(0, index, times)
            self._counts.append(_Counts(ngrams, times, contexts, totals, distinct))
        return self

    @checked
    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the log-probability of each next token, given each position and the tokens before it in its row.

        Log-probabilities are logits that are already normalized: their softmax is their exponential.
        """
        return self._probabilities(ids, torch.arange(self.vocab_size)).log().float().to(ids.device)

    @checked
    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean negative log-probability of the targets, in nats."""
        targets = self._checked(targets)
        return -self._probabilities(ids, targets[..., None]).log().mean().float().to(ids.device)

    def _probabilities(self, ids: Int[Tensor, "B T"], words: Int[Tensor, "*#BT W"]) -> Float[Tensor, "B T W"]:
        """Return p(w|h) for each candidate w in `words`, where h are the tokens up to a position."""
        if not self._counts:
            raise ValueError("this NGram has no counts yet: call fit(tokens) first")
        ids = self._checked(ids)
        shape = (*ids.shape, words.shape[-1])
        words = words.expand(shape)
        p = torch.full(shape, 1 / self.vocab_size, dtype=torch.float64)
        for length, counts in enumerate(self._counts[: ids.shape[1] + 1]):
            first = max(length - 1, 0)  # the first position with a context of this length
            shorter = p[:, first:]
            context = self._codes(ids, length)[:, : shorter.shape[1], None]
            total, distinct = (_find(counts.contexts, context, n) for n in (counts.totals, counts.distinct))
            times = _find(counts.ngrams, context * self.vocab_size + words[:, first:], counts.times)
            mixed = (times + distinct * shorter) / (total + distinct)
            p[:, first:] = torch.where(total > 0, mixed, shorter)  # 0 / 0 for a context without counts
        return p

    def _codes(self, ids: Int[Tensor, "*B T"], length: int) -> Int[Tensor, "*B N"]:
        """Encode each run of `length` ids as one number in base V, the oldest id first."""
        n = ids.shape[-1] - length + 1  # there are T + 1 runs of length 0
        codes = torch.zeros(*ids.shape[:-1], n, dtype=torch.int64)
        for start in range(length):
            codes = codes * self.vocab_size + ids[..., start : start + n]
        return codes

    def _checked(self, ids: Int[Tensor, "*B T"]) -> Int[Tensor, "*B T"]:
        """Return ids on the CPU as int64; an id outside the vocabulary would have the code of another n-gram."""
        ids = ids.cpu().long()
        require_vocabulary(ids, self.vocab_size)
        return ids


def _find(codes: Int[Tensor, " G"], wanted: Int[Tensor, "*N"], values: Int[Tensor, " G"]) -> Int[Tensor, "*N"]:
    """Return the value of each wanted code in a table of sorted codes; 0 if it is missing."""
    # contiguous, since searchsorted warns when it has to make a copy.
    index = torch.searchsorted(codes, wanted.contiguous()).clamp_(max=len(codes) - 1)
    return torch.where(codes[index] == wanted, values[index], 0)
