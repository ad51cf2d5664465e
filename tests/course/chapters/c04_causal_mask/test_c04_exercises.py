"""Answers to the exercises of chapter 04 that students write: right ones pass, and wrong ones do not."""

import pytest
import torch
from readers import printed, written

from lecture21.course.chapters.c04_causal_mask import cheat
from lecture21.course.exercises.registry import find

LEAK = "c = x.clone()\n{}\nd = attend(c)[:-1] - attend(x)[:-1]\nreturn bool((d.abs() > 1e-5).any())"
SEES = "c = x.clone()\nc[-1] = torch.randn(x.shape[1])\na, b = attend(c), attend(x)\nreturn bool({})"
GRADIENT = """
y = x.clone().requires_grad_()
attend(y)[:-1].mul(torch.rand(len(x) - 1, x.shape[1])).sum().backward()
return bool((y.grad[-1].abs() > 1e-5).any())
"""

SUM_OF_GRADIENTS = GRADIENT.replace(".mul(torch.rand(len(x) - 1, x.shape[1]))", "")
FILLED = """
result = torch.zeros(scores.shape{})
for i, keys in enumerate(mask):
    if keys.any():
        result[i, keys] = scores[i, keys].softmax(0)
return result
"""
POWERS = "s = scores.masked_fill(~mask, -1e9)\ne = (s - s.amax(-1, keepdim=True)).exp() * mask"

RIGHT = {
    "4.2": [
        "return scores.masked_fill(~mask, -1e9).softmax(-1)",
        "return scores.where(mask, -torch.inf).softmax(1)",
        "return (scores + torch.where(mask, 0.0, -torch.inf)).softmax(-1)",
        "s = scores.clone()\ns[~mask] = -torch.inf\nreturn s.softmax(-1)",
        "return scores.masked_fill(mask.logical_not(), torch.finfo(scores.dtype).min).softmax(-1)",
        "return torch.stack([torch.where(m, s, -math.inf).softmax(0) for s, m in zip(scores, mask)])",
        "f = torch.where(mask, torch.zeros(mask.shape), -math.inf)\nreturn (scores + f).softmax(-1)",
        FILLED.format(", dtype=scores.dtype"),
    ],
    "4.3": [
        LEAK.format("c[-1] = torch.randn(x.shape[1])"),
        SEES.format("(a - b)[:-1].norm() > 1e-5"),
        SEES.format("(a - b)[:-1].abs().sum() > 1e-5"),
        LEAK.format("c[-1] += torch.rand(x.shape[1])"),
        LEAK.format("c[-1] = 1000 * torch.randn(x.shape[1])"),
        GRADIENT,
    ],
    "4.5": [
        "return scores.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num()",
        "return scores.where(mask, -math.inf).softmax(-1).where(mask, 0.0)",
        "w = scores.masked_fill(~mask, -1e9).softmax(-1)\nreturn w.masked_fill(~mask, 0)",
        "w = scores.masked_fill(~mask, -1e9).softmax(-1).clone()\nw[~mask] = 0\nreturn w",
        f"{POWERS}\nreturn e / (e.sum(-1, keepdim=True) + 1e-9)",
        f"{POWERS}\nreturn e / e.sum(-1, keepdim=True).clamp(min=1e-30)",
        FILLED.format(", dtype=scores.dtype"),
    ],
}

SOLUTION = "return scores.masked_fill(~mask, -math.inf).softmax(-1)"

