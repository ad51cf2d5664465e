"""One slider from average to ensemble: its members minimize the package's loss exactly, and what it says is true."""

import math
import re

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.course.live import AverageToEnsemble
from lecture21.mixtures import ambiguity_decomposition, negative_correlation_loss

FIT = """([seed, kappa, penalty]) => {
    const points = module.drawPoints(seed);
    const data = module.prepare(points);
    const weights = module.fitTogether(data, kappa, penalty);
    return { ...data, weights, errors: module.errorsOf(data, weights), curves: module.curvesOf(data, weights),
             x: points.map(([x]) => x), truth: module.CURVE.map(module.truth) };
}"""

EQUAL = torch.full((10,), 0.1, dtype=torch.float64)


@pytest.fixture
def fit(load_module):
    """A function that fits members in the page, and returns everything about them as tensors."""
    page = load_module("average_to_ensemble/members.js")

    def fitted(*setting):
        found = page.evaluate(FIT, list(setting))
        tensors = {name: torch.tensor(found[name], dtype=torch.float64) for name in ("y", "seen", "weights")}
        return found | tensors

    return fitted


@pytest.mark.parametrize("kappa", [0, 0.05, 0.7, 1])
@pytest.mark.parametrize("penalty", [0.001, 0.01, 1])
def test_the_members_minimize_the_package_s_loss(fit, kappa, penalty):
    found = fit(3, kappa, penalty)

    def loss(weights):
        predictions = torch.einsum("mnk,mk->nm", found["seen"], weights)
        errors = negative_correlation_loss(predictions, found["y"], EQUAL, float(kappa))
        return errors.sum() + penalty / 10 * weights.square().sum()

    weights = found["weights"].requires_grad_()
    (gradient,) = torch.autograd.grad(loss(weights), weights)
    assert gradient.abs().max() < 1e-7 * (1 + weights.abs().max())  # convex: where the gradient is 0 is the minimum
    other = fit(4, kappa, penalty)["weights"]
    assert torch.autograd.grad(loss(other.requires_grad_()), other)[0].abs().max() > 1e-3  # that of other points is not


def test_alone_each_member_is_a_ridge_regression_and_together_they_are_one(fit):
    alone, together = (fit(1, kappa, 0.03) for kappa in (0, 1))
    identity = torch.eye(4, dtype=torch.float64)
    for m, a in enumerate(alone["seen"]):
        expected = torch.linalg.solve(a.T @ a + 0.03 * identity, a.T @ alone["y"])
        assert torch.allclose(alone["weights"][m], expected, atol=1e-9)
    a = together["seen"].transpose(0, 1).flatten(1) / 10  # (N, 40): the inputs of one model, the mean
    expected = torch.linalg.solve(a.T @ a + 0.003 * torch.eye(40, dtype=torch.float64), a.T @ together["y"])
    assert torch.allclose(together["weights"].flatten(), expected, atol=1e-7)


@pytest.mark.parametrize("kappa", [0, 0.8, 1])
def test_the_errors_are_those_of_the_package(fit, kappa):
    found = fit(2, kappa, 0.01)
    curves = torch.tensor(found["curves"]["members"], dtype=torch.float64).T  # (places, M)
    truth = torch.tensor(found["truth"], dtype=torch.float64)
    predictions = torch.einsum("mnk,mk->nm", found["seen"], found["weights"])
    for name, terms in {
        "onPoints": ambiguity_decomposition(predictions, found["y"], EQUAL),
        "onNew": ambiguity_decomposition(curves, truth, EQUAL),
    }.items():
        for term, values in terms._asdict().items():
            assert math.isclose(found["errors"][name][term], values.mean().item(), rel_tol=1e-9), (name, term)
    assert found["curves"]["mean"] == pytest.approx(curves.mean(dim=1).tolist())


def test_the_map_has_the_error_of_every_kappa_and_penalty_and_its_minimum(load_module, fit):
    page = load_module("average_to_ensemble/members.js")
    found = page.evaluate(
        "() => ({ ...module.mapOf(module.prepare(module.drawPoints(5))), kappas: module.KAPPAS, "
        "penalties: module.PENALTIES })"
    )
    errors = torch.tensor(found["errors"], dtype=torch.float64)
    for i, j in ((0, 0), (20, 0), (16, 4), (20, 12)):
        setting = found["kappas"][i], found["penalties"][j]
        assert math.isclose(errors[i, j], fit(5, *setting)["errors"]["onNew"]["ensemble"], rel_tol=1e-9)
    assert found["ridge"] == errors.argmin(dim=0).tolist()
    assert errors[found["best"]["row"], found["best"]["column"]] == errors.min()


