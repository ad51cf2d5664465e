"""Exercises of chapter 08: a GPT as a probability, a bug hunt in samplers, and how much context a model uses."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 8.1


def _log_probability(logits, ids):
    """Return the log probability of a string, in nats: a tensor of shape ().

    `ids` has the shape (T,), T at least 2, and `logits` the shape (T, V). Row t holds the scores
    of the token that follows ids[t], which a GPT computes from the tokens up to ids[t]. The first
    token is given, so return the sum of log P(ids[t] | ids[:t]) over t = 1 to T - 1.
    """
    log_p = logits[:-1].log_softmax(dim=-1)
    return log_p.gather(-1, ids[1:, None]).sum()


def _string(rng: random.Random, t: int, v: int) -> Tensor:
    """Return ids in which no token follows itself or comes back two places later."""
    ids = [rng.randrange(v)]
    while len(ids) < t:
        ids.append(rng.choice([i for i in range(v) if i not in ids[-2:]]))
    return torch.tensor(ids)


def _log_probability_cases(rng: random.Random) -> list[Case]:
    t, v = rng.randint(5, 8), rng.randint(6, 9)
    improbable = normal(rng, 3, 4, dtype=torch.float64), _string(rng, 3, 4)
    improbable[0][0, improbable[1][1]] -= 800
    return [
        Case((normal(rng, 2, 3), _string(rng, 2, 3)), "T = 2, V = 3"),
        Case((normal(rng, 3, 4), _string(rng, 3, 4)), "T = 3, V = 4"),
        Case((2 * normal(rng, t, v) + 5, _string(rng, t, v)), f"T = {t}, V = {v}, scores near 5"),
        Case(improbable, "a token whose score is 800 below the others"),
        Case((normal(rng, 400, 9, dtype=torch.float64), _string(rng, 400, 9)), "T = 400 in float64, P below 1e-324"),
    ]


_LOG_PROBABILITY = Exercise(
    number="8.1",
    name="log_probability",
    title="the log probability of a string",
    solution=_log_probability,
    cases=_log_probability_cases,
    properties=(
        (
            "the logarithm of a probability is never positive",
            lambda arguments, result: bool(result <= 0),
        ),
        (
            "the result must be finite: add logarithms instead of multiplying probabilities",
            lambda arguments, result: bool(result.isfinite()),
        ),
    ),
)


@_LOG_PROBABILITY.mistake(hint="you use row t for ids[t], which is part of its input. Which token does row t predict?")
def _not_shifted(logits, ids):
    log_p = logits[1:].log_softmax(dim=-1)
    return log_p.gather(-1, ids[1:, None]).sum()


@_LOG_PROBABILITY.mistake(
    hint="you add scores and not logarithms of probabilities. Does the exponential of a row sum to 1?"
)
def _sum_of_scores(logits, ids):
    log_p = logits[:-1]
    return log_p.gather(-1, ids[1:, None]).sum()


@_LOG_PROBABILITY.mistake(hint="your result is a mean over the tokens. Is the logarithm of a product a sum or a mean?")
def _mean_over_tokens(logits, ids):
    log_p = logits[:-1].log_softmax(dim=-1)
    return log_p.gather(-1, ids[1:, None]).mean()


@_LOG_PROBABILITY.mistake(
    hint="your product of many probabilities underflows to 0, and log(0) is -inf. In which order do you take the "
    "logarithm and combine the factors?",
)
def _logarithm_of_the_product(logits, ids):
    log_p = logits[:-1].log_softmax(dim=-1)
    return log_p.gather(-1, ids[1:, None]).exp().prod().log()


@_LOG_PROBABILITY.mistake(
    hint="your softmax normalizes over the positions. Over which dimension must the probabilities sum to 1?"
)
def _over_the_positions(logits, ids):
    log_p = logits[:-1].log_softmax(dim=0)
    return log_p.gather(-1, ids[1:, None]).sum()


@_LOG_PROBABILITY.mistake(
    hint="you score each token by its own row. Row t predicts ids[t + 1]: which row predicts ids[1]?"
)
def _all_rows(logits, ids):
    log_p = logits[:-1].log_softmax(dim=-1)
    return logits.log_softmax(dim=-1).gather(-1, ids[:, None]).sum()


@_LOG_PROBABILITY.mistake(
    hint="you shift in the wrong direction: your row t scores ids[t - 1]. Row t predicts ids[t + 1]."
)
def _shifted_back(logits, ids):
    log_p = logits[1:].log_softmax(dim=-1)
    return log_p.gather(-1, ids[:-1, None]).sum()


@_LOG_PROBABILITY.mistake(
    hint="the softmax of a very low score underflows to 0, and log(0) is -inf. Which function computes the logarithm "
    "of a softmax directly?",
)
def _logarithm_of_the_softmax(logits, ids):
    log_p = logits[:-1].softmax(dim=-1).log()
    return log_p.gather(-1, ids[1:, None]).sum()


# 8.2


def _top_p(probabilities, p):
    """Return a distribution of shape (V,), restricted to its nucleus.

    Keep the smallest set of most probable tokens whose probabilities together reach `p`
    (0 < p <= 1), set the others to 0, and normalize so that the result sums to 1. No two tokens
    have the same probability. Do not modify `probabilities`.
    """
    ordered, order = probabilities.sort(descending=True)
    before = ordered.cumsum(dim=0) - ordered  # total probability of the more probable tokens
    kept = torch.where(before < p, ordered, 0.0)
    result = torch.zeros_like(probabilities)
    result[order] = kept
    return result / result.sum()


def _distribution(rng: random.Random, *weights: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a distribution in random order, neither ascending nor descending."""
    shuffled = sorted(weights)
    while sorted(shuffled) in (shuffled, shuffled[::-1]):
        rng.shuffle(shuffled)
    total = sum(shuffled)
    return torch.tensor([each / total for each in shuffled], dtype=dtype)


