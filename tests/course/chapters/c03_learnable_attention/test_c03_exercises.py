"""Answers to the exercises of chapter 03 that students write: right ones pass, and wrong ones do not."""

import itertools

import pytest
from readers import printed, written

from lecture21.data import described

SCALED = "w = (q @ k.mT / ({})).softmax(-1)\nreturn w @ v, w"
RIGHT = {
    "3.1": [
        "w = (q @ k.mT / torch.sqrt(torch.tensor(q.shape[-1]))).softmax(-1)\nreturn w @ v, w",
        "w = (q @ k.mT / torch.tensor(float(q.shape[-1])).sqrt()).softmax(-1)\nreturn w @ v, w",
    ],
}

# Each wrong answer, and words of what is said about it.
WRONG = {
    "3.1": {
        SCALED.format("3"): "divided by another number than sqrt(D)",
        SCALED.format("q.shape[1] ** 0.5"): "q.shape[1], which is d_k only if there are no leading dimensions",
        SCALED.format("k.shape[-2] ** 0.5"): "divided by another number than sqrt(D)",
        "w = (k @ q.mT / q.shape[-1] ** 0.5).softmax(-1)\nreturn w @ v, w": "queries and keys are exchanged",
        "w = (q @ k.transpose(0, 1) / q.shape[-1] ** 0.5).softmax(-1)\nreturn w @ v, w": "counted from the end",
        "w = (q @ k.T / q.shape[-1] ** 0.5).softmax(-1)\nreturn w @ v, w": "counted from the end",
    },
    "3.3": {"return x.view(*x.shape[:2], n_head, 2).transpose(1, 2)": "raises RuntimeError"},
    "3.2": {
        "return one[None], (noun + place)[None], plural[None]": "3.2: not right yet: in “the teachers are”",
        "return one, 8 * noun + place, plural": "3.2: not right yet: w_query must have C = 6 columns",
    },
}


@pytest.mark.parametrize(("number", "body"), [(number, body) for number in RIGHT for body in RIGHT[number]])
def test_a_right_answer_in_other_words_is_correct(capsys, number, body):
    for _ in range(5):
        assert printed(capsys, number, written(number, body)) == f"{number}: correct"


@pytest.mark.parametrize(
    ("number", "body", "words"), [(number, body, words) for number in WRONG for body, words in WRONG[number].items()]
)
def test_a_wrong_answer_is_never_correct(capsys, number, body, words):
    for _ in range(5):
        text = printed(capsys, number, written(number, body))
        assert not text.startswith(f"{number}: correct")
        assert words in text


def test_nouns_are_as_far_apart_as_exercise_2_says(said):
    longest, gaps, follow = 0, set(), set()
    for words in described.sentences(4000):
        nouns = [place for place, word in enumerate(words) if described.WORDS[word][0]]
        between = [after - before for before, after in itertools.pairwise(nouns)]
        longest = max(longest, len(words))
        gaps |= set(between)
        follow |= {gap - 1 for gap in between} | {len(words) - 1 - nouns[-1]}
    said(
        "A text has up to {} words, nouns are at least {:words} places apart, "
        "and at most {:words} words follow the latest noun.",
        longest,
        min(gaps),
        max(follow),
    )
