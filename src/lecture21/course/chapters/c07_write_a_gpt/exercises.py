"""Exercises of chapter 07: a bigram model, causal heads, and the transformer block."""

import math
import random

import torch
import torch.nn.functional as F
from torch import nn

from lecture21.course.exercises.answers.modules import random_weights, with_weights
from lecture21.course.exercises.exercise import Case, Exercise, normal
from lecture21.layers.attention import causal_mask

# 7.2


class _Bigram(nn.Module):
    """A language model that predicts the next token from the current one alone.

    Its only layer, `token`, is an `nn.Embedding` with V rows of V numbers, where
    row i holds the logits of the token that follows token i.
    """

    def __init__(self, vocab_size):
        super().__init__()
        self.token = nn.Embedding(vocab_size, vocab_size)

    def forward(self, ids):
        """Map ids, (B, T), to the logits of the next tokens, (B, T, V)."""
        return self.token(ids)

    def loss(self, ids, targets):
        """Return the mean cross-entropy of targets (B, T), in nats per token."""
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
    number="7.2",
    name="Bigram",
    title="a bigram table",
    solution=_Bigram,
    cases=_bigram_cases,
    call=_use_bigram,
    differentiable=("weights",),
    returns=("the loss", "the logits"),
)

_BIGRAM.wrong_lines(
    "softmax twice",
    """
    - return self.token(ids)
    + return self.token(ids).softmax(dim=-1)
    """,
    hint="your forward returns probabilities. F.cross_entropy applies the softmax itself, so what must it be given?",
)

_BIGRAM.wrong_lines(
    "reshaped instead of transposed",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + logits = self(ids)
    + return F.cross_entropy(logits.reshape(len(ids), logits.shape[-1], -1), targets)
    """,
    hint="your loss uses reshape or view to swap dimensions, but they move no numbers. Which function swaps T and V? "
    "Alternatively, flatten B and T and leave V last.",
)

_BIGRAM.wrong_lines(
    "predicts its input",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids).flatten(0, 1), ids.flatten())
    """,
    hint="your loss compares the logits with ids. Which tensor holds the next tokens?",
)

_BIGRAM.wrong_lines(
    "sum instead of mean",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten(), reduction="sum")
    """,
    hint="your loss is a sum over the tokens. Which reduction makes it independent of B and T?",
)

_BIGRAM.wrong_lines(
    "softmax in the loss",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids).softmax(dim=-1).flatten(0, 1), targets.flatten())
    """,
    hint="your loss applies a softmax before F.cross_entropy, which contains one. What must it be given?",
)

_BIGRAM.wrong_lines(
    "shifted twice",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids)[:, :-1].flatten(0, 1), targets[:, 1:].flatten())
    """,
    hint="your loss shifts the targets a second time. They are the next tokens already, one for each position.",
)

_BIGRAM.wrong_lines(
    "targets from its input",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    """,
    hint="your loss takes the next tokens from ids, so it has one too few, and `targets` is unused. What does it hold?",
)

_BIGRAM.wrong_lines(
    "loss without a gradient",
    """
    - return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())
    + return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten()).detach()
    """,
    hint="your loss has the right value and no gradient, so nothing can be trained with it. Which operation cuts it "
    "off from the graph (detach, item, numpy, torch.tensor, no_grad)?",
)


# 7.5


class _CausalHead(nn.Module):
    """One head of causal self-attention, for any T and on any device.

    `query`, `key` and `value` are linear maps from d_model to d_head features,
    without bias.
    """

    def __init__(self, d_model, d_head):
        super().__init__()
        self.query = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.value = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x):
        """Map x, (B, T, C), to d_head features for each token, (B, T, D)."""
        q, k, v = self.query(x), self.key(x), self.value(x)  # (B, T, D) each
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])  # (B, T, T)
        scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
        return scores.softmax(dim=-1) @ v  # (B, T, D)


_LONG = 1030  # tokens: a mask of any usual fixed size is too small


def _head_cases(rng: random.Random) -> list[Case]:
    def case(about: str, b: int, t: int, c: int, d: int) -> Case:
        return Case((random_weights(rng, _CausalHead, c, d), normal(rng, b, t, c)), about)

    b, t, c = rng.randint(2, 3), rng.randint(5, 7), rng.randint(6, 8)
    return [
        case("T = 1", 1, 1, 4, 2),
        case("B = 1, T = 2", 1, 2, 4, 2),
        case(f"B = {b}, T = {t}, C = {c}, D = 3", b, t, c, 3),
        case(f"T = {_LONG}, more than the GPT of this chapter reads", 1, _LONG, 4, 2),
    ]


def _use_head(answer, weights, x):
    d_head, d_model = weights["query.weight"].shape
    return with_weights(answer, (d_model, d_head), weights)(x)