def _top_p_cases(rng: random.Random) -> list[Case]:
    n = rng.randint(10, 14)
    many = [rng.uniform(0.9, 1.0) * 0.75**i for i in range(n)]
    return [
        Case((_distribution(rng, 60.0, 30.0, 10.0), 0.8), "probabilities 0.6, 0.3, 0.1 in another order, p = 0.8"),
        Case(
            (_distribution(rng, 40.0, 30.0, 15.0, 10.0, 5.0), 0.8),
            "0.40, 0.30, 0.15, 0.10, 0.05 in another order, p = 0.8",
        ),
        Case(
            (_distribution(rng, 0.5, 0.25, 0.1875, 0.0625), 0.75),
            "0.5, 0.25, 0.1875, 0.0625 in another order, p = 0.75",
        ),
        Case((_distribution(rng, 40.0, 30.0, 15.0, 10.0, 5.0), 0.02), "0.40, 0.30, 0.15, 0.10, 0.05, p = 0.02"),
        Case((_distribution(rng, *many), rng.uniform(0.55, 0.7)), f"{n} tokens"),
        Case((_distribution(rng, *many, dtype=torch.float64), 0.9), f"{n} tokens in float64, p = 0.9"),
    ]


_TOP_P = Exercise(
    number="8.2",
    name="top_p",
    title="top-p sampling",
    solution=_top_p,
    cases=_top_p_cases,
    properties=(
        ("the result must sum to 1", lambda arguments, result: abs(float(result.sum()) - 1) < 1e-4),
        (
            "the most probable token must always be kept",
            lambda arguments, result: bool(result[arguments[0].argmax()] > 0),
        ),
        (
            "the kept tokens must together reach p",
            lambda arguments, result: bool(arguments[0][result > 0].sum() >= arguments[1] - 1e-6),
        ),
        (
            "without the least probable kept token, the others must not reach p",
            lambda arguments, result: bool(
                arguments[0][result > 0].sum() - arguments[0][result > 0].min() < arguments[1]
            ),
        ),
    ),
)

_TOP_P.wrong_lines(
    "without the last",
    """
    - kept = torch.where(before < p, ordered, 0.0)
    + kept = torch.where(before + ordered <= p, ordered, 0.0)
    """,
    hint="the token that carries the sum past p is missing. What is left when the first token alone exceeds p?",
)

