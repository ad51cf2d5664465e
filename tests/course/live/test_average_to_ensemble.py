"""One slider from average to ensemble: its members minimize the package's loss exactly, and what it says is true."""

import math
import re

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.course.live import AverageToEnsemble
from lecture21.mixtures import ambiguity_decomposition, negative_correlation_loss

FIT = """([seed, members, share, kappa, penalty, gated]) => {
    const data = module.prepare(module.drawPoints(seed), members, share, gated ?? false);
    const weights = module.fitTogether(data, kappa, penalty);
    return { ...data, weights, errors: module.errorsOf(data, weights), curves: module.curvesOf(data, weights),
             x: module.drawPoints(seed).map(([x]) => x), line: module.CURVE, truth: module.CURVE.map(module.truth) };
}"""

TENSORS = ("x", "y", "gate", "freshGate", "seen", "fresh", "line")


@pytest.fixture
def fit(load_module):
    """A function that fits members in the page, and returns everything about them as tensors."""
    page = load_module("average_to_ensemble/members.js")

    def fitted(*setting):
        found = page.evaluate(FIT, list(setting))
        tensors = {name: torch.tensor(found[name], dtype=torch.float64) for name in TENSORS}
        return found | tensors | {"weights": torch.tensor(found["weights"], dtype=torch.float64)}

    return fitted


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("kappa", [0, 0.05, 0.7, 1])
@pytest.mark.parametrize(
    ("members", "share", "penalty"), [(1, 1, 0.01), (10, 1, 0.01), (7, 0.5, 0.001), (30, 0.1, 1), (30, 1, 0.001)]
)
def test_the_members_minimize_the_package_s_loss(fit, kappa, members, share, penalty, gated):
    found = fit(3, members, share, kappa, penalty, gated)
    gate = found["gate"].T  # (N, M)
    seen_by = max(1, round(share * members))
    if gated:
        assert ((gate > 0).sum(dim=1) == seen_by).all()
        assert gate.max() > 1.5 / seen_by or seen_by <= 3  # not equal
    else:
        assert ((gate == 0) | torch.isclose(gate, torch.tensor(1 / seen_by, dtype=torch.float64))).all()
    assert torch.allclose(gate.sum(dim=1), torch.ones(16, dtype=torch.float64))

    def loss(weights):
        predictions = torch.einsum("mnk,mk->nm", found["seen"], weights)
        errors = negative_correlation_loss(predictions, found["y"], gate, kappa)
        return errors.sum() + penalty / seen_by * weights.square().sum()

    weights = found["weights"].requires_grad_()
    (gradient,) = torch.autograd.grad(loss(weights), weights)
    assert gradient.abs().max() < 1e-7 * (1 + weights.abs().max())  # convex: where the gradient is 0 is the minimum
    other = fit(4, members, share, kappa, penalty, gated)["weights"]
    assert torch.autograd.grad(loss(other.requires_grad_()), other)[0].abs().max() > 1e-3  # that of other points is not


def test_alone_each_member_is_a_ridge_regression_and_together_they_are_one(fit):
    alone, together = (fit(1, 5, 1, kappa, 0.03) for kappa in (0, 1))
    identity = torch.eye(4, dtype=torch.float64)
    for m, a in enumerate(alone["seen"]):
        expected = torch.linalg.solve(a.T @ a + 0.03 * identity, a.T @ alone["y"])
        assert torch.allclose(alone["weights"][m], expected, atol=1e-9)
    a = together["seen"].transpose(0, 1).flatten(1) / 5  # (N, 5 * 4): the inputs of one model, the mean
    expected = torch.linalg.solve(a.T @ a + 0.03 / 5 * torch.eye(20, dtype=torch.float64), a.T @ together["y"])
    assert torch.allclose(together["weights"].flatten(), expected, atol=1e-7)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("members", "share", "kappa"), [(10, 1, 0.8), (10, 0.6, 0.5), (1, 1, 0), (30, 0.3, 1)])
def test_the_errors_are_those_of_the_package(fit, members, share, kappa, gated):
    found = fit(2, members, share, kappa, 0.01, gated)
    curves = torch.tensor(found["curves"]["members"], dtype=torch.float64).T  # (places, M)
    truth = torch.tensor(found["truth"], dtype=torch.float64)
    predictions = torch.einsum("mnk,mk->nm", found["seen"], found["weights"])
    weights = found["freshGate"].T if gated else torch.full((members,), 1 / members, dtype=torch.float64)
    for name, terms in {
        "onPoints": ambiguity_decomposition(predictions, found["y"], found["gate"].T),
        "onNew": ambiguity_decomposition(curves, truth, weights),
    }.items():
        for term, values in terms._asdict().items():
            assert math.isclose(found["errors"][name][term], values.mean().item(), rel_tol=1e-9), (name, term)
    assert found["curves"]["mean"] == pytest.approx((weights * curves).sum(dim=1).tolist())
    if gated or members == 1:
        assert found["errors"]["onNew"]["shared"] is None
        return
    errors = curves - truth[:, None]
    cross = errors.T @ errors / len(truth)  # (M, M)
    pairs = cross[~torch.eye(members, dtype=torch.bool)]
    assert math.isclose(found["errors"]["onNew"]["shared"], pairs.mean().item(), rel_tol=1e-6, abs_tol=1e-9)


