"""Exercises of chapter 07: a bigram model, and one causal head."""

import math
import random

import torch.nn.functional as F
from torch import nn

from lecture21.exercises._exercise import Case, Exercise, normal
from lecture21.exercises._modules import random_weights, with_weights
from lecture21.layers.attention import causal_mask

# 7.1


class _Bigram(nn.Module):
    """A language model that predicts the next token from the current one alone.

    Its only layer, `token`, is an `nn.Embedding` with V rows of V numbers, where row i holds the
    logits of the token that follows token i.
    """

    def __init__(self, vocab_size):
        super().__init__()
        self.token = nn.Embedding(vocab_size, vocab_size)

    def forward(self, ids):
        """Return the logits of the next tokens, (B, T, V), for ids of shape (B, T)."""
        return self.token(ids)

    def loss(self, ids, targets):
        """Return the mean cross-entropy of the targets, (B, T), in nats per token."""
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())


def _bigram_cases(rng: random.Random) -> list[Case]:
    def case(about: str, v: int, *shape: int) -> Case:
        ids = [normal(rng, *shape).mul(99).long() % v for _ in range(2)]
        return Case((random_weights(rng, _Bigram, v), *ids), about)

    v, b, t = rng.randint(5, 9), rng.randint(2, 3), rng.randint(4, 6)
    return [case("V = 3 and a single token", 3, 1, 1), case(f"V = {v}, B = {b}, T = {t}", v, b, t)]


def _use_bigram(answer, weights, ids, targets):
    model = with_weights(answer, (len(weights["token.weight"]),), weights)
    return model.loss(ids, targets), model(ids)


_BIGRAM = Exercise(
    number="7.1",
    name="Bigram",
    title="a bigram table",
    solution=_Bigram,
    cases=_bigram_cases,
    call=_use_bigram,
    returns=("the loss", "the logits"),
)


@_BIGRAM.mistake(
    looks="The loss falls slowly and stays near ln V: all 'logits' are between 0 and 1.",
    hint="your forward returns probabilities. F.cross_entropy applies the softmax itself, so what must it be given?",
)
class _softmax_twice(_Bigram):
    def forward(self, ids):
        return self.token(ids).softmax(dim=-1)


@_BIGRAM.mistake(
    looks="It runs, because the shape (B, V, T) is allowed, but the logits of one token are spread over several.",
    hint="your loss uses reshape or view to swap dimensions, but they move no numbers. Which function swaps T and V? "
    "Alternatively, flatten B and T and leave V last.",
)
class _reshaped_instead_of_transposed(_Bigram):
    def loss(self, ids, targets):
        logits = self(ids)  # (B, T, V)
        return F.cross_entropy(logits.reshape(len(ids), logits.shape[-1], -1), targets)


@_BIGRAM.mistake(
    looks="The loss falls far below that of counting, and the model repeats one letter forever.",
    hint="your loss compares the logits with ids. Which tensor holds the next tokens?",
)
class _predicts_its_input(_Bigram):
    def loss(self, ids, targets):
        return F.cross_entropy(self(ids).flatten(0, 1), ids.flatten())


@_BIGRAM.mistake(
    looks="The loss is in the thousands and grows with the size of the batch, as do the steps of plain SGD.",
    hint="your loss is a sum over the tokens. Which reduction makes it independent of B and T?",
)
class _sum_instead_of_mean(_Bigram):
    def loss(self, ids, targets):
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten(), reduction="sum")


@_BIGRAM.mistake(
    looks="The loss falls slowly and stays near ln V, although the logits are correct.",
    hint="your loss applies a softmax before F.cross_entropy, which contains one. What must it be given?",
)
class _softmax_in_the_loss(_Bigram):
    def loss(self, ids, targets):
        return F.cross_entropy(self(ids).softmax(dim=-1).flatten(0, 1), targets.flatten())


