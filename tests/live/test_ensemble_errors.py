"""The ensemble error curves are those of `lecture21.mixtures`, and the best values are the package's."""

import base64
import itertools
import json
import math
import re

import pytest
import torch

from lecture21.live import EnsembleErrors
from lecture21.mixtures import best_penalty, ignorance, sollich_krogh_error

ALPHAS, SUBSETS, NOISES = (0.1, 0.5, 1.0, 1.7, 10.0), (0.05, 0.3, 0.65, 0.9, 1.0), (0.0, 0.05, 0.2, 2.0)
MEMBERS, PENALTIES = (1, 2, 30, 1000), (1e-9, 1e-4, 0.0142, 0.2, 1.0, 10.0)


def test_the_closed_form_equals_the_package_s(load_module):
    page = load_module("ensemble_errors/sollich_krogh.js")
    grid = [
        dict(zip(("alpha", "subset", "noise", "members", "penalty"), values, strict=True))
        for values in itertools.product(ALPHAS, SUBSETS, NOISES, MEMBERS, PENALTIES)
    ]
    shown = page.evaluate("grid => grid.map(module.ensembleErrors)", grid)
    for setting, actual in zip(grid, shown, strict=True):
        ensemble = sollich_krogh_error(**setting)
        average = sollich_krogh_error(**setting | {"members": 1})
        assert math.isclose(actual["ensemble"], ensemble, rel_tol=1e-9), setting
        assert math.isclose(actual["average"], average, rel_tol=1e-9), setting
        assert math.isclose(actual["ambiguity"], average - ensemble, rel_tol=1e-9, abs_tol=1e-9), setting
    pairs = [(alpha, penalty) for alpha in ALPHAS for penalty in (0.0, *PENALTIES)]
    for pair, rho in zip(pairs, page.evaluate("x => x.map((pair) => module.ignorance(...pair))", pairs), strict=True):
        assert math.isclose(rho, ignorance(*pair), rel_tol=1e-12), pair


def test_at_the_interpolation_threshold_the_error_is_infinite_with_noise_and_zero_without(load_module):
    page = load_module("ensemble_errors/sollich_krogh.js")
    script = (
        "x => x.map(([noise, members]) => module.ensembleErrors({ alpha: 1, subset: 1, penalty: 0, noise, members }))"
    )
    for (noise, members), actual in zip(
        pairs := [(0.2, 1), (0.2, 30), (0.0, 1), (0.0, 30)], page.evaluate(script, pairs), strict=True
    ):
        assert actual["ensemble"] == sollich_krogh_error(1.0, 1.0, noise, members, 0.0), (noise, members)


def test_the_students_minimize_their_penalized_error_and_their_errors_are_those_of_the_curves(load_module):
    page = load_module("ensemble_errors/students.js")
    setting = {"alpha": 1.5, "subset": 0.6, "noise": 0.2, "members": 5, "penalty": 0.05}
    grid = [i / 500 for i in range(500)]
    script = """([setting, grid]) => { const found = module.fitStudents(setting, 3);
        const curve = (w) => grid.map((x) => module.value(w, x));
        return { ...found, inputs: found.examples.map(({ x }) => module.waves(x)), target: curve(found.teacher),
            curves: found.students.map(curve), blend: curve(found.mean) }; }"""
    found = page.evaluate(script, [setting, grid])
    teacher, curves = torch.tensor(found["target"]), torch.tensor(found["curves"])
    assert teacher.square().mean().item() == pytest.approx(1)  # the function 0 has the error 1
    assert found["average"] == pytest.approx((curves - teacher).square().mean().item(), rel=1e-5)
    assert found["ensemble"] == pytest.approx((curves.mean(dim=0) - teacher).square().mean().item(), rel=1e-5)
    assert found["blend"] == pytest.approx(curves.mean(dim=0).tolist(), abs=1e-5)
    a, y = torch.tensor(found["inputs"]), torch.tensor([each["y"] for each in found["examples"]])
    assert (len(a), found["seen"]) == (18, 11)
    actual = torch.tensor(page.evaluate("([a, y]) => module.ridge(a, y, 0.05)", [a.tolist(), y.tolist()]))
    expected = torch.linalg.solve(a.T @ a + 0.05 * torch.eye(12), a.T @ y)
    assert torch.allclose(actual, expected, atol=1e-4)
    again = page.evaluate(script, [setting | {"penalty": 1.0}, grid])
    assert [again[key] == found[key] for key in ("teacher", "examples", "students")] == [True, True, False]


def test_without_noise_the_best_single_student_errs_nowhere(open_figures):
    figure = open_figures(EnsembleErrors(noise=0)).figure("ensemble_errors")
    assert readings(figure)[5:] == [0, round(sollich_krogh_error(1.0, 0.65, 0.0, 1, 0.0), 3), 0]


def test_the_best_penalty_is_the_package_s(load_module):
    page = load_module("ensemble_errors/sollich_krogh.js")
    grid = [
        (a, r, s, m) for a in (0.5, 1.0, 3.0) for r in (0.3, 0.65, 1.0) for s in (0.05, 0.2, 1.0) for m in (1, 5, 30)
    ]
    script = """grid => grid.map(([alpha, subset, noise, members]) =>
        module.best({ alpha, subset, noise, members, penalty: 1 }, "penalty", "ensemble"))"""
    for setting, actual in zip(grid, page.evaluate(script, grid), strict=True):
        expected = best_penalty(*setting)
        assert math.isclose(actual, expected, rel_tol=1e-3, abs_tol=1e-7), setting
        least = sollich_krogh_error(*setting, expected)
        assert sollich_krogh_error(*setting, actual) <= least + 1e-12
    place = page.evaluate("""() => module.best({ alpha: 1, noise: 0.2, members: 30, penalty: 0.01, subset: 1 },
        "subset", "ensemble")""")
    errors = {r / 1000: sollich_krogh_error(1.0, r / 1000, 0.2, 30, 0.01) for r in range(10, 1001)}
    assert abs(place - min(errors, key=errors.get)) <= 1e-3