# Each wrong answer, and words of what is said about it.
WRONG = {
    "4.2": {
        "return scores.masked_fill(~mask, -50).softmax(-1)": "a number such as -100",
        "return scores.masked_fill(~mask, -1000).softmax(-1)": "a number such as -100",
        "w = scores.softmax(-1) * mask\nreturn w / w.sum(-1, keepdim=True)": "a masked score of 200",
        "e = (scores - scores.max()).exp() * mask\nreturn e / e.sum(-1, keepdim=True)": "a masked score of 200",
        "w = scores.softmax(-1) * mask\nreturn w / (w.sum(-1, keepdim=True) + 1e-9)": "each row must sum to 1",
        "e = scores.exp() * mask\nreturn e / e.sum(-1, keepdim=True)": "e^200 is infinite in float32",
        "e = scores.masked_fill(~mask, -math.inf).exp()\nreturn e / e.sum(-1, keepdim=True)": "subtract from each row",
        f"with torch.no_grad():\n    {SOLUTION}": "no gradient passes back to `scores`",
        f"scores = scores.detach()\n{SOLUTION}": "no gradient passes back to `scores`",
        f"scores = torch.from_numpy(scores.numpy())\n{SOLUTION}": "numpy() leaves PyTorch",
        "scores[~mask] = -math.inf\nreturn scores.softmax(-1)": "an assignment to `scores[...]` writes into it",
        "scores.masked_fill(~mask, -math.inf)\nreturn scores.softmax(-1)": "Do you use what masked_fill returns?",
    },
    "4.3": {
        LEAK.format("c[-1] += 100"): "LayerNorm",
        LEAK.format("c[-1] *= 2"): "LayerNorm",
        LEAK.format("c[-1] = 0"): "LayerNorm",
        LEAK.format("c[-1] = 1"): "LayerNorm",
        LEAK.format("c[-1] = -x[-1]"): "LayerNorm",
        LEAK.format("c[-1] = x[-1].flip(0)"): "LayerNorm",
        **{LEAK.format(f"c[-1, {n}] {change}"): "last" for n in (0, 1, -1) for change in ("+= 1", "= torch.randn(())")},
        **{LEAK.format(f"c[-1] = x[{n}]"): "all tokens are equal here" for n in (0, -2)},
        LEAK.format("c[-1] = x.mean(0)"): "all tokens are equal here",
        SEES.format("(a[-2] - b[-2]).abs().max() > 1e-5"): "compare every output except the last",
        **{
            SEES.format(f"not torch.allclose(a[{part}], b[{part}], atol=1e-5)"): "compare all of them"
            for part in (":-1, 0", ":-1, 1:", ":-1, -1")
        },
        **{
            SEES.format(f"not torch.allclose(a[:-1], b[:-1], {tolerance})"): "no rounding error"
            for tolerance in ("atol=1e-3", "atol=1e-4")
        },
        SEES.format("(a - b)[:-1].abs().mean() > 1e-5"): "no rounding error",
        **{
            SEES.format(f"not torch.allclose(a[:-1]{part}, b[:-1]{part}, atol=1e-5)"): "number by number"
            for part in (".sum(-1)", ".norm(dim=-1)", ".sort(-1).values")
        },
        SEES.format("not torch.allclose(a[:-1], b[:-1], rtol=1e-2, atol=1e-5)"): "",
        SUM_OF_GRADIENTS: "cancel in a sum",
        SEES.format("(a - b)[:-1].max() > 1e-5"): "absolute",
        SEES.format("(b - a)[:-1].max() > 1e-5"): "absolute",
        SEES.format("(a - b)[:-1].sum().abs() > 1e-5"): "",
        SEES.format("not torch.equal(a[:-1], b[:-1])"): "up to 1e-5 are rounding",
        SEES.format("not torch.allclose(a[:-1], b[:-1])"): "up to 1e-5 are rounding",
    },
    "4.5": {
        FILLED.format(""): "float64",
        f"scores = scores.float()\n{SOLUTION}.nan_to_num()": "must have the dtype torch.float64",
        "m = mask.clone()\nm[:, 0] = True\nreturn scores.masked_fill(~m, -1e9).softmax(-1) * mask": "must sum to 1",
        "return (scores + mask.log()).softmax(-1).nan_to_num()": "gradient",
        "return scores.masked_fill(~mask, -100).softmax(-1).masked_fill(~mask, 0)": "must sum to 1",
        "w = scores.softmax(-1) * mask\nreturn w / (w.sum(-1, keepdim=True) + 1e-9)": "hides 0 / 0",
        f"with torch.no_grad():\n    {SOLUTION}.masked_fill(~mask, 0)": "no gradient passes back",
        f"{SOLUTION.replace('return', 'w =')}\nw[~mask] = 0\nreturn w": "you change it in place",
        f"{SOLUTION.replace('return', 'w =')}\nw[w.isnan()] = 0\nreturn w": "you change it in place",
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
    torch.manual_seed(0)  # some answers draw numbers
    for _ in range(5):
        text = printed(capsys, number, written(number, body))
        assert not text.startswith(f"{number}: correct")
        assert words in text


LETTERS = {
    '{"b", "c", "e"}': "MASKS has other keys",
    '{"B", "C", "E", "F"}': "MASKS has other keys",
    '{"BCE"}': "MASKS has other keys",
    '{"B", "C", "D"}': "does not leak",
    '{"A", "B", "C", "E"}': "does not leak",
    '{"B"}': "at least one more layer leaks",
    "set()": "at least one more layer leaks",
}


@pytest.mark.parametrize(("letters", "words"), LETTERS.items())
def test_a_wrong_set_of_letters_is_told_what_is_wrong(capsys, letters, words):
    assert words in printed(capsys, "4.4", eval(letters))


@pytest.mark.parametrize("unmasked", [(), (1,), (4,), (1, 2, 3, 4)])
def test_the_test_for_leaks_finds_a_gpt_without_masks(unmasked):
    assert find("4.3").solution(cheat.small_gpt(unmasked=unmasked), torch.randn(12, 64)) == bool(unmasked)