@_BIGRAM.mistake(
    looks="The loss falls less than that of counting: the table learns the token after the next one.",
    hint="your loss shifts the targets a second time. They are the next tokens already, one for each position.",
)
class _shifted_twice(_Bigram):
    def loss(self, ids, targets):
        return F.cross_entropy(self(ids)[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


# 7.2


class _CausalHead(nn.Module):
    """One head of causal self-attention.

    `query`, `key` and `value` are linear maps from d_model to d_head features, without bias.
    """

    def __init__(self, d_model, d_head):
        super().__init__()
        self.query = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.value = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x):
        """Return a vector of d_head features for each token: x (B, T, C) -> (B, T, D)."""
        q, k, v = self.query(x), self.key(x), self.value(x)  # (B, T, D) each
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])  # (B, T, T)
        scores = scores.masked_fill(~causal_mask(x.shape[1]), -math.inf)
        return scores.softmax(dim=-1) @ v  # (B, T, D)


def _head_cases(rng: random.Random) -> list[Case]:
    def case(about: str, b: int, t: int, c: int, d: int) -> Case:
        return Case((random_weights(rng, _CausalHead, c, d), normal(rng, b, t, c)), about)

    b, t, c = rng.randint(2, 3), rng.randint(5, 7), rng.randint(6, 8)
    return [
        case("T = 1", 1, 1, 4, 2),
        case("B = 1, T = 2", 1, 2, 4, 2),
        case(f"B = {b}, T = {t}, C = {c}, D = 3", b, t, c, 3),
    ]


def _use_head(answer, weights, x):
    d_head, d_model = weights["query.weight"].shape
    return with_weights(answer, (d_model, d_head), weights)(x)


_HEAD = Exercise(
    number="7.2",
    name="CausalHead",
    title="one causal head",
    solution=_CausalHead,
    cases=_head_cases,
    call=_use_head,
)


@_HEAD.mistake(
    looks="The training loss falls toward 0, far below the loss of any causal model.",
    hint="each token depends on later ones. What must happen to a score before the softmax if its key comes later?",
)
class _without_a_mask(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        return scores.softmax(dim=-1) @ v


@_HEAD.mistake(
    looks="It trains almost as well, because larger queries can compensate for scores that are too small by a factor.",
    hint="your scores are divided by the root of the wrong width. How many products are summed in one score?",
)
class _divided_by_the_wrong_root(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(x.shape[-1])
        scores = scores.masked_fill(~causal_mask(x.shape[1]), -math.inf)
        return scores.softmax(dim=-1) @ v


@_HEAD.mistake(
    looks="It trains, but the weights of one token do not sum to 1, and each weight depends on later queries.",
    hint="your softmax runs over the queries. Which of the two dimensions T of the scores holds the keys?",
)
class _softmax_over_queries(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(~causal_mask(x.shape[1]), -math.inf)
        return scores.softmax(dim=1) @ v


@_HEAD.mistake(
    looks="The rows of weights sum to less than 1, and their sums depend on later tokens.",
    hint="you set weights to 0 after the softmax, whose denominator already contains the later keys. Mask the scores.",
)
class _mask_after_the_softmax(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        weights = (q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])).softmax(dim=-1)
        return weights.masked_fill(~causal_mask(x.shape[1]), 0.0) @ v


@_HEAD.mistake(
    looks="It trains, but with wide heads a few large scores take nearly all of the weight at initialization.",
    hint="your scores are not scaled. By what are they divided before the softmax?",
)
class _without_scaling(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = (q @ k.transpose(1, 2)).masked_fill(~causal_mask(x.shape[1]), -math.inf)
        return scores.softmax(dim=-1) @ v


@_HEAD.mistake(
    looks="The training loss falls too far: a score of 0 is a score like any other, so later tokens get weight.",
    hint="you set the scores of later keys to 0, whose exponential is 1. Which score has the exponential 0?",
)
class _masked_scores_of_0(_CausalHead):
    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        return scores.masked_fill(~causal_mask(x.shape[1]), 0.0).softmax(dim=-1) @ v
