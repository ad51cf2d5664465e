"""Answers to the exercises of chapter 02 that students write: right ones pass, and wrong ones do not."""

import pytest
from readers import printed, written

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
DETACHED = "w = (x @ x.T).softmax(-1)\nreturn {}"
NUMPY = """
s = scores.detach().numpy()
e = np.exp(s - s.max(1, keepdims=True))
return torch.from_numpy(e / e.sum(1, keepdims=True))
"""
COMMUTES = "return bool({})"
A, B = "attend(x[order])", "attend(x)[order]"

RIGHT = {
    "2.1": [
        "return torch.softmax(scores, dim=-1)",
        ROWS,
        "return (scores - scores.logsumexp(-1, keepdim=True)).exp()",
        "s = scores - scores.amax(-1, keepdim=True).detach()\nreturn s.exp() / s.exp().sum(-1, keepdim=True)",
    ],
    "2.2": [LOOP, "w = (x @ x.T).softmax(1)\nreturn [w @ x, w]"],
    "2.3": [
        COMMUTES.format(f"({A} - {B}).abs().max() < 1e-4"),
        COMMUTES.format(f"torch.allclose({A}, {B}, rtol=0, atol=1e-4)"),
        COMMUTES.format(f"torch.allclose({A}[order.argsort()], attend(x), atol=1e-4)"),
        COMMUTES.format(f"({A} - {B}).norm(p=float('inf')) <= 1e-4"),
        COMMUTES.format(f"({A} - {B}).norm() < 1e-4"),
        COMMUTES.format(f"({A} - {B}).abs().sum() < 1e-4"),
    ],
}

# Each wrong answer, and words of what is said about it.
WRONG = {
    "2.1": {
        "p = (scores - scores.mean(-1, keepdim=True)).exp()\nreturn p / p.sum(-1, keepdim=True)": "still above 0",
        "p = scores.exp()\nreturn p / p.sum(-1)": "keeps the dimension",
        "p = (scores - scores.max(-1).values).exp()\nreturn p / p.sum(-1)": "keeps the dimension",
        "p = (scores.max(-1, keepdim=True).values - scores).exp()\nreturn p / p.sum(-1, keepdim=True)": "largest score",
        "p = (scores - 1000).exp()\nreturn p / p.sum(-1, keepdim=True)": "0 / 0 is NaN: you subtract too much",
        "p = (scores - 500).exp()\nreturn p / p.sum(-1, keepdim=True)": "0 / 0 is NaN: you subtract too much",
        "return scores.softmax(-1).detach()": "no gradient passes back to scores",
        "with torch.no_grad():\n    return scores.softmax(-1)": "no gradient passes back to scores",
        "return torch.tensor(scores.softmax(-1).tolist(), dtype=scores.dtype)": "no gradient passes back to scores",
        NUMPY: "no gradient passes back to scores",
        NUMPY.replace(".detach()", ""): "numpy() leaves PyTorch",
    },
    "2.2": {
        "w = (x @ x.T + x @ x.T).softmax(-1)\nreturn w @ x, w": "a multiple of the dot products",
        "w = (x @ x.T / len(x) ** 0.5).softmax(-1)\nreturn w @ x, w": "a multiple of the dot products",
        DETACHED.format("(w @ x).detach(), w"): "no gradient passes back to x",
        DETACHED.format("w @ x, w.detach()"): "no gradient passes back to x",
        DETACHED.format("w.detach() @ x, w"): "the gradient with respect to x is wrong",
        f"x = x.detach()\n{DETACHED.format('w @ x, w')}": "no gradient passes back to x",
        f"x = torch.from_numpy(x.numpy())\n{DETACHED.format('w @ x, w')}": "numpy() leaves PyTorch",
    },
    "2.3": {
        COMMUTES.format(f"({A}.mean() - {B}.mean()).abs() < 1e-4"): "row",
        COMMUTES.format(f"torch.allclose({A}.sort(0).values, {B}.sort(0).values, atol=1e-4)"): "row",
        COMMUTES.format(f"({A} - {B}).square().mean() < 1e-4"): "no rounding error",
        COMMUTES.format(f"({A} - {B}).square().mean() < 1e-8"): "the mean of the differences is small",
        f"order = torch.randperm(len(x))\nreturn torch.allclose({A}, {B}, atol=1e-4)": "draws random numbers",
        COMMUTES.format(f"({A} - {B}).sum() < 1e-4"): "row",
        COMMUTES.format(f"({A} - {B}).max() < 1e-4"): "absolute",
        COMMUTES.format(f"({B} - {A}).max() < 1e-4"): "absolute",
        COMMUTES.format(f"(({A} - {B}).abs() < 1e-4).float().mean() > 0.9"): "every number of every row",
        **{
            COMMUTES.format(f"torch.allclose({A}[{part}], {B}[{part}], atol=1e-4)"): "every number of every row"
            for part in ("0", "-1", "1:", ":-1", "::2", "1::2", ":2", "-2:", "[0, 1, 3]", ":, 0", ":, -1", ":, 1:")
        },
        **{
            COMMUTES.format(f"torch.allclose({A}{part}, {B}{part}, atol=1e-4)"): "number by number"
            for part in (".sum(-1)", ".mean(-1)", ".norm(dim=-1)", ".sort(-1).values")
        },
        COMMUTES.format(f"torch.allclose({A}.abs(), {B}.abs(), atol=1e-4)"): "absolute",
        COMMUTES.format(f"torch.allclose({A}, {B}, atol=1e-3)"): "no rounding error",
        COMMUTES.format(f"torch.allclose({A}, {B}, rtol=1e-3, atol=1e-4)"): "no rounding error",
        COMMUTES.format(f"torch.equal({A}.round(decimals=3), {B}.round(decimals=3))"): "no rounding error",
        COMMUTES.format(f"torch.allclose({A}, {B})"): "may be rounding",
        COMMUTES.format(f"torch.allclose({A}, {B}, atol=1e-6)"): "may be rounding",
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
