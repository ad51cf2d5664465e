"""Two experts and a gate: after dragging and fitting, the figure shows the numbers of the package."""

import base64
import json
import re

import pytest
import torch
from playwright.sync_api import expect
from test_two_experts_fit import mixture_of, parameters_of
from until import until

from lecture21.course import live
from lecture21.mixtures import ambiguity_decomposition, fit_em
from lecture21.mixtures.gradient import _LOSSES


def state_of(figure) -> dict:
    """Return the state that the figure's link carries."""
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    text = figure.page.evaluate("location.hash").split("=", 1)[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def tensors(points) -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.tensor(points, dtype=torch.float64)
    return values[:, :1], values[:, 1]


def cells(figure, row: int) -> list[str]:
    """Return steps, nats, error of the mean and error of the experts of a row of the table."""
    return [
        text.replace("\u2212", "-") for text in figure.locator("tbody tr").nth(row).locator("td").all_text_contents()
    ]


def expected_cells(mixture, points) -> list[str]:
    x, y = tensors(points)
    with torch.no_grad():
        error, experts, _ = ambiguity_decomposition(mixture.member_means(x), y, mixture.gate_probabilities(x))
        return [f"{value.mean():.3f}" for value in (mixture.log_prob(x, y), error, experts)]


def at(figure, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a point (x, y) of the chart is on the page; the chart's margins are those of `lineChart`."""
    box = figure.locator(".chart").first.bounding_box()
    across = (place[0] + 1) / 2 * (box["width"] - 56)
    down = (2 - place[1]) / 4 * (box["height"] - 62)
    return box["x"] + 46 + across, box["y"] + 24 + down


def test_steps_of_em_after_dragging_equal_the_package(open_figures):
    given = live.TwoExperts()
    stage = open_figures(given)
    figure = stage.figure("two_experts")
    figure.locator(".grip").nth(5).wait_for()
    mouse = stage.page.mouse
    mouse.move(*at(figure, given.points[5]))
    mouse.down()
    mouse.move(*at(figure, (-0.2, -1.0)), steps=4)
    mouse.up()
    for _ in range(3):
        figure.get_by_role("button", name="E-step").click()
        figure.get_by_role("button", name="M-step").click()
    state = state_of(figure)
    moved = [point for point in state["points"] if point not in given.points]
    assert len(moved) == 1
    assert moved[0] == pytest.approx([-0.2, -1.0], abs=0.02)
    mixture = mixture_of(given.starts[0])
    values = fit_em(mixture, *tensors(state["points"]), steps=3, tolerance=0.0)
    assert state["fits"][0][:8] == pytest.approx(parameters_of(mixture), abs=1e-8)
    until(lambda: cells(figure, 0) == ["3", *expected_cells(mixture, state["points"])])
    reading = figure.locator(".reading").inner_text().replace("\u2212", "-")
    assert f"changed the log-likelihood by {values[3] - values[2]:.3f} nats" in reading


def test_the_e_step_colors_and_the_m_step_moves(open_figures):
    """Each of the two moves changes its own half; the other half is that of the package before the move."""
    given = live.TwoExperts()
    figure = open_figures(given).figure("two_experts")
    mixture = mixture_of(given.starts[0])
    x, y = tensors(given.points)
    expect(figure.locator(".reading")).to_contain_text("belong to no expert")
    expect(figure.get_by_role("button", name="M-step")).to_be_disabled()
    for _ in range(2):
        before = parameters_of(mixture)
        with torch.no_grad():
            r = mixture.responsibilities(x, y)
        figure.get_by_role("button", name="E-step").click()
        state = state_of(figure)
        assert state["shares"] == pytest.approx(r[:, 1].tolist(), abs=1e-6)
        assert state["fits"][0][:8] == pytest.approx(before, abs=1e-8)
        figure.get_by_role("button", name="M-step").click()
        fit_em(mixture, x, y, steps=1, tolerance=0.0)
        state = state_of(figure)
        assert state["shares"] == pytest.approx(r[:, 1].tolist(), abs=1e-6)
        assert state["fits"][0][:8] == pytest.approx(parameters_of(mixture), abs=1e-8)
    handle = figure.get_by_role("button", name="Point ")
    handle.press("Shift+ArrowUp")  # now the colors follow
    state = state_of(figure)
    with torch.no_grad():
        x, y = tensors(state["points"])
        r = mixture.responsibilities(x, y)
    assert state["shares"] == pytest.approx(r[:, 1].tolist(), abs=1e-6)


def test_what_one_should_see_is_what_the_fit_has_come_to(open_figures):
    figure = open_figures(live.TwoExperts(), reduced_motion="reduce").figure("two_experts")
    seen, hidden = figure.locator(".outcome:not(.later)"), figure.locator(".outcome.later")
    expect(hidden).to_have_count(1)
    figure.get_by_role("button", name="E-step").click()
    expect(seen).to_contain_text("The lines stay where they are.")
    figure.get_by_role("button", name="M-step").click()
    expect(seen).to_contain_text("no round lowers the likelihood")
    figure.get_by_role("button", name="Point ").press("Shift+ArrowDown")  # the fit has taken no step on these points
    expect(seen).to_contain_text("The lines stay where they are.")
    figure.get_by_text("Cooperative", exact=True).click()
    expect(hidden).to_have_count(1)
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator(".reading")).to_contain_text("The run took 500 steps")
    mean, lines = (float(error) for error in cells(figure, 2)[2:])
    expect(seen).to_contain_text(f"the squared error of the two lines is {lines / mean:.1f} times that of their mean")
    figure.get_by_text("Competitive", exact=True).click()
    expect(hidden).to_have_count(1)
    figure.get_by_role("button", name="Run").click()
    expect(seen).to_contain_text("nearer to the line of their color than to the black mean")


def test_the_curve_has_a_place_for_each_step_and_begins_again_with_other_points(open_figures):
    figure = open_figures(live.TwoExperts(), reduced_motion="reduce").figure("two_experts")
    curve = figure.locator(".curve[data-name='nats per point']")

    def heights() -> list[float]:
        return [-float(place.split()[1]) for place in re.split("[ML]", curve.get_attribute("d"))[1:]]

    axis = figure.locator(".chart").last.locator(".tick")
    ticks = axis.all_text_contents()
    for rounds in range(1, 4):
        figure.get_by_role("button", name="E-step").click()
        figure.get_by_role("button", name="M-step").click()
        until(lambda n=rounds: len(heights()) == n + 1)
    until(lambda: axis.all_text_contents() == ticks == ["-2", "0", "0", "5", "10"])  # of y, and of x
    until(lambda: heights() == sorted(heights()))
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator(".reading")).to_contain_text("EM has converged")
    until(lambda: len(heights()) == int(cells(figure, 0)[0]) + 1)
    figure.get_by_role("button", name="Point ").press("Shift+ArrowDown")
    until(lambda: len(heights()) == 1)


