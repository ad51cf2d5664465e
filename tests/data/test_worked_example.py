"""Statements of the chapters about the worked example."""

import torch

from lecture21.attention import attention, basic_self_attention
from lecture21.data.worked_example import FEATURES, SLOTS, TOKENS, VALUE_SLOTS, W_KEY, W_QUERY, W_VALUE, X

THE, CAT, SAT, DOWN = range(4)
Q, K, V = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T


def test_the_shapes_fit_the_names():
    assert TOKENS == ("the", "cat", "sat", "down")
    assert X.shape == (len(TOKENS), len(FEATURES)) == (4, 4)
    assert W_QUERY.shape == W_KEY.shape == (len(SLOTS), len(FEATURES))
    assert W_VALUE.shape == (len(VALUE_SLOTS), len(FEATURES))


def test_the_docstrings_agree_with_the_numbers():
    assert (X @ X.T).tolist() == [[2, 2, 0, 0], [2, 5, 1, 0], [0, 1, 2, 2], [0, 0, 2, 4]]
    assert Q.tolist() == [[2, 0, 0, 0], [0, 0, 0, 0], [2, 1, 0, 0], [0, 2, 0, 0]]
    assert K.tolist() == [[0, 0, 0, 1], [2, 0, 0, 0], [0, 2, 1, 0], [0, 0, 2, 0]]
    assert V.tolist() == [[0, 0, 0, 1], [4, 1, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0]]
    assert (Q @ K.T / 2).tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 2, 0]]


def test_without_matrices_short_vectors_mix_and_long_vectors_attend_to_themselves():
    weights = basic_self_attention(X)[1]
    assert weights[THE, THE] == weights[THE, CAT] > weights[THE, SAT]
    assert weights[SAT, SAT] == weights[SAT, DOWN] > weights[SAT, CAT]
    assert weights[CAT].argmax() == CAT
    assert weights[DOWN].argmax() == DOWN


def test_with_matrices_each_word_attends_to_the_intended_word():
    weights = attention(Q, K, V)[1]
    assert weights[[THE, SAT, DOWN]].argmax(dim=1).tolist() == [CAT, CAT, SAT]
    assert torch.equal(weights[CAT], torch.full((4,), 0.25))  # the query of "cat" is zero
