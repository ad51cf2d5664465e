"""Answers to the exercises of chapters 02 to 04 that students write: right ones pass, and wrong ones do not."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_exercises import printed

from lecture21 import GPT, presets
from lecture21.exercises.registry import find

NAMES = {"torch": torch, "math": math, "np": np, "F": F}


def written(number: str, body: str) -> object:
    """Return the function that has this body under the signature of the exercise's stub."""
    exercise = find(number)
    signature = exercise.stub.splitlines()[0]
    names = dict(NAMES)
    exec("\n".join([signature, *(f"    {line}" for line in body.strip().splitlines())]), names)
    return names[exercise.name]


ROWS = """
result = torch.zeros(scores.shape, dtype=scores.dtype)
for i in range(len(scores)):
    powers = (scores[i] - scores[i].max()).exp()
    result[i] = powers / powers.sum()
return result
"""
LOOP = """
T = len(x)
weights = torch.zeros(T, T)
for i in range(T):
    weights[i] = (x @ x[i]).softmax(0)
return weights @ x, weights
"""
SPREAD = "s = q @ k.T\nd = q.shape[-1]\nreturn tuple({} for c in (1, d ** 0.5, d))"
COMMUTES = "return bool({})"
A, B = "attend(x[order])", "attend(x)[order]"
LEAK = "c = x.clone()\n{}\nd = attend(c)[:-1] - attend(x)[:-1]\nreturn bool((d.abs() > 1e-5).any())"
SEES = "c = x.clone()\nc[-1] = torch.randn(x.shape[1])\na, b = attend(c), attend(x)\nreturn bool({})"
GRADIENT = """
y = x.clone().requires_grad_()
attend(y)[:-1].mul(torch.rand(len(x) - 1, 1)).sum().backward()
return bool((y.grad[-1].abs() > 1e-5).any())
"""

RIGHT = {
    "2.1": ["return torch.softmax(scores, dim=-1)", ROWS],
    "2.2": [LOOP, "w = (x @ x.T).softmax(1)\nreturn [w @ x, w]"],
    "2.3": [
        COMMUTES.format(f"({A} - {B}).abs().max() < 1e-4"),
        COMMUTES.format(f"torch.allclose({A}, {B}, rtol=0, atol=1e-4)"),
        COMMUTES.format(f"torch.allclose({A}[order.argsort()], attend(x), atol=1e-4)"),
    ],
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
    "4.2": ["return scores.masked_fill(~mask, -1e9).softmax(-1)", "return scores.where(mask, -torch.inf).softmax(1)"],
    "4.3": [
        LEAK.format("c[-1] = torch.randn(x.shape[1])"),
        LEAK.format("c[-1, 0] += 1"),
        LEAK.format("c[-1] += torch.rand(x.shape[1])"),
        LEAK.format("c[-1] = 1000 * torch.randn(x.shape[1])"),
        GRADIENT,
    ],
    "4.5": [
        "return scores.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num()",
        "return scores.where(mask, -math.inf).softmax(-1).where(mask, 0.0)",
        "w = scores.masked_fill(~mask, -1e9).softmax(-1)\nreturn w.masked_fill(~mask, 0)",
    ],
}

# Each wrong answer, and words of what is said about it.
WRONG = {
    "2.1": {
        "p = (scores - scores.mean(-1, keepdim=True)).exp()\nreturn p / p.sum(-1, keepdim=True)": "still above 0",
        "p = scores.exp()\nreturn p / p.sum(-1)": "keeps the dimension",
    },
    "2.2": {"w = (x @ x.T + x @ x.T).softmax(-1)\nreturn w @ x, w": "in the weights"},
    "2.3": {
        COMMUTES.format(f"({A}.mean() - {B}.mean()).abs() < 1e-4"): "row",
        COMMUTES.format(f"torch.allclose({A}.sort(0).values, {B}.sort(0).values, atol=1e-4)"): "row",
        COMMUTES.format(f"({A} - {B}).sum() < 1e-4"): "row",
        COMMUTES.format(f"({A} - {B}).max() < 1e-4"): "absolute",
        COMMUTES.format(f"({B} - {A}).max() < 1e-4"): "absolute",
        COMMUTES.format(f"torch.allclose({A}[:2], {B}[:2], atol=1e-4)"): "all rows",
        COMMUTES.format(f"torch.allclose({A}[-2:], {B}[-2:], atol=1e-4)"): "all rows",
        COMMUTES.format(f"torch.allclose({A}, {B})"): "may be rounding",
        COMMUTES.format(f"torch.allclose({A}, {B}, atol=1e-6)"): "may be rounding",
    },
    "3.1": {"w = (q @ k.mT / 3).softmax(-1)\nreturn w @ v, w": "in the weights"},
    "4.2": {
        "return scores.masked_fill(~mask, -50).softmax(-1)": "a number such as -100",
        "return scores.masked_fill(~mask, -1000).softmax(-1)": "a number such as -100",
    },
    "4.3": {
        LEAK.format("c[-1] += 100"): "LayerNorm",
        LEAK.format("c[-1] *= 2"): "LayerNorm",
        SEES.format("(a[-2] - b[-2]).abs().max() > 1e-5"): "",
        SEES.format("(a - b)[:-1].max() > 1e-5"): "absolute",
        SEES.format("(b - a)[:-1].max() > 1e-5"): "absolute",
        SEES.format("(a - b)[:-1].sum().abs() > 1e-5"): "",
        SEES.format("not torch.equal(a[:-1], b[:-1])"): "up to 1e-5 are rounding",
        SEES.format("not torch.allclose(a[:-1], b[:-1])"): "up to 1e-5 are rounding",
    },
    "4.5": {
        "return (scores + mask.log()).softmax(-1).nan_to_num()": "gradient",
        "return scores.masked_fill(~mask, -100).softmax(-1).masked_fill(~mask, 0)": "must sum to 1",
    },
}


@pytest.mark.parametrize(("number", "body"), [(number, body) for number in RIGHT for body in RIGHT[number]])
def test_a_right_answer_in_other_words_is_correct(capsys, number, body):
    for _ in range(5):
        assert printed(capsys, find(number), written(number, body)) == f"{number}: correct"


@pytest.mark.parametrize(
    ("number", "body", "words"), [(number, body, words) for number in WRONG for body, words in WRONG[number].items()]
)
def test_a_wrong_answer_is_never_correct(capsys, number, body, words):
    for _ in range(5):
        text = printed(capsys, find(number), written(number, body))
        assert not text.startswith(f"{number}: correct")
        assert words in text


@pytest.mark.parametrize("unmasked", [(), (0,), (3,), (0, 1, 2, 3)])
def test_the_test_for_leaks_finds_a_gpt_without_masks(unmasked):
    torch.manual_seed(0)
    gpt = GPT(presets.get("gpt0")).eval().requires_grad_(False)
    for layer in unmasked:
        gpt.blocks[layer].attention.causal = False

    def logits_of(x):
        h = (x + gpt.position(0, len(x)))[None]
        for block in gpt.blocks:
            h = block(h)
        return gpt.head(gpt.norm(h))[0]

    assert find("4.3").solution(logits_of, torch.randn(12, 64)) == bool(unmasked)