def test_the_chosen_point_is_large_only_while_it_can_be_moved_or_removed(open_figures):
    figure = open_figures(live.TwoExperts()).figure("two_experts")
    handle, size = figure.locator(".handle"), "node => getComputedStyle(node, '::before').visibility"
    until(lambda: handle.evaluate(size) == "hidden")
    handle.focus()
    until(lambda: handle.evaluate(size) == "visible")
    figure.get_by_role("button", name="E-step").click()
    until(lambda: handle.evaluate(size) == "hidden")
    figure.get_by_text("More: ").click()  # where it is removed
    until(lambda: handle.evaluate(size) == "visible")


def test_a_point_has_one_of_two_colors_and_is_pale_where_both_are_responsible(load_module):
    page = load_module("two_experts/drawing.js")
    shares = [0, 0.2, 0.45, 0.55, 0.8, 1]
    colors = page.evaluate("all => all.map((share) => module.mixed('blue', 'orange', share))", shares)
    assert [("blue" in color, "orange" in color) for color in colors] == [(True, False)] * 3 + [(False, True)] * 3
    strengths = [float(re.search(r"([\d.]+)%", color)[1]) for color in colors]
    assert strengths == pytest.approx([100, 72, 37, 37, 72, 100])


@pytest.mark.parametrize("loss", ["competitive", "cooperative"])
def test_steps_of_the_gradient_equal_adam(open_figures, loss):
    given = live.TwoExperts(method=loss, start=3)
    figure = open_figures(given).figure("two_experts")
    figure.get_by_text("More: ").click()
    figure.get_by_label("Learning rate of Adam").press("ArrowRight")
    for _ in range(4):
        figure.get_by_role("button", name="One step").click()
    state = state_of(figure)
    mixture = mixture_of(given.starts[2])
    optimizer = torch.optim.Adam(mixture.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        _LOSSES[loss](mixture, *tensors(given.points)).backward()
        optimizer.step()
    row = 1 + ["competitive", "cooperative"].index(loss)
    assert state["fits"][row][:8] == pytest.approx(parameters_of(mixture), abs=1e-8)
    steps, _nats, *errors = expected = ["4", *expected_cells(mixture, given.points)]
    until(lambda: cells(figure, row) == ([steps, "–", *errors] if loss == "cooperative" else expected))
    expect(figure.locator("table + .note")).to_contain_text("A dash marks a fit without a likelihood")


def test_competing_experts_fit_the_data_and_cooperating_ones_only_their_blend(open_figures):
    given = live.TwoExperts()
    figure = open_figures(given, reduced_motion="reduce").figure("two_experts")
    figure.get_by_role("button", name="Run").click()
    reading = figure.locator(".reading")
    expect(reading).to_contain_text("EM has converged")
    expect(reading).to_contain_text("The gate prefers expert 1 below x = \u22120.22 and the other above.")
    mixture = mixture_of(given.starts[0])
    values = fit_em(mixture, *tensors(given.points), steps=300)
    until(lambda: cells(figure, 0)[:2] == [str(len(values) - 1), f"{values[-1] / 24:.3f}"])
    for method in ("Competitive", "Cooperative"):
        figure.get_by_text(method, exact=True).click()
        figure.get_by_role("button", name="Run").click()
        expect(reading).to_contain_text("The run took 500 steps")
    (_, _, blend, experts), (_, _, their_blend, their_experts) = cells(figure, 1), cells(figure, 2)
    assert float(their_blend) == pytest.approx(float(blend), abs=0.02)
    assert float(their_experts) > 2 * float(experts)


def test_a_run_moves_and_can_be_paused(open_figures):
    figure = open_figures(live.TwoExperts(method="competitive")).figure("two_experts")
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator("tbody tr").nth(1).locator("td").first).not_to_have_text("0")
    figure.get_by_role("button", name="Pause").click()
    steps = int(cells(figure, 1)[0])
    expect(figure.locator(".reading")).to_contain_text(f"Paused after {steps} more step")
    figure.get_by_role("button", name="Reset").click()
    until(lambda: cells(figure, 1)[0] == "0")


