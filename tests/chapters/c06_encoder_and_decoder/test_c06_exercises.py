"""Chapter 06: what plausible wrong answers are told, and other ways to write a right one."""

import math

import pytest
import torch
import torch.nn.functional as F
from readers import printed

from lecture21.exercises.registry import find


def cross(scale):
    def cross_attention(x, memory, w_query, w_key, w_value):
        q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
        weights = (q @ k.T / scale(x, q, v)).softmax(dim=-1)
        return weights @ v, weights

    return cross_attention


GREEDY = find("6.2").text(find("6.2").solution)


def with_numbers(code):
    """Return greedy decoding with fixed numbers instead of the ids that it is given."""
    names = {"torch": torch}
    exec(code, names)
    return names["greedy_decode"]


WRONG = {
    "a fixed end token": ("6.2", with_numbers(GREEDY.replace("== eos", "== 2")), "wrong for"),
    "a fixed padding token": ("6.2", with_numbers(GREEDY.replace("ended, pad", "ended, 0")), "wrong for"),
    "the root of C": ("6.1", cross(lambda x, q, v: math.sqrt(x.shape[1])), "what are the scores divided by?"),
    "the root of Dv": ("6.1", cross(lambda x, q, v: math.sqrt(v.shape[1])), "what are the scores divided by?"),
    "D without a root": ("6.1", cross(lambda x, q, v: q.shape[1]), "what are the scores divided by?"),
}


@pytest.mark.parametrize(("number", "answer", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_never_accepted_and_told_why(capsys, number, answer, text):
    for _ in range(5):
        assert text in printed(capsys, number, answer)


RIGHT = {
    "scaled queries": (
        "6.1",
        lambda x, memory, w_query, w_key, w_value: (
            (weights := F.softmax((x @ w_query.T / len(w_query) ** 0.5) @ (memory @ w_key.T).T, dim=1))
            @ (memory @ w_value.T),
            weights,
        ),
    ),
}


@pytest.mark.parametrize(("number", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted_in_other_words(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"
