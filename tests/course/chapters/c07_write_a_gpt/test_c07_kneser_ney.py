"""The Kneser-Ney models of the benchmark, by hand and as probabilities."""

import math
from types import SimpleNamespace

import pytest


def test_a_bigram_by_hand():
    import c07_kneser_ney

    # Bigrams: ab 2, bb 1, ba 1. Too few for estimated discounts, so half of each count is removed.
    model = c07_kneser_ney.KneserNey(2, "abbab", 3)
    # b follows 2 different characters and a follows 1: counts 2 and 1 of 3, of which half goes to 1/3 each.
    of_a, of_b = 0.5 / 3 + 0.5 / 3, 1 / 3 + 0.5 / 3
    assert model("aa") == pytest.approx(0.5 * of_a)
    assert model("ab") == pytest.approx(0.5 + 0.5 * of_b)
    assert model("ba") == pytest.approx(0.25 + 0.5 * of_a)
    assert model("cb") == pytest.approx(of_b)  # c has no counts


def test_probabilities_sum_to_1_and_estimated_discounts_follow_the_formula():
    import c07_kneser_ney

    text = "to be, or not to be, that is the question: whether it is nobler in the mind to suffer " * 2 + "slings"
    model = c07_kneser_ney.KneserNey(4, text, len(set(text)) + 1)
    for context in ("", "t", "th", "zz", "or ", "is ", "zth"):
        assert sum(model(context + letter) for letter in {*text, "z"}) == pytest.approx(1)
    counts = {str(n): times for n, times in enumerate([1] * 8 + [2] * 4 + [3] * 2 + [4, 9])}
    assert c07_kneser_ney.discounts(counts) == pytest.approx((0, 0.5, 2 - 3 * 0.5 * 2 / 4, 3 - 4 * 0.5 * 1 / 2))


def test_windows_cut_the_context_as_evaluate_does(monkeypatch):
    import c07_kneser_ney

    monkeypatch.setattr(c07_kneser_ney, "ORDERS", range(2, 5))
    monkeypatch.setattr(c07_kneser_ney, "WINDOWS", (5,))
    train, val = "the cat sat on the mat, and the rat sat on the cat", "the rat on the mat"
    monkeypatch.setattr(c07_kneser_ney, "shakespeare", lambda: train + val)
    monkeypatch.setattr(c07_kneser_ney, "split", lambda text: (train, val))
    monkeypatch.setattr(c07_kneser_ney.common, "encoded_plays", lambda: (SimpleNamespace(vocab_size=30),))
    losses = c07_kneser_ney.kneser_ney.__wrapped__()
    model = c07_kneser_ney.KneserNey(4, train, 30)
    for order in (2, 3, 4):
        nats = [
            -math.log(model(val[max(start, i - order + 1) : i + 1]))
            for start in range(0, len(val) - 1, 5)
            for i in range(start + 1, min(start + 6, len(val)))
        ]
        assert len(nats) == len(val) - 1
        assert losses[order, 5] == pytest.approx(sum(nats) / len(nats))