def test_the_keyboard_chooses_moves_and_removes_points(open_figures):
    given = live.TwoExperts([[-0.5, 1], [-0.2, 0.8], [0.1, 0], [0.4, -0.5], [0.9, -1]])
    figure = open_figures(given).figure("two_experts")
    handle = figure.get_by_role("button", name="Point ")
    handle.press("PageDown")
    handle.press("ArrowUp")
    handle.press("Shift+ArrowRight")
    until(lambda: state_of(figure)["points"][1] == [0.05, 0.85])
    expect(figure.get_by_role("button", name="Point 2 of 5: x 0.05, y 0.85")).to_have_count(1)
    handle.press("PageUp")
    handle.press("Delete")
    until(lambda: state_of(figure)["points"] == [[0.05, 0.85], [0.1, 0], [0.4, -0.5], [0.9, -1]])
    handle.press("Delete")
    expect(figure.locator(".message")).to_have_text("The figure needs at least 4 points.")
    figure.get_by_text("More: ").click()
    figure.get_by_role("button", name="Add a point").click()
    until(lambda: state_of(figure)["points"][4][1] == -1.5)
    expect(figure.get_by_role("button", name="Point 5 of 5")).to_have_count(1)


def test_a_finger_drags_a_point(open_figures):
    given = live.TwoExperts()
    stage = open_figures(given, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    figure = stage.figure("two_experts")
    figure.locator(".chart").first.scroll_into_view_if_needed()
    figure.locator(".grip").nth(5).wait_for()
    session = stage.page.context.new_cdp_session(stage.page)
    start, end = at(figure, given.points[-1]), at(figure, (0.5, 1.5))
    for kind, place in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
        touches = [] if place is None else [{"x": place[0], "y": place[1]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    until(lambda: state_of(figure)["points"][-1] == pytest.approx([0.5, 1.5], abs=0.05))


def test_the_starts_are_the_initializations_of_the_package():
    from lecture21.mixtures import LinearGate, LinearGaussian, Mixture

    torch.manual_seed(4)
    mixture = Mixture([LinearGaussian(1), LinearGaussian(1)], LinearGate(1, 2))
    assert live.TwoExperts().starts[4] == pytest.approx(parameters_of(mixture), abs=1e-4)
