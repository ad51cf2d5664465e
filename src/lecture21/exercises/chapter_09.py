"""Exercises of chapter 09: one merge of byte-pair encoding."""

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise

# 9.1


def _bpe_merge(ids, new_id):
    """Make one merge of byte-pair encoding; return the merged pair and the new list of ids.

    `ids` is a list of ints. Count each pair of neighbors, and replace the most frequent pair by
    `new_id` everywhere, from left to right: in 7 7 7 only the first two are merged. If several
    pairs are equally frequent, take the smallest, such as (1, 5) before (2, 0). Leave `ids` itself
    unchanged.
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


def _merge_on_a_copy(answer: Callable, ids: Tensor, new_id: int) -> tuple:
    """Return what an answer makes of a list of ids, and the list as the answer left it."""
    given = ids.tolist()
    made = answer(given, new_id)
    return made if made is None else (*made, given)


def _merge_cases(rng: random.Random) -> list[Case]:
    a, b, c, d = rng.sample(range(1, 50), 4)
    low, high = sorted((a, b))
    return [
        Case((torch.tensor([a, b, c, a, b]), 256), f"ids {a} {b} {c} {a} {b}"),
        Case((torch.tensor([c, c, c, d, c, c, c]), 256), f"ids {c} {c} {c} {d} {c} {c} {c}"),
        Case((torch.tensor([high, d, low, c, high, d, low, c]), 256), f"ids {high} {d} {low} {c} {high} {d} {low} {c}"),
        Case((torch.tensor([d, a, b, a, b, a, b, c, d]), 256), f"ids {d} {a} {b} {a} {b} {a} {b} {c} {d}"),
        Case((torch.tensor([rng.randint(1, 4) for _ in range(40)]), 256), "40 ids from 1 to 4"),
    ]


_MERGE = Exercise(
    number="9.1",
    name="bpe_merge",
    title="one BPE merge",
    solution=_bpe_merge,
    cases=_merge_cases,
    call=_merge_on_a_copy,
)


@_MERGE.mistake(
    looks="The result is right until a token repeats: 7 7 7 becomes two new tokens that share a 7.",
    hint="after a merge you continue with the second token of the pair, which is already used. How far must i advance?",
)
def _overlapping(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda each: (-counts[each], each))
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2 if tuple(ids[i + 1 : i + 3]) != pair else 1
        else:
            merged.append(ids[i])
            i += 1
    return pair, merged


@_MERGE.mistake(
    looks="Each merge shortens the text by a single token.",
    hint="only the first occurrence of the pair is merged. What happens to the others?",
)
def _only_once(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda each: (-counts[each], each))
    i = list(pairwise(ids)).index(pair)
    return pair, [*ids[:i], new_id, *ids[i + 2 :]]


@_MERGE.mistake(
    looks="Decoding gives a text without its last character.",
    hint="the last token is missing whenever it isn't part of a merged pair. Where does your loop end?",
)
def _last_token_lost(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda each: (-counts[each], each))
    merged, i = [], 0
    while i < len(ids) - 1:
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return pair, merged


@_MERGE.mistake(
    looks="Two programs learn different merges from the same text.",
    hint="among equally frequent pairs you take the one that occurs first in the text. Which one does the task name?",
)
def _first_in_the_text(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = max(counts, key=counts.get)
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return pair, merged


@_MERGE.mistake(
    looks="The result is right, but the caller's list has been merged as well.",
    hint="the merge is right, but the caller's list `ids` has changed. Build a new list.",
)
def _in_place(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda each: (-counts[each], each))
    i = 0
    while i < len(ids) - 1:
        if tuple(ids[i : i + 2]) == pair:
            ids[i : i + 2] = [new_id]
        i += 1
    return pair, list(ids)
