"""Chapter 12: right answers in other words pass, later cells run on with them, and the first wrong value is named."""

from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from readers import printed

NOTEBOOK = Path(__file__).resolve().parents[4] / "notebooks" / "12_mixture_of_experts.ipynb"


def responsibilities_in_numpy(log_gate, log_members):
    joint = log_gate.numpy() + log_members.numpy()
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))


def responsibilities_in_loops(log_gate, log_members):
    rows = [torch.softmax(g + p, 0) for g, p in zip(log_gate, log_members, strict=True)]
    return torch.stack(rows)


def competitive_in_numpy(r, gate, means, sd, y):
    r, gate, means, sd, y = (each.numpy() for each in (r, gate, means, sd, y))
    return torch.from_numpy(r - gate), torch.from_numpy(r * (y[:, None] - means) / sd**2)


def competitive_in_loops(r, gate, means, sd, y):
    of_means = torch.empty_like(means)
    for n in range(len(y)):
        for m in range(len(sd)):
            of_means[n, m] = r[n, m] * (y[n] - means[n, m]) / sd[m] ** 2
    return [r - gate, of_means]


def m_step_in_tensors(x, y, r):
    inputs = torch.stack([x, torch.ones_like(x)], dim=1)
    slope, offset = torch.linalg.solve(inputs.T @ (r[:, None] * inputs), inputs.T @ (r * y))
    return slope, offset, ((r * (y - slope * x - offset) ** 2).sum() / r.sum()).sqrt()


def m_step_by_polyfit(x, y, r):
    x, y, r = (each.double().numpy() for each in (x, y, r))
    slope, offset = np.polyfit(x, y, 1, w=np.sqrt(r))
    return [slope, offset, np.sqrt(np.average((y - slope * x - offset) ** 2, weights=r))]


def update_in_tensors(weights, wrong):
    error = weights[wrong].sum()
    new = weights / (2 * torch.where(wrong, error, 1 - error))
    return torch.atanh(1 - 2 * error), new


def update_in_numpy(weights, wrong):
    w, bad = weights.numpy(), wrong.numpy()
    error = w[bad].sum()
    alpha = np.log((1 - error) / error) / 2
    new = w * np.exp(np.where(bad, alpha, -alpha)).astype(w.dtype)
    return alpha, torch.from_numpy(new / new.sum())


def update_in_float32(weights, wrong):
    alpha = 0.5 * torch.log(torch.tensor(1 / weights[wrong].sum().item() - 1))
    new = weights * torch.where(wrong, alpha, -alpha).exp()
    return alpha, new / new.sum()


STYLES = {
    "12.1": (responsibilities_in_numpy, responsibilities_in_loops),
    "12.2": (competitive_in_numpy, competitive_in_loops),
    "12.3": (3.5, torch.tensor(4.5), Fraction(9, 2), Fraction(4), np.float32(3.5), np.array(4.0)),
    "12.4": (m_step_in_tensors, m_step_by_polyfit),
    "12.5": (update_in_tensors, update_in_numpy, update_in_float32),
}


@pytest.mark.parametrize(("number", "answer"), [(n, answer) for n, answers in STYLES.items() for answer in answers])
def test_right_answers_in_other_words_pass(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"


@pytest.mark.slow
@pytest.mark.parametrize("style", [-1, 0])
def test_later_cells_run_with_every_accepted_answer(capsys, monkeypatch, style):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    page, used = {}, []
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        tags = set(cell.metadata.get("tags", []))
        # Not the questions, stubs, solutions and folded results.
        if cell.cell_type != "code" or tags - {"hide-input"} or cell.source[:6] == "check(":
            continue
        for number, answers in STYLES.items():
            if f'solved("{number}"' in cell.source:
                name = cell.source.split(f'solved("{number}", ')[1].split(")")[0]
                page[name] = answers[style]
                used.append(number)
        exec(compile(cell.source, str(NOTEBOOK), "exec"), page)
        if "12.5" in used:
            break
    assert used == list(STYLES)
    printed = capsys.readouterr().out
    for number in STYLES:
        assert f"{number}: your version is used" in printed


def test_gradients_in_the_wrong_order_are_named(capsys):
    def answer(r, gate, means, sd, y):
        return competitive_in_loops(r, gate, means, sd, y)[::-1]

    words = "in the wrong order. The task names them in this one: the gradient of the logits, then"
    assert words in printed(capsys, "12.2", answer)


def test_the_first_wrong_value_of_the_m_step_is_named(capsys):
    def other_weights(x, y, r):
        return m_step_in_tensors(x, y, r**1.5)  # the same slope in the worked example

    assert "in the offset" in printed(capsys, "12.4", other_weights)


def test_the_maximum_of_the_members_alone_is_not_enough(capsys):
    def answer(log_gate, log_members):
        joint = log_gate.exp() * (log_members - log_members.max(dim=1, keepdim=True).values).exp()
        return joint / joint.sum(dim=1, keepdim=True)

    assert "whose weight is 0: no entry may be NaN" in printed(capsys, "12.1", answer)


def responsibilities_that_track(log_gate, log_members):
    log_gate.requires_grad_()
    return (log_gate + log_members).softmax(dim=1).detach()


def rounded(digits):
    return lambda x, y, r: tuple(round(float(each), digits) for each in m_step_in_tensors(x, y, r))


def votes_rounded(weights, wrong):
    alpha, new = update_in_tensors(weights, wrong)
    return round(alpha.item(), 4), new


def forgets_the_weights(weights, wrong):
    alpha, _ = update_in_tensors(weights, wrong)
    new = torch.where(wrong, alpha, -alpha).exp()
    return alpha, new / new.sum()


def returns_the_error(weights, wrong):
    return weights[wrong].sum(), update_in_tensors(weights, wrong)[1]


@pytest.mark.parametrize(
    ("number", "answer", "part"),
    [
        ("12.1", responsibilities_that_track, "right, but it leaves requires_grad set on its input"),
        ("12.3", 3.1, "but under both the same expert moves more"),
        ("12.3", 0.5, "move each expert in the same direction"),
        ("12.3", np.array([4.0]), "it must be one finite number"),
        ("12.3", Fraction(1, 2), "move each expert in the same direction"),
        ("12.3", [4.0], "it must be one finite number"),
        ("12.3", float("nan"), "it must be one finite number"),
        *(("12.4", rounded(digits), "is not the right value") for digits in (2, 4, 6)),
        ("12.5", votes_rounded, "but alpha is not the one by which they follow from the old ones"),
        ("12.5", forgets_the_weights, "points on which the member errs must keep their proportions"),
        ("12.5", returns_the_error, "but alpha is not the one by which they follow from the old ones"),
    ],
)
def test_wrong_answers_are_refused_with_the_reason(capsys, number, answer, part):
    for _ in range(10):
        assert part in printed(capsys, number, answer)
