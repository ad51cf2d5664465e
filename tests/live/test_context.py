"""Available context: the slider reads the measured losses."""

import base64

import pytest

from lecture21 import live
from lecture21.data import results


def test_the_figure_reads_the_losses_at_the_chosen_context(open_figures):
    stage = open_figures(live.Context())
    figure = stage.figure("context")
    table = results.load("available_context").query("part == 'context' and context == 4")
    means = table.groupby("model").nats.mean()
    slider = figure.get_by_role("slider")
    for _ in range(4):
        slider.press("ArrowLeft")
    reading = figure.locator(".reading").inner_text()
    assert "With 4 characters of context" in reading
    assert f"RNN {means['rnn']:.3f}, LSTM {means['lstm']:.3f}, GPT-0 {means['gpt']:.3f}" in reading
    figure.get_by_role("button", name="Reset").click()
    assert "With 64 characters" in figure.locator(".reading").inner_text()


def test_a_link_restores_the_state(open_figures):
    stage = open_figures(live.Context())
    figure = stage.figure("context")
    figure.get_by_role("slider").press("Home")
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(live.Context(), hash=stage.page.evaluate("location.hash")).figure("context")
    assert "With 1 character of context" in again.locator(".reading").inner_text()


@pytest.mark.parametrize("text", ["{}", "[]", "not base64!", '{"index": "six"}', '{"index": 99}', '{"curves": [1]}'])
def test_a_link_with_garbage_leaves_the_figure_as_it_is(open_figures, text):
    link = base64.urlsafe_b64encode(text.encode()).decode() if text[0] in "{[" else text
    figure = open_figures(live.Context(), hash=f"#live-context={link}").figure("context")
    assert "With 64 characters" in figure.locator(".reading").inner_text()