def _has_scale(weights, x, out, power):
    """Return whether outputs follow from scores that are multiplied by sqrt(D)**power instead of divided by sqrt(D)."""
    query = weights["query.weight"]
    scaled = query * math.sqrt(len(query)) ** (power + 1)
    return torch.allclose(out, _use_head(_CausalHead, weights | {"query.weight": scaled}, x), rtol=1e-4)


_HEAD = Exercise(
    number="7.5",
    name="CausalHead",
    title="one causal head",
    solution=_CausalHead,
    cases=_head_cases,
    call=_use_head,
    differentiable=("weights", "x"),
    any_device=True,
    properties=(
        (
            "your scores are too large or too small by a factor. How does a sum of D products grow with D?",
            lambda arguments, out: not any(_has_scale(*arguments, out, power) for power in (-2, 0, 1, 2)),
        ),
    ),
)

_HEAD.wrong_lines(
    "without a mask",
    """
    - scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
    """,
    hint="each token depends on later ones. What must happen to a score before the softmax if its key comes later?",
)

_HEAD.wrong_lines(
    "divided by the wrong root",
    """
    - scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    + scores = q @ k.transpose(1, 2) / math.sqrt(x.shape[-1])
    """,
    hint="your scores are divided by the root of the wrong width. How many products are summed in one score?",
)

_HEAD.wrong_lines(
    "softmax over queries",
    """
    - return scores.softmax(dim=-1) @ v
    + return scores.softmax(dim=1) @ v
    """,
    hint="your softmax runs over the queries. Which of the two dimensions T of the scores holds the keys?",
)

_HEAD.wrong_lines(
    "mask after the softmax",
    """
    - scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
    - return scores.softmax(dim=-1) @ v
    + return scores.softmax(dim=-1).masked_fill(~causal_mask(x.shape[1], device=x.device), 0.0) @ v
    """,
    hint="you set weights to 0 after the softmax, whose denominator already contains the later keys. Mask the scores.",
)

_HEAD.wrong_lines(
    "without scaling",
    """
    - scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    + scores = q @ k.transpose(1, 2)
    """,
    hint="your scores are not scaled. By what are they divided before the softmax?",
)

_HEAD.wrong_lines(
    "masked scores of 0",
    """
    - scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
    + scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), 0.0)
    """,
    hint="you set the scores of later keys to 0, whose exponential is 1. Which score has the exponential 0?",
)

_HEAD.wrong_lines(
    "keys times queries",
    """
    - scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    + scores = k @ q.transpose(1, 2) / math.sqrt(q.shape[-1])
    """,
    hint="row i of your scores compares key i with every query. Which of the two must the rows belong to?",
)

_HEAD.wrong_lines(
    "mask of a fixed size",
    """
    - scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
    + scores = scores.masked_fill(~causal_mask(8, device=x.device)[: x.shape[1], : x.shape[1]], -math.inf)
    """,
    hint="right for a few tokens, and an error for many: your mask has a fixed size. What gives the length of x?",
)

_HEAD.wrong_lines(
    "inverted mask",
    """
    - scores = scores.masked_fill(~causal_mask(x.shape[1], device=x.device), -math.inf)
    + scores = scores.masked_fill(causal_mask(x.shape[1], device=x.device), -math.inf)
    """,
    hint="your mask is inverted: the last token has no key left, so its softmax is NaN. masked_fill replaces entries "
    "where its argument is True, and causal_mask is True where attention is allowed.",
)


# 7.6


class _MultiHead(nn.Module):
    """Causal self-attention with several heads.

    `heads` is an `nn.ModuleList` of n_head causal heads, each d_model / n_head
    wide. `output` is a linear map from d_model to d_model, with bias.
    """

    def __init__(self, d_model, n_head):
        super().__init__()
        heads = [_CausalHead(d_model, d_model // n_head) for _ in range(n_head)]
        self.heads = nn.ModuleList(heads)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x):
        """Concatenate the head outputs, head 0 first, and map them to (B, T, C)."""
        joined = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, C)
        return self.output(joined)


def heads_cases(rng: random.Random, module: type[nn.Module]) -> list[Case]:
    def case(about: str, b: int, t: int, c: int, h: int) -> Case:
        return Case((c, h, random_weights(rng, module, c, h), normal(rng, b, t, c)), about)

    t, h, d = rng.randint(4, 6), rng.randint(2, 4), rng.randint(2, 3)
    return [
        case("T = 1 and one head", 1, 1, 2, 1),
        case("T = 3, C = 4, H = 2", 1, 3, 4, 2),
        case(f"B = 2, T = {t}, C = {h * d}, H = {h}", 2, t, h * d, h),
    ]


def use_heads(answer, d_model, n_head, weights, x):
    return with_weights(answer, (d_model, n_head), weights)(x)


_HEADS = Exercise(
    number="7.6",
    name="MultiHead",
    title="several heads",
    solution=_MultiHead,
    cases=lambda rng: heads_cases(rng, _MultiHead),
    call=use_heads,
    differentiable=("weights", "x"),
    any_device=True,
)

