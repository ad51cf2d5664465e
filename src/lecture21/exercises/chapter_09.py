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
    looks="The second half of each merged pair is still in the text, so decoding repeats characters.",
    hint="after a merge, the second id of the pair is still appended. A `for` loop visits each position; which one "
    "must be skipped?",
)
def _second_half_kept(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = min(counts, key=lambda each: (-counts[each], each))
    return pair, [new_id if tuple(ids[i : i + 2]) == pair else ids[i] for i in range(len(ids))]


@_MERGE.mistake(
    looks="Two programs learn different merges from the same text.",
    hint="among equally frequent pairs you take the largest. Which one does the task name?",
)
def _largest_pair(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = max(counts, key=lambda each: (counts[each], each))
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
    looks="A repeated token is merged later than it should be.",
    hint="in 7 7 7 the pair (7, 7) counts twice, although only one of the two can be merged.",
)
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
