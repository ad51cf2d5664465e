"""The answers of chapter 09 agree with the package."""

import random

import pytest

from lecture21.exercises import chapter_09, chapter_09_training
from lecture21.exercises._registry import find
from lecture21.tokenizers import bpe
from lecture21.training import TrainConfig, learning_rate


def test_the_merges_are_those_of_the_package():
    word = "abracadabra" * 3
    expected = bpe.train({word: 1}, 5)
    ids, names = [*word.encode()], {byte: bytes([byte]) for byte in range(256)}
    for n, pair in enumerate(expected):
        (first, second), ids = chapter_09._bpe_merge(ids, 256 + n)
        assert (names[first], names[second]) == pair
        names[256 + n] = names[first] + names[second]
    assert b"".join(names[i] for i in ids).decode() == word


def test_the_schedule_is_that_of_the_package():
    for step, steps, warmup, peak in (case.arguments for case in find("9.3").cases(random.Random(0))):
        config = TrainConfig(steps=steps, warmup=warmup, schedule="cosine", learning_rate=peak)
        expected = learning_rate(step, config)
        assert chapter_09_training._warmup_cosine(step, steps, warmup, peak) == pytest.approx(expected)