_HEADS.wrong_lines(
    "without the output map",
    """
    - return self.output(joined)
    + return joined
    """,
    hint="the outputs of the heads are concatenated, but a step is missing. Which of your layers is never called?",
)

_HEADS.wrong_lines(
    "one head repeated",
    """
    - heads = [_CausalHead(d_model, d_model // n_head) for _ in range(n_head)]
    + heads = [_CausalHead(d_model, d_model // n_head)] * n_head
    """,
    hint="all your heads are the same module. Does a list times n contain copies or the same object n times?",
)

_HEADS.wrong_lines(
    "interleaved",
    """
    - joined = torch.cat([head(x) for head in self.heads], dim=-1)
    + joined = torch.stack([head(x) for head in self.heads], dim=-1).flatten(2)
    """,
    hint="the features of the heads alternate in your result. All features of head 0 come first, then those of head 1.",
)

_HEADS.wrong_lines(
    "adds its input",
    """
    - return self.output(joined)
    + return x + self.output(joined)
    """,
    hint="your result contains x itself. The residual connection belongs to the block of the next exercise.",
)

_HEADS.wrong_lines(
    "heads cut off",
    """
    - joined = torch.cat([head(x) for head in self.heads], dim=-1)
    + joined = torch.cat([head(x) for head in self.heads], dim=-1).detach()
    """,
    hint="your result is right, but no gradient passes back to the heads: joining them cuts the graph, as numpy and "
    "detach do. Which function joins tensors and keeps the graph?",
)


# 7.7


class _Block(nn.Module):
    """A pre-norm transformer block: attention, then a feed-forward network.

    `norm_attention` and `norm_feed_forward` are `nn.LayerNorm`s, and `attention` is
    a `MultiHead`. `feed_forward` is an `nn.Sequential` that maps d_model to 4
    d_model features, applies ReLU, and maps back to d_model.
    """

    def __init__(self, d_model, n_head):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = _MultiHead(d_model, n_head)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        up, down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)
        self.feed_forward = nn.Sequential(up, nn.ReLU(), down)

    def forward(self, x):
        """Add each layer's output for the normalized stream to x, (B, T, C)."""
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_feed_forward(x))


_BLOCK = Exercise(
    number="7.7",
    name="Block",
    title="the block",
    solution=_Block,
    cases=lambda rng: heads_cases(rng, _Block),
    call=use_heads,
    differentiable=("weights", "x"),
    any_device=True,
)

_BLOCK.wrong_lines(
    "post norm",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.norm_attention(x + self.attention(x))
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return self.norm_feed_forward(x + self.feed_forward(x))
    """,
    hint="you normalize after each sum, as in the 2017 transformer. A pre-norm block leaves the stream unnormalized.",
)

_BLOCK.wrong_lines(
    "one residual missing",
    """
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return self.feed_forward(self.norm_feed_forward(x))
    """,
    hint="the result of your second layer replaces x instead of being added to it.",
)

_BLOCK.wrong_lines(
    "first residual missing",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.attention(self.norm_attention(x))
    """,
    hint="the result of attention replaces x instead of being added to it.",
)

_BLOCK.wrong_lines(
    "no residual",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.attention(self.norm_attention(x))
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return self.feed_forward(self.norm_feed_forward(x))
    """,
    hint="your block returns only what its layers compute, and x itself is lost twice. What is a layer's output added "
    "to?",
)

_BLOCK.wrong_lines(
    "adds to the normalized",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.norm_attention(x)
    + x = x + self.attention(x)
    + x = self.norm_feed_forward(x)
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return x + self.feed_forward(x)
    """,
    hint="you add to the normalized vectors. The sum starts from the original x, and only the layer's input is "
    "normalized.",
)

_BLOCK.wrong_lines(
    "both layers at once",
    """
    - x = x + self.attention(self.norm_attention(x))
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return x + self.attention(self.norm_attention(x)) + self.feed_forward(self.norm_feed_forward(x))
    """,
    hint="both of your layers start from the same x. Which x should the second layer receive?",
)

_BLOCK.wrong_lines(
    "norms exchanged",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = x + self.attention(self.norm_feed_forward(x))
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return x + self.feed_forward(self.norm_attention(x))
    """,
    hint="each of your layers receives the other one's norm. They are equal at initialization, but training changes "
    "them.",
)

_BLOCK.wrong_lines(
    "feed forward first",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = x + self.feed_forward(self.norm_feed_forward(x))
    - return x + self.feed_forward(self.norm_feed_forward(x))
    + return x + self.attention(self.norm_attention(x))
    """,
    hint="your block applies the feed-forward network first. In which order does the task name the two layers?",
)

_BLOCK.wrong_lines(
    "gelu",
    """
    - self.feed_forward = nn.Sequential(up, nn.ReLU(), down)
    + self.feed_forward = nn.Sequential(up, nn.GELU(), down)
    """,
    hint="your feed-forward network uses GELU, as that of GPT-2. Which activation does the task name?",
)