def readings(figure) -> list[float]:
    """Return the three terms on the points, those against the curve, and the mean product of the errors of two."""
    text = figure.locator(".reading").inner_text().replace("\u2212", "-")
    return [float(number) for number in re.findall(r"(?:error|ambiguity|of) (-?\d+\.\d{3})", text)]


def test_what_to_try_is_true(open_figures):
    figure = open_figures(AverageToEnsemble()).figure("average_to_ensemble")
    expect(figure.locator(".controls").first.locator("input")).to_have_count(2)
    slider = figure.get_by_role("slider", name="κ")
    found = [readings(figure)]
    for _ in range(20):
        slider.press("ArrowRight")
        found.append(readings(figure))
    for average, ambiguity, ensemble, *new, _ in found:
        assert ensemble == pytest.approx(average - ambiguity, abs=0.0015)
        assert new[2] == pytest.approx(new[0] - new[1], abs=0.0015)
    for term, direction in ((0, 1), (1, 1), (2, -1)):  # on the points: they disagree more, and the mean gets better
        terms = [each[term] for each in found]
        assert terms == sorted(terms, reverse=direction < 0), term
    new = [each[5] for each in found]
    assert 0 < new.index(min(new)) < 20
    assert new[-1] > 2 * min(new)
    assert found[-1][6] < 0 < found[0][6]
    slider.press("Home")
    until(lambda: readings(figure) == found[0])
    figure.get_by_label("Gate").check()
    reading = figure.locator(".reading")
    expect(reading).to_contain_text("a gate")
    gated = [readings(figure)]
    for _ in range(20):
        slider.press("ArrowRight")
        gated.append(readings(figure))
    gains = [each[0][5] - min(row[5] for row in each) for each in (found, gated)]
    assert gains[1] < gains[0] / 10  # little is left to gain
    assert gated[0][3] < found[0][3] / 2  # since the members that count are right there
    expect(reading).not_to_contain_text("mean product")


def test_points_are_dragged_and_drawn_again(open_figures):
    stage = open_figures(AverageToEnsemble(kappa=1))
    figure = stage.figure("average_to_ensemble")
    before = readings(figure)
    handle = figure.locator(".handle")
    expect(handle).to_have_attribute("aria-label", re.compile("Point 1 of 16"))
    handle.press("Shift+ArrowUp")
    until(lambda: readings(figure) != before)
    handle.press("PageDown")  # the label follows when the picture is drawn
    expect(handle).to_have_attribute("aria-label", re.compile("Point 2 of 16"))
    moved = readings(figure)
    box = figure.locator(".grip").nth(8).bounding_box()
    stage.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + 30, box["y"] - 40, steps=3)
    stage.page.mouse.up()
    until(lambda: readings(figure) != moved)
    figure.get_by_role("button", name="Draw other points").click()
    expect(handle).to_have_attribute("aria-label", re.compile("Point 1 of 16"))
    other = readings(figure)
    figure.get_by_role("button", name="Reset").click()
    until(lambda: readings(figure) == before != other)


def test_penalty_members_and_shares(open_figures):
    figure = open_figures(AverageToEnsemble(kappa=1)).figure("average_to_ensemble")
    figure.locator("summary").click()
    before = readings(figure)
    figure.get_by_label("Penalty λ").press("End")
    until(lambda: readings(figure)[0] < before[0] / 2)  # a penalty keeps the members together
    figure.get_by_label("Penalty λ").press("Home")
    until(lambda: readings(figure)[0] > before[0])
    figure.get_by_role("slider", name="Share of the members").press("ArrowLeft")
    expect(figure.locator(".reading")).to_contain_text("seen by 90")
    figure.get_by_role("slider", name="Members:").press("Home")
    text = figure.locator(".reading")
    expect(text).to_contain_text("One member")
    expect(text).to_contain_text("ambiguity 0.000")
    for slider in figure.get_by_role("slider").all():
        for end in ("Home", "End"):
            slider.press(end)
            until(lambda: not re.search(r"NaN|Infinity|undefined", figure.locator("section.figure").inner_text()))