def readings(figure) -> list[float]:
    """Return average error, ambiguity, ensemble's error, and the best values with their errors."""
    text = figure.locator(".reading").inner_text().replace("\u00a0", " ")
    pattern = (
        r"average error ([\d.]+) − ambiguity ([\d.]+) = ensemble's error ([\d.]+)\. .*"
        r"ensemble is ([\d.]+) ?%? \(error ([\d.]+)\), for a member ([\d.]+) ?%? \(error ([\d.]+)\)\. .* has ([\d.]+)\."
    )
    return [float(number) for number in re.search(pattern, text).groups()]


def test_what_to_try_is_true_and_the_numbers_are_the_package_s(open_figures):
    figure = open_figures(EnsembleErrors()).figure("ensemble_errors")
    assert figure.locator(".controls").first.locator("input").count() == 3
    first = readings(figure)
    assert first[2] == round(sollich_krogh_error(1.0, 0.65, 0.2, 30, 0.2), 3)
    assert first[3] == float(f"{best_penalty(1.0, 0.65, 0.2, 30):.3g}")
    assert first[5] == 0.2  # a member's best penalty is the noise
    assert first[7] == round(sollich_krogh_error(1.0, 1.0, 0.2, 1, 0.2), 3)
    slider = figure.get_by_label("Penalty λ")
    for _ in range(23):
        slider.press("ArrowLeft")  # from 10^-0.7 to 10^-1.85
    then = readings(figure)
    assert then[2] == round(sollich_krogh_error(1.0, 0.65, 0.2, 30, 10**-1.85), 3)
    assert then[0] > first[0] + 0.05
    assert then[1] > first[1] + 0.05
    assert then[2] < first[2] - 0.02


def test_members_shares_noise_and_axis(open_figures):
    figure = open_figures(EnsembleErrors(penalty=0.01)).figure("ensemble_errors")
    figure.locator("summary").click()
    figure.get_by_text("fraction", exact=True).click()
    figure.get_by_role("slider", name="Members:").press("End")
    figure.get_by_label("Fraction of the examples").press("ArrowLeft")
    for _ in range(2):
        figure.get_by_label("Variance of the noise").press("ArrowRight")
    for _ in range(4):
        figure.get_by_label("Examples for each weight").press("ArrowRight")
    actual = readings(figure)
    setting = {"alpha": 1.58, "noise": 0.3, "members": 1000, "penalty": 0.01}
    assert actual[2] == round(sollich_krogh_error(subset=0.6, **setting), 3)
    errors = {r / 1000: sollich_krogh_error(subset=r / 1000, **setting) for r in range(10, 1001)}
    assert abs(actual[3] / 100 - min(errors, key=errors.get)) < 2e-3
    assert actual[4] == round(min(errors.values()), 3)
    figure.get_by_role("button", name="Reset").click()
    assert readings(figure)[2] == round(sollich_krogh_error(1.0, 0.65, 0.2, 30, 0.01), 3)


@pytest.mark.slow
def test_one_member_has_no_ambiguity_and_no_extreme_is_no_number(open_figures):
    figure = open_figures(EnsembleErrors()).figure("ensemble_errors")
    figure.locator("summary").click()
    figure.get_by_role("slider", name="Members:").press("Home")
    assert readings(figure)[1] == 0
    sliders = figure.get_by_role("slider").all()
    for ends in itertools.product(("Home", "End"), repeat=len(sliders)):
        for slider, end in zip(sliders, ends, strict=True):
            slider.press(end)
        assert not re.search(r"NaN|Infinity|undefined", figure.locator("section.figure").inner_text())


def test_garbage_in_a_link_or_a_notebook_is_replaced(open_figures):
    values = {"alpha": -1, "members": 0.5, "penalty": None, "subset": "all", "along": 3, "x": 1}
    link = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    figure = open_figures(EnsembleErrors(penalty=0.01), hash=f"#live-ensemble_errors={link}").figure("ensemble_errors")
    assert readings(figure)[2] == round(sollich_krogh_error(1.0, 0.65, 0.2, 30, 0.01), 3)
    widget = EnsembleErrors()
    widget.alpha = math.nan  # which traits take; they refuse other garbage
    figure = open_figures(widget).figure("ensemble_errors")
    assert readings(figure)[2] == round(sollich_krogh_error(1.0, 0.65, 0.2, 30, 0.2), 3)


def test_a_finger_and_a_link(open_figures):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    stage = open_figures(EnsembleErrors(), **phone)
    figure = stage.figure("ensemble_errors")
    slider = figure.get_by_role("slider", name="Members:")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    stage.page.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)
    assert "One member trained on 65" in figure.locator(".reading").inner_text()
    assert stage.page.evaluate("document.documentElement.scrollWidth") == 390
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(EnsembleErrors(), hash=stage.page.evaluate("location.hash")).figure("ensemble_errors")
    assert "One member trained on 65" in again.locator(".reading").inner_text()


def test_arguments_are_checked_and_repeated():
    assert repr(EnsembleErrors(noise=0.5, members=5)) == "EnsembleErrors(noise=0.5, members=5)"
    for arguments in ({"alpha": 0}, {"subset": 1.1}, {"noise": -1}, {"members": 1001}, {"penalty": 0}, {"along": "x"}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            EnsembleErrors(**arguments)
