"""The answers of chapter 08 agree with the package."""

import random

import pytest
import torch
from readers import printed

from lecture21.course.chapters.c08_gpt_as_probability import exercises
from lecture21.course.chapters.c08_gpt_as_probability.exercises import SAMPLERS
from lecture21.course.exercises import check
from lecture21.course.exercises.registry import find
from lecture21.generation import next_token_probabilities
from lecture21.objectives import token_log_probabilities

LOGITS = torch.tensor([0.40, 0.30, 0.15, 0.10, 0.05]).log()


def test_the_log_probability_is_that_of_the_package():
    for logits, ids in (case.arguments for case in find("8.1").cases(random.Random(0))):
        expected = token_log_probabilities(logits[None, :-1], ids[None, 1:]).sum()
        torch.testing.assert_close(exercises._log_probability(logits, ids), expected)


def test_top_p_is_that_of_the_package():
    for probabilities, p in (case.arguments for case in find("8.2").cases(random.Random(0))):
        torch.testing.assert_close(
            exercises._top_p(probabilities, p), next_token_probabilities(probabilities.log(), top_p=p)
        )


@pytest.mark.parametrize("letter", SAMPLERS)
def test_only_the_wrong_samplers_differ_from_the_package(letter: str):
    ids = SAMPLERS[letter](LOGITS, 0.5, 0.9, 20_000, torch.Generator().manual_seed(0))
    shares = torch.bincount(ids, minlength=5) / 20_000
    expected = next_token_probabilities(LOGITS, temperature=0.5, top_p=0.9)
    differs = bool((shares - expected).abs().max() > 0.02)
    assert differs == (letter in find("8.3").solution)


def by_searching(probabilities, p):
    ordered, order = probabilities.sort(descending=True)
    n = int(torch.searchsorted(ordered.cumsum(dim=0), torch.tensor(p, dtype=ordered.dtype))) + 1
    result = torch.zeros_like(probabilities)
    result[order[:n]] = ordered[:n] / ordered[:n].sum()
    return result


def with_one_token_too_many(probabilities, p):
    ordered, order = probabilities.sort(descending=True)
    kept = (ordered.cumsum(dim=0) - ordered <= p) * ordered
    return torch.zeros_like(probabilities).scatter(0, order, kept / kept.sum())


def test_tokens_that_reach_p_exactly_are_enough(capsys):
    for _ in range(5):
        check("8.2", by_searching)
        assert capsys.readouterr().out == "8.2: correct\n"
        check("8.2", with_one_token_too_many)
        assert "and you keep a third" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda logits, ids: logits.log_softmax(dim=-1).gather(-1, ids[:, None]).sum(), "by its own row"),
        (lambda logits, ids: logits[1:].log_softmax(-1).gather(-1, ids[:-1, None]).sum(), "in the wrong direction"),
        (lambda logits, ids: logits[:-1].softmax(-1).log().gather(-1, ids[1:, None]).sum(), "underflows to 0"),
        (lambda logits, ids: -torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="sum"), "correct"),
    ],
)
def test_mistakes_of_the_log_probability_are_named(capsys, answer, text):
    for _ in range(5):
        check("8.1", answer)
        assert text in " ".join(capsys.readouterr().out.split())


def test_the_context_is_what_stands_before_the_last_token(capsys):
    def by_length(model, ids, context):
        before = ids.shape[1] - 1
        return torch.nn.functional.cross_entropy(model(ids[:, before - context : before])[:, -1, :], ids[:, before])

    def with_a_float(model, ids, context):
        return by_length(model, ids, context).item()

    for answer in (by_length, with_a_float):
        check("8.4", answer)
        assert capsys.readouterr().out == "8.4: correct\n"


def test_a_loss_from_the_wrong_end_of_the_row_is_told_so(capsys):
    def of_the_first(model, ids, context):
        return torch.nn.functional.cross_entropy(model(ids[:, :context])[:, -1], ids[:, context])

    for _ in range(5):
        assert "From which end do you count?" in printed(capsys, "8.4", of_the_first)