_TOP_P.wrong_lines(
    "still sorted",
    """
    - return result / result.sum()
    + return kept / kept.sum()
    """,
    hint="the values are right, but in sorted order. Which token does entry i of your result belong to?",
)

_TOP_P.wrong_lines(
    "not normalized",
    """
    - return result / result.sum()
    + return result
    """,
    hint="the right tokens are kept, but their probabilities do not sum to 1.",
)

_TOP_P.wrong_lines(
    "from the bottom",
    """
    - ordered, order = probabilities.sort(descending=True)
    + ordered, order = probabilities.sort()
    """,
    hint="you add up from the least probable token. In which direction does sort() order by default?",
)


@_TOP_P.mistake(
    hint="you compare each probability with p. It is their sum, taken from the most probable token down, that must "
    "reach p.",
)
def _each_above_p(probabilities, p):
    result = torch.where(probabilities >= p, probabilities, 0.0)
    return result / result.sum()


_TOP_P.wrong_lines(
    "one too many",
    """
    - kept = torch.where(before < p, ordered, 0.0)
    + kept = torch.where(before <= p, ordered, 0.0)
    """,
    hint="two tokens of 0.5 and 0.25 together reach p = 0.75, and you keep a third. Is it `<` or `<=`?",
)

_TOP_P.wrong_lines(
    "sorted twice",
    """
    - return result / result.sum()
    + return (kept / kept.sum())[order]
    """,
    hint="you keep the right numbers, but in the wrong places. `kept[order]` sorts once more: which side of the "
    "assignment does `order` belong to?",
)


# 8.3


