"""Available context: the slider reads the measured losses."""

import base64
import math

import c01_available_context
import pytest

from lecture21 import live
from lecture21.chapters import results
from lecture21.data import shakespeare, split


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


NAMES = {"rnn": "RNN", "lstm": "LSTM", "gpt": "GPT-0", "gpt-modern": "GPT-0, modern", "ngram-seen": "n-gram"}


def test_the_passage_is_cut_and_each_model_has_the_probability_of_the_next_letter(open_figures):
    figure = open_figures(live.Context()).figure("context")
    passage = figure.locator("p.text")
    whole = passage.inner_text().replace("⏎\n", "\n").removesuffix(" ? (it is “m”)")
    assert f"{whole}ms are made on" in split(shakespeare())[1]  # in the validation split
    assert whole.endswith(c01_available_context.PASSAGE)
    stored = results.load("available_context").query("part == 'letter'").set_index(["model", "context"])["nats"]
    slider = figure.get_by_role("slider")
    for context in (64, 32, 16, 8, 4, 2, 1):
        kept = passage.locator("span").inner_text().replace("⏎\n", "\n")
        assert kept == whole[-context:]
        assert passage.locator("s").inner_text().replace("⏎\n", "\n") + kept == whole
        bars = [
            bar.inner_text().split("\n") for bar in figure.get_by_role("listitem").locator(":scope:has(.track)").all()
        ]
        assert [name for name, _ in bars] == list(NAMES.values())
        for (_, text), model in zip(bars, NAMES, strict=True):
            if (model, context) in stored:
                assert float(text.removesuffix("%")) == pytest.approx(
                    100 * math.exp(-stored[model, context]), abs=0.051
                )
            else:
                assert text == "–"
        slider.press("ArrowLeft")


def test_what_to_try_is_true():
    table = results.load("available_context")
    means = table.query("part == 'context'").groupby(["model", "context"]).nats.mean()
    letter = table.query("part == 'letter'").set_index(["model", "context"])["nats"].map(lambda nats: math.exp(-nats))
    for name in ("rnn", "lstm", "gpt", "gpt-modern"):
        grows = letter[name, 8] > 2 * letter[name, 64]
        assert grows == (name == "gpt-modern")
        assert abs(letter[name, 8] - letter[name, 64]) < 0.01 or grows
        assert means[name, 8] - means[name, 64] < 0.01
        assert means[name, 2] - means[name, 64] > 0.1


def test_a_finger_cuts_the_context(open_figures):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.Context(), **phone).figure("context")
    slider = figure.get_by_role("slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    figure.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "With 8 characters of context" in figure.locator(".reading").inner_text()
    assert figure.page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("text", ["{}", "[]", "not base64!", '{"index": "six"}', '{"index": 99}', '{"curves": [1]}'])
def test_a_link_with_garbage_leaves_the_figure_as_it_is(open_figures, text):
    link = base64.urlsafe_b64encode(text.encode()).decode() if text[0] in "{[" else text
    figure = open_figures(live.Context(), hash=f"#live-context={link}").figure("context")
    assert "With 64 characters" in figure.locator(".reading").inner_text()
