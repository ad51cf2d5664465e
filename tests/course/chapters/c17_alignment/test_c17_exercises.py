"""Losses of chapter 17: right in any style, and wrong without a gradient or where float64 overflows."""

import math

import pytest
import torch
import torch.nn.functional as F

from lecture21.course.exercises import check


def _one_by_one(chosen, rejected):
    losses = [F.softplus(b - a) for a, b in zip(chosen, rejected, strict=True)]
    return sum(losses) / len(losses)


RIGHT = {
    "softplus": lambda c, r: F.softplus(r - c).mean(),
    "logaddexp": lambda c, r: torch.logaddexp(torch.zeros_like(c), r - c).mean(),
    "cross-entropy": lambda c, r: F.cross_entropy(torch.stack([c, r], 1), torch.zeros(len(c), dtype=torch.long)),
    "binary": lambda c, r: F.binary_cross_entropy_with_logits(c - r, torch.ones_like(c)),
    "a loop": _one_by_one,
}
WITHOUT_GRADIENT = {
    "half detached": lambda c, r: -F.logsigmoid(c - r.detach()).mean(),
    "detached": lambda c, r: -F.logsigmoid(c - r).mean().detach(),
    "a new tensor": lambda c, r: torch.tensor(
        sum(max(0.0, y - x) + math.log1p(math.exp(-abs(y - x))) for x, y in zip(c.tolist(), r.tolist(), strict=True))
        / len(c),
        dtype=c.dtype,
    ),
}
OVERFLOW = {
    "sigmoid": lambda c, r: -torch.log(torch.sigmoid((c - r).double())).mean().to(c.dtype),
    "exp": lambda c, r: torch.log1p(torch.exp((r - c).double())).mean().to(c.dtype),
}


def verdict(capsys, number: str, loss) -> str:
    def dpo(chosen, rejected, reference_chosen, reference_rejected, beta):
        return loss(beta * (chosen - reference_chosen), beta * (rejected - reference_rejected))

    capsys.readouterr()
    check(number, loss if number == "17.1" else dpo)
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("number", ["17.1", "17.4"])
@pytest.mark.parametrize("style", RIGHT)
def test_a_right_loss_is_correct_in_any_style(capsys, number: str, style: str):
    assert verdict(capsys, number, RIGHT[style]) == f"{number}: correct"


@pytest.mark.parametrize("number", ["17.1", "17.4"])
@pytest.mark.parametrize("style", WITHOUT_GRADIENT)
def test_a_loss_without_a_gradient_is_told_so(capsys, number: str, style: str):
    text = verdict(capsys, number, WITHOUT_GRADIENT[style])
    if style == "half detached":
        assert "the values are right, but no gradient passes back to rejected" in text
    else:
        assert "the value is right, but its gradient does not reach both" in text


@pytest.mark.parametrize("number", ["17.1", "17.4"])
@pytest.mark.parametrize("style", OVERFLOW)
def test_float64_does_not_make_a_loss_finite(capsys, number: str, style: str):
    assert "correct" not in verdict(capsys, number, OVERFLOW[style])


@pytest.mark.parametrize("number", ["17.1", "17.4"])
def test_a_finite_loss_whose_gradient_is_nan_is_wrong(capsys, number: str):
    def split(c, r):
        return torch.where(r - c > 30, r - c, torch.log1p(torch.exp(r - c))).mean()

    assert "are right, but the gradient with respect to chosen contains NaN" in verdict(capsys, number, split)


def test_a_wrong_number_is_printed_without_an_index(capsys):
    text = verdict(capsys, "17.1", lambda c, r: (c - r).abs().mean())
    assert "1 is not the right value" in text
    assert "[]" not in text