def _nucleus(probabilities: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Return the normalized probabilities of the tokens that top-p keeps, in descending order, and their ids."""
    ordered, order = probabilities.sort(descending=True)
    n = int((ordered.cumsum(dim=0) - ordered < p).sum())
    return ordered[:n] / ordered[:n].sum(), order[:n]


def _sampler_a(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    return order[torch.multinomial(kept, n, replacement=True, generator=generator)]


def _sampler_b(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus(logits.softmax(dim=-1), p)
    flattened = (kept.log() / temperature).softmax(dim=-1)
    return order[torch.multinomial(flattened, n, replacement=True, generator=generator)]


def _sampler_c(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    noise = -torch.rand(n, len(kept), generator=generator).log().neg().log()
    return order[(kept.log() + noise).argmax(dim=-1)]


def _sampler_d(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    ends = kept.cumsum(dim=0)[:-1]
    return order[torch.searchsorted(ends, ends[-1] * torch.rand(n, generator=generator))]


def _sampler_e(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits.softmax(dim=-1) / temperature).softmax(dim=-1), p)
    return order[torch.multinomial(kept, n, replacement=True, generator=generator)]


SAMPLERS = {"A": _sampler_a, "B": _sampler_b, "C": _sampler_c, "D": _sampler_d, "E": _sampler_e}
"""Five samplers. Each maps logits (V,), a temperature, p, n and a generator to n ids, which should follow the
distribution after the temperature and then top-p have been applied."""

_HUNT = Exercise(
    number="8.3",
    name="wrong_samplers",
    title="bug hunt: which samplers are wrong?",
    solution=frozenset({"B", "D", "E"}),
    task='The letters of the wrong functions in SAMPLERS, a set of capital letters such as {"A", "B"}.',
)
_HUNT.wrong_value(
    "sampler b missed",
    {"D", "E"},
    hint="one more is wrong. Which sampler draws a token that should never be drawn at a low temperature?",
)
_HUNT.wrong_value(
    "sampler d missed",
    {"B", "E"},
    hint="one more is wrong. Does every token that top-p keeps occur among the draws?",
)
_HUNT.wrong_value(
    "sampler e missed",
    {"B", "D"},
    hint="one more is wrong. Which sampler draws the most probable token too rarely at a low temperature?",
)
_HUNT.wrong_value(
    "sampler c accused",
    {"B", "C", "D", "E"},
    hint='one of these is right. Its code, SAMPLERS["C"]??, looks unusual (it adds noise and takes the maximum), but '
    "what do its frequencies say?",
)
_HUNT.wrong_value(
    "the opposite",
    {"A", "C"},
    hint="these are exactly the two whose frequencies agree with the distribution.",
)


# 8.4


def _loss_with_context(model, ids, context):
    """Return the mean loss of each row's last token, given only the `context` tokens before it.

    `ids` (B, T) holds more than `context` tokens in each row. `model` maps token ids (B, S) to the
    logits (B, S, V) of the next token at each position. The result is one number, in nats.
    """
    logits = model(ids[:, -1 - context : -1])[:, -1]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])


class _Sums:
    """A model whose predictions depend on every token that it gets, later ones too, and on their order."""

    def __init__(self, rng: random.Random):
        self.vectors, self.head = normal(rng, 5, 4), normal(rng, 4, 5)

    def __call__(self, ids):
        weight = torch.arange(1.0, ids.shape[1] + 1)[:, None]
        x = weight * self.vectors[ids]
        return (x.cumsum(dim=1) / weight + x.mean(dim=1, keepdim=True)) @ self.head


def _context_case(rng: random.Random, b: int, t: int, context: int, about: str) -> Case:
    ids = torch.tensor([[rng.randrange(5) for _ in range(t)] for _ in range(b)])
    return Case((_Sums(rng), ids, context), about)


def _loss_of_another(arguments, loss):
    """Return whether a loss is that of another token than each row's last, with the context before it."""
    model, ids, context = arguments
    return any(
        torch.allclose(loss, _loss_with_context(model, ids[:, :end], context), rtol=1e-4)
        for end in range(context + 1, ids.shape[1])
    )


def _as_tensor(answer, *arguments):
    """Return what an answer returns, a float as a tensor: the task asks for one number."""
    loss = answer(*arguments)
    return torch.tensor(loss) if isinstance(loss, float) else loss


_CONTEXT = Exercise(
    number="8.4",
    name="loss_with_context",
    title="how much context does a model use?",
    solution=_loss_with_context,
    cases=lambda rng: [
        _context_case(rng, 1, 4, 1, "a context of 1"),
        _context_case(rng, 3, 5, 2, "a context of 2 of 4 tokens"),
        _context_case(rng, 4, 6, 5, "all 5 tokens before the last one"),
        _context_case(rng, 3, rng.randint(9, 12), 4, "a longer text"),
    ],
    call=_as_tensor,
    properties=(
        (
            "this is the loss of another token of the row, given the `context` tokens before it. From which end do you "
            "count?",
            lambda arguments, loss: not _loss_of_another(arguments, loss),
        ),
    ),
)


@_CONTEXT.mistake(
    hint="the tokens that you keep are the first of the row. Which ones are next to the token that is predicted?"
)
def _the_first_tokens(model, ids, context):
    logits = model(ids[:, :context])[:, -1]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])


@_CONTEXT.mistake(hint="the tokens that you pass on include the last one, which is the target.")
def _with_the_target(model, ids, context):
    logits = model(ids[:, -context:])[:, -1]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])


@_CONTEXT.mistake(
    hint="you read the right position, but the model gets one token more than `context`: the target itself."
)
def _one_too_many(model, ids, context):
    logits = model(ids[:, -1 - context :])[:, -2]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])


@_CONTEXT.mistake(hint="the model gets the same tokens whatever `context` is. Where do you cut?")
def _never_cut(model, ids, context):
    logits = model(ids[:, :-1])[:, -1]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])


@_CONTEXT.mistake(
    hint="you average over all positions of the cut text. With `context` tokens before it there is only one."
)
def _at_all_positions(model, ids, context):
    logits = model(ids[:, -1 - context : -1])
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, -context:].flatten())


@_CONTEXT.mistake(hint="the model gets one token too few. How many tokens does your slice have?")
def _one_too_few(model, ids, context):
    logits = model(ids[:, -max(context, 2) : -1])[:, -1]
    return torch.nn.functional.cross_entropy(logits, ids[:, -1])
