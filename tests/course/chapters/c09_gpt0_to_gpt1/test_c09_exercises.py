"""The answers of chapter 09 agree with the package."""

import json
import math
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from lecture21.course.chapters.c09_gpt0_to_gpt1 import exercises
from lecture21.course.exercises import check, solved
from lecture21.course.exercises.registry import find
from lecture21.tokenizers import bpe
from lecture21.training import TrainConfig, learning_rate

ROOT = Path(__file__).parents[4]
CHAPTER = json.loads((ROOT / "notebooks" / "09_gpt0_to_gpt1.ipynb").read_text(encoding="utf-8"))


def test_the_merges_are_those_of_the_package():
    word = "abracadabra" * 3
    expected = bpe.train({word: 1}, 5)
    ids, names = [*word.encode()], {byte: bytes([byte]) for byte in range(256)}
    for n, pair in enumerate(expected):
        (first, second), ids = exercises._bpe_merge(ids, 256 + n)
        assert (names[first], names[second]) == pair
        names[256 + n] = names[first] + names[second]
    assert b"".join(names[i] for i in ids).decode() == word


def test_the_schedule_is_that_of_the_package():
    for step, steps, warmup, peak in (case.arguments for case in find("9.3").cases(random.Random(0))):
        config = TrainConfig(steps=steps, warmup=warmup, schedule="cosine", learning_rate=peak)
        expected = learning_rate(step, config)
        assert exercises._warmup_cosine(step, steps, warmup, peak) == pytest.approx(expected)


def count_of_the_largest_of_equals(ids, new_id):
    counts = Counter(pairwise(ids))
    pair = max(counts, key=lambda each: (counts[each], each))
    return pair, _merged(ids, pair, new_id)


def count_without_overlap(ids, new_id):
    counts = {pair: sum(1 for _ in _places(ids, pair)) for pair in pairwise(ids)}
    pair = min(counts, key=lambda each: (-counts[each], each))
    return pair, _merged(ids, pair, new_id)


def _places(ids, pair):
    i = 0
    while i < len(ids) - 1:
        actual = (ids[i], ids[i + 1]) == pair
        if actual:
            yield i
        i += 2 if actual else 1


def _merged(ids, pair, new_id):
    places = set(_places(ids, pair))
    return [new_id if i in places else ids[i] for i in range(len(ids)) if i - 1 not in places]


@pytest.mark.parametrize(
    ("answer", "clue"),
    [(count_of_the_largest_of_equals, "take the largest"), (count_without_overlap, "counts twice")],
)
def test_a_wrong_count_gets_its_own_hint_in_every_draw(answer, clue: str, capsys):
    for _ in range(10):
        check("9.1", answer)
        assert clue in capsys.readouterr().out


def test_a_merge_that_changes_its_input_is_told_so(capsys):
    def cleared(ids, new_id):
        result = exercises._bpe_merge(ids, new_id)
        ids.clear()
        return result

    check("9.1", cleared)
    assert "changes its input" in capsys.readouterr().out


def test_a_list_without_the_pair_is_not_said_to_be_three_values(capsys):
    check("9.1", lambda ids, new_id: exercises._bpe_merge(ids, new_id)[1])
    assert "must be 2 values" in capsys.readouterr().out


def test_the_chapter_runs_on_with_any_correct_schedule():
    def schedule(step, steps, warmup, peak):
        if step < warmup:
            return (step + 1) / warmup * peak
        return torch.tensor(peak) / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

    (cell,) = (cell for cell in CHAPTER["cells"] if "rates = " in "".join(cell["source"]))
    names = {"warmup_cosine": schedule, "solved": solved, "torch": torch}
    exec("".join(cell["source"]), names | {"TrainConfig": TrainConfig, "learning_rate": learning_rate})


def test_a_wrong_entry_of_the_list_is_named(capsys):
    def answer(ids, new_id):
        pair, merged = exercises._bpe_merge(ids, new_id)
        return pair, [*merged[:-3], merged[-3] + 1, *merged[-2:]] if len(merged) > 10 else merged

    check("9.1", answer)
    assert "in the list, in value " in capsys.readouterr().out