def readings(figure) -> list[float]:
    """Return the three terms on the points, those against the curve, and the least error, its kappa and its penalty."""
    text = figure.locator(".reading").inner_text().replace("\u2212", "-")
    return [float(number) for number in re.findall(r"(?:error|ambiguity|least is|[κλ] =) (-?\d+(?:\.\d+)?)", text)[2:]]


def test_a_slider_stays_where_it_is_while_it_or_the_other_moves(open_figures):
    figure = open_figures(AverageToEnsemble()).figure("average_to_ensemble")
    expect(figure.locator(".ends")).to_have_text("trained alonetrained together")
    penalty, other = figure.get_by_role("slider", name="λ"), figure.get_by_role("button", name="Draw other points")
    places = [each.bounding_box() for each in (penalty, other)]
    for slider in figure.get_by_role("slider").all():
        for end in ("End", "Home", "ArrowRight"):
            slider.press(end)
            until(lambda: [each.bounding_box() for each in (penalty, other)] == places)


def test_what_to_try_is_true(open_figures):
    figure = open_figures(AverageToEnsemble()).figure("average_to_ensemble")
    expect(figure.locator(".controls").first.locator("input")).to_have_count(2)
    slider, penalty = (figure.get_by_role("slider", name=name) for name in ("κ", "λ"))
    found = [readings(figure)]
    for _ in range(20):
        slider.press("ArrowRight")
        found.append(readings(figure))
    for average, ambiguity, ensemble, *new in found:
        assert ensemble == pytest.approx(average - ambiguity, abs=0.0015)
        assert new[2] == pytest.approx(new[0] - new[1], abs=0.0015)
        assert new[3] <= new[2]
    for term, direction in ((0, 1), (1, 1), (2, -1)):  # on the points: they disagree more, and the mean gets better
        terms = [each[term] for each in found]
        assert terms == sorted(terms, reverse=direction < 0), term
    new = [each[5] for each in found]
    assert 0 < new.index(min(new)) < 20  # at this penalty, the best is inside
    assert new[-1] > 1.2 * min(new)
    for _ in range(5):
        penalty.press("ArrowRight")
    with_penalty = [readings(figure)]
    for _ in range(20):
        slider.press("ArrowLeft")
        with_penalty.append(readings(figure))
    ends = [each[5] for each in with_penalty]
    assert ends[0] <= 1.02 * min(ends)  # with a penalty, the end is as good as any
    assert ends[0] < min(new)
    slider.press("Home")
    penalty.press("Home")
    for _ in range(round(20 * found[0][7])):
        slider.press("ArrowRight")
    steps = round(4 * (math.log10(found[0][8]) + 3))
    for _ in range(steps):
        penalty.press("ArrowRight")
    until(lambda: readings(figure)[5] == found[0][6])  # at the place that the figure names, the error is the least


@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_no_member_leaves_the_picture(open_figures, kappa):
    figure = open_figures(AverageToEnsemble(kappa=kappa)).figure("average_to_ensemble")
    chart = figure.locator("svg.chart").first
    inside = chart.evaluate("""node => {
        const window = node.querySelector("clipPath rect").getBBox();
        return [...node.querySelectorAll(".curves path")].map((path) => path.getBBox())
            .map(({ y, height }) => y > window.y && y + height < window.y + window.height);
    }""")
    assert len(inside) >= 12
    assert all(inside)


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


def test_every_end_of_the_sliders_is_a_number(open_figures):
    figure = open_figures(AverageToEnsemble(kappa=1)).figure("average_to_ensemble")
    before = readings(figure)
    figure.get_by_role("slider", name="λ").press("End")
    until(lambda: readings(figure)[0] < before[0] / 2)  # a penalty keeps the members together
    figure.get_by_role("slider", name="λ").press("Home")
    until(lambda: readings(figure)[0] > before[0])
    for slider in figure.get_by_role("slider").all():
        for end in ("Home", "End"):
            slider.press(end)
            until(lambda: not re.search(r"NaN|Infinity|undefined", figure.locator("section.figure").inner_text()))


def test_the_middle_of_an_axis_is_written_as_zero(load_module):
    page = load_module("kit/axes.js")
    ticks = page.evaluate("[5, 10, 13].map((most) => module.ticks([-1, 1], false, most))")
    assert ticks[0] == [-1, -0.5, 0, 0.5, 1]
    assert ticks[1] == [n / 5 for n in range(-5, 6)]
    assert ticks[2] == ticks[1]
