"""Exercises of chapter 09: byte-pair encoding, a tied head, and a schedule of learning rates."""

import math
import random
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 9.1


def _bpe_merge(ids, new_id):
    """Make one merge of byte-pair encoding; return the merged pair and the new list of ids.

    `ids` is a list of at least two ints. Count each pair of neighbors (7 7 7 has two), and replace
    the most frequent pair by `new_id` everywhere, from left to right: in 7 7 7 only the first two
    are merged. If several pairs are equally frequent, take the smallest, such as (1, 5) before
    (2, 0). Leave `ids` itself unchanged.
    """
    counts = {}
    for i in range(len(ids) - 1):
        pair = (ids[i], ids[i + 1])
        counts[pair] = counts.get(pair, 0) + 1
    pair = min(counts, key=lambda each: (-counts[each], each))
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return pair, merged


def _merge_list(answer: Callable, ids: Tensor, new_id: int) -> object:
    """Return what an answer makes of a list of ids; if it changes the list, the tensor changes as well."""
    given = ids.tolist()
    made = answer(given, new_id)
    if given != ids.tolist():
        ids.zero_()
    return made


def _merge_cases(rng: random.Random) -> list[Case]:
    a, b, c, d = sorted(rng.sample(range(1, 50), 4))
    fixed = [
        [b, a, c, b, a],
        [d, d, d, a, b],  # (d, d) occurs twice, and the smaller pairs once
        [c, c, c, d, c, c, c],
        [c, a, d, b, c, a, d, b],  # of three equally frequent pairs the second is the smallest, the third the largest
        [d, a, b, a, b, a, b, c, d],
    ]
    p, q, r = rng.sample(range(1, 10), 3)  # written one after the other, their digits make other ids and pairs
    fixed += [
        [p, 10 * q + r, 50, 10 * p + q, r, 51, 60, q, 52, 60, q],
        [10 * p + q, r, 50, 10 * p + q, r, 51, 100 + 10 * p + q, 10 * r + 5],
    ]
    cases = [Case((torch.tensor(ids), 256), f"ids {' '.join(map(str, ids))}") for ids in fixed]
    return [*cases, Case((torch.tensor([rng.randint(1, 4) for _ in range(40)]), 256), "40 ids from 1 to 4")]


_MERGE = Exercise(
    number="9.1",
    name="bpe_merge",
    title="one BPE merge",
    solution=_bpe_merge,
    cases=_merge_cases,
    call=_merge_list,
    returns=("the pair", "the list"),
)


@_MERGE.mistake(hint="only the first occurrence of the pair is merged. What happens to the others?")
def _only_once(ids, new_id):
    counts = {}
    for i in range(len(ids) - 1):
        pair = (ids[i], ids[i + 1])
        counts[pair] = counts.get(pair, 0) + 1
    pair = min(counts, key=lambda each: (-counts[each], each))
    i = list(pairwise(ids)).index(pair)
    return pair, [*ids[:i], new_id, *ids[i + 2 :]]


_MERGE.wrong_lines(
    "last token lost",
    """
    - while i < len(ids):
    + while i < len(ids) - 1:
    """,
    hint="the last token is missing whenever it isn't part of a merged pair. Where does your loop end?",
)

_MERGE.wrong_lines(
    "first in the text",
    """
    - pair = min(counts, key=lambda each: (-counts[each], each))
    + pair = max(counts, key=counts.get)
    """,
    hint="among equally frequent pairs you take the one that occurs first in the text. Which one does the task name?",
)


@_MERGE.mistake(
    hint="after a merge, the second id of the pair is still appended. A `for` loop visits each position; which one "
    "must be skipped?",
)
def _second_half_kept(ids, new_id):
    counts = {}
    for i in range(len(ids) - 1):
        pair = (ids[i], ids[i + 1])
        counts[pair] = counts.get(pair, 0) + 1
    pair = min(counts, key=lambda each: (-counts[each], each))
    return pair, [new_id if tuple(ids[i : i + 2]) == pair else ids[i] for i in range(len(ids))]


_MERGE.wrong_lines(
    "largest pair",
    """
    - pair = min(counts, key=lambda each: (-counts[each], each))
    + pair = max(counts, key=lambda each: (counts[each], each))
    """,
    hint="among equally frequent pairs you take the largest. Which one does the task name?",
)


@_MERGE.mistake(hint="in 7 7 7 the pair (7, 7) counts twice, although only one of the two can be merged.")
def _counted_without_overlap(ids, new_id):
    counts, last = {}, {}
    for i, pair in enumerate(pairwise(ids)):
        if last.get(pair) != i - 1 or pair[0] != pair[1]:
            counts[pair] = counts.get(pair, 0) + 1
            last[pair] = i
    pair = min(counts, key=lambda each: (-counts[each], each))
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return pair, merged


# 9.2


def _tie_head(model):
    """Tie the head of a model to its token embedding, so that they stay equal; return the model.

    `model.token` is an nn.Embedding(V, C) and `model.head` an nn.Linear(C, V, bias=False). Keep
    the values of the embedding. Afterwards the model has one nn.Parameter fewer.
    """
    model.head.weight = model.token.weight
    return model


class _TokenModel(nn.Module):
    """A model of one token: its embedding, and the scores of the next token."""

    def __init__(self, table: Tensor, head: Tensor) -> None:
        super().__init__()
        self.token = nn.Embedding(*table.shape)
        self.head = nn.Linear(*reversed(head.shape), bias=False)
        self.token.weight = nn.Parameter(table.clone())
        self.head.weight = nn.Parameter(head.clone())

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.token(ids))


