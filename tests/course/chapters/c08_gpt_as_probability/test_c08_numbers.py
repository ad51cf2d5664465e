"""The numbers in sentences of chapter 08: those of its toy language, of `modern-gpt0`, and of the text."""

import re
from collections import Counter

import pytest
import torch
from torch import Tensor

from lecture21 import GPT, pretrained
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.generation import generate
from lecture21.objectives import token_log_probabilities

LETTERS = torch.tensor([[0.3, 0.3], [0.1, 0.1]])  # row: the letter before
BEGIN, END = torch.tensor([0.5, 0.4]), torch.tensor([0.4, 0.8])


@pytest.fixture(scope="module")
def texts() -> tuple[str, str]:
    return split(shakespeare())


def test_complete_texts_have_one_distribution(said):
    by_length, ways = [0.1], BEGIN
    for _ in range(60):
        by_length.append(float(ways @ END))
        ways = ways @ LETTERS
    said("There, the probabilities of all texts add up to {:.0f}.", sum(by_length))
    assert sum(by_length) == pytest.approx(1, abs=1e-6)


def test_the_most_probable_text_and_the_greedy_one(said):
    said(
        "ends with `a.`, which has {:.2f}. The text that it never looks at, `b.`, has {:.2f}.", *(BEGIN * END).tolist()
    )
    assert BEGIN[0] > BEGIN[1]


def test_unseen_pieces_and_the_other_smoothing(said, texts):
    train, val = texts
    seen = {train[t : t + 5] for t in range(len(train) - 4)}
    pieces = Counter(val[t : t + 5] for t in range(len(val) - 4))
    unseen = sum(count for piece, count in pieces.items() if piece not in seen)
    said("In the validation text {:.0f} % of all pieces are unseen.", 100 * unseen / pieces.total())
    table = results.load("kneser_ney").query("smoothing == 'Kneser-Ney' and order == 5 and window == 32")
    (nats,) = table["nats"]
    said("the same counts reach {:.2f} nats and beat it", nats)
    assert nats < 1.747


def loss_after_the_first(model: GPT, ids: Tensor) -> float:
    """Return the mean loss of all tokens but the two that are given."""
    with torch.no_grad():
        return -token_log_probabilities(model(ids[:, :-1]), ids[:, 1:])[:, 1:].mean().item()


def test_the_model_answer_to_the_open_exercise(said, texts):
    gpt, tokenizer = pretrained.load("modern-gpt0")
    val = texts[1]
    begins = [match.start() for match in re.finditer("\n\n", val)]
    real = torch.tensor([tokenizer.encode(val[at : at + 33]) for at in begins if at + 33 <= len(val)])
    start = torch.tensor([tokenizer.encode("\n\n")]).expand(1000, -1)
    own = {t: loss_after_the_first(gpt, generate(gpt, start, 31, temperature=t, seed=1)) for t in (0.5, 1.0, 1.2, 1.3)}
    written = "It is about {:.1f} nats at 0.5, {:.1f} at 1 and {:.1f} at 1.3; Shakespeare's is {:.2f}."
    shakespeares = loss_after_the_first(gpt, real)
    said(written, own[0.5], own[1.0], own[1.3], shakespeares)
    assert own[1.0] < own[1.2] < shakespeares < own[1.3]
