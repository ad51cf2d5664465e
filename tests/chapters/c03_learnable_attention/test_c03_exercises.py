"""Answers to the exercises of chapter 03 that students write: right ones pass, and wrong ones do not."""

import pytest
from readers import printed, written

SPREAD = "s = q @ k.T\nd = q.shape[-1]\nreturn tuple({} for c in (1, d ** 0.5, d))"

SCALED = "w = (q @ k.mT / ({})).softmax(-1)\nreturn w @ v, w"
MATRICES = "q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T\nreturn {} @ v"

RIGHT = {
    "3.1": [
        "w = (q @ k.mT / torch.sqrt(torch.tensor(q.shape[-1]))).softmax(-1)\nreturn w @ v, w",
        "w = (q @ k.mT / torch.tensor(float(q.shape[-1])).sqrt()).softmax(-1)\nreturn w @ v, w",
    ],
    "3.3": [
        SPREAD.format("(s / c).std().item()"),
        SPREAD.format("(s / c).std(unbiased=False).item()"),
        SPREAD.format("np.std((s / c).numpy())"),
        SPREAD.format("((s / c - (s / c).mean()) ** 2).mean().sqrt()"),
    ],
}

# Each wrong answer, and words of what is said about it.
WRONG = {
    "3.1": {
        SCALED.format("3"): "divided by another number than sqrt(D)",
        SCALED.format("q.shape[1] ** 0.5"): "q.shape[1], which is d_k only if there are no leading dimensions",
        SCALED.format("k.shape[-2] ** 0.5"): "divided by another number than sqrt(D)",
    },
    "3.2": {
        MATRICES.format("(q @ k.T / q.shape[1]).softmax(-1)"): "Which power of D",
        MATRICES.format("(q @ k.T / q.shape[1] ** 0.5).softmax(0)"): "your softmax makes the columns sum to 1",
    },
    "3.3": {
        SPREAD.format("(s / c).abs().mean().item()"): "the first number must be the standard deviation",
        "s = q @ k.T\nreturn s.std(), (s / 2).std(), (s / 4).std()": "By which number must the scores be divided",
    },
    "3.4": {"return x.view(*x.shape[:2], n_head, 2).transpose(1, 2)": "raises RuntimeError"},
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