def _after_one_update(answer: Callable, weights: Tensor) -> tuple | None:
    """Return what a tied model has after one update: its parameters' number, table and head."""
    model = answer(_TokenModel(*weights))
    if model is None:
        return None
    ids = torch.arange(2 * weights.shape[1]) % (weights.shape[1] - 1)
    nn.functional.cross_entropy(model(ids[:-1]), ids[1:]).backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    n = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return n, model.token.weight.detach(), model.head.weight.detach()


def _tie_cases(rng: random.Random) -> list[Case]:
    v, c = rng.randint(6, 9), rng.randint(3, 5)
    return [
        Case((normal(rng, 2, 4, 2),), "V = 4, C = 2, after one update"),
        Case((normal(rng, 2, v, c),), f"V = {v}, C = {c}, after one update"),
    ]


_TIE = Exercise(
    number="9.2",
    name="tie_head",
    title="tie the head so that it stays tied",
    solution=_tie_head,
    cases=_tie_cases,
    call=_after_one_update,
    random=True,
    properties=(
        (
            "after an update, the head and the embedding must still be equal",
            lambda arguments, result: torch.equal(result[1], result[2]),
        ),
        (
            "a tied model must have one matrix of parameters",
            lambda arguments, result: result[0] == arguments[0][0].numel(),
        ),
    ),
)


@_TIE.mistake(
    hint="the two matrices are equal at first and differ after one update: a cloned weight is a second parameter."
)
def _cloned(model):
    model.head.weight = nn.Parameter(model.token.weight.detach().clone())
    return model


@_TIE.mistake(
    hint="both matrices share their memory but are still two parameters, with two gradients and two states in Adam. "
    "How many parameters does the model list?",
)
def _two_parameters_on_one_memory(model):
    model.head.weight = nn.Parameter(model.token.weight.data)
    return model


@_TIE.mistake(
    hint="you tied them in the other direction: the embedding has lost its values and now has those of the head."
)
def _other_direction(model):
    model.token.weight = model.head.weight
    return model


@_TIE.mistake(
    hint="the head gets no gradient. What does requires_grad=False, or a detached tensor, exclude from the update?"
)
def _frozen(model):
    model.head.weight = nn.Parameter(model.token.weight.detach(), requires_grad=False)
    return model


# 9.3


def _warmup_cosine(step, steps, warmup, peak):
    """Return the learning rate of update `step` (0 to steps - 1), a float.

    During the first `warmup` updates it rises linearly: peak / warmup at update 0, 2 peak / warmup
    at update 1, ..., peak at update warmup - 1. Then it follows half a cosine from `peak` at update
    `warmup` down to 0 at update `steps`, the one after the last. `warmup` can be 0.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def _schedule_cases(rng: random.Random) -> list[Case]:
    steps, warmup = rng.randint(30, 50), rng.randint(4, 9)
    arguments = [
        *((step, 4, 2, 1.0) for step in range(4)),
        (0, 4, 0, 1.0),
        *((step, steps, warmup, 0.5) for step in (1, warmup, warmup + 3, steps // 2, steps - 1)),
    ]
    return [
        Case((step, steps, warmup, peak), f"update {step} of {steps}, {warmup} of them warm-up")
        for step, steps, warmup, peak in arguments
    ]


_SCHEDULE = Exercise(
    number="9.3",
    name="warmup_cosine",
    title="warm-up with decay",
    solution=_warmup_cosine,
    cases=_schedule_cases,
    properties=(
        ("no learning rate may be negative", lambda arguments, rate: rate >= 0),
        ("no learning rate may be above `peak`", lambda arguments, rate: rate <= arguments[3] + 1e-9),
    ),
)

_SCHEDULE.wrong_lines(
    "starts at zero",
    """
    - return peak * (step + 1) / warmup
    + return peak * step / warmup
    """,
    hint="the first update has the learning rate 0. Updates are counted from 0: what does update 0 get?",
)

_SCHEDULE.wrong_lines(
    "cosine from the beginning",
    """
    - progress = (step - warmup) / (steps - warmup)
    + progress = step / steps
    """,
    hint="the cosine must begin at the end of the warm-up: what is the progress at update `warmup`?",
)

_SCHEDULE.wrong_lines(
    "down to minus peak",
    """
    - return peak * 0.5 * (1 + math.cos(math.pi * progress))
    + return peak * math.cos(math.pi * progress)
    """,
    hint="a cosine runs from 1 to -1, and the learning rate from 1 to 0. How do you shift and scale it?",
)

_SCHEDULE.wrong_lines(
    "linear",
    """
    - return peak * 0.5 * (1 + math.cos(math.pi * progress))
    + return peak * (1 - progress)
    """,
    hint="the decay is a straight line. Where is a cosine steep, and where is it flat?",
)

_SCHEDULE.wrong_lines(
    "full period",
    """
    - return peak * 0.5 * (1 + math.cos(math.pi * progress))
    + return peak * 0.5 * (1 + math.cos(2 * math.pi * progress))
    """,
    hint="your cosine runs through a full period and is back at `peak` at the end. Half a period is the angle pi.",
)

_SCHEDULE.wrong_lines(
    "zero one update early",
    """
    - progress = (step - warmup) / (steps - warmup)
    + progress = (step - warmup) / (steps - warmup - 1)
    """,
    hint="your rate is 0 at update `steps` - 1. Which update does the task give the rate 0?",
)
