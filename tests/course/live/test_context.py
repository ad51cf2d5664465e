"""Available context: the slider reads the measured losses."""

import math
import re

import c01_available_context
import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split


def test_the_figure_reads_the_losses_at_the_chosen_context(open_figures):
    stage = open_figures(live.Context())
    figure = stage.figure("context")
    table = results.load("available_context").query("part == 'context' and context == 4")
    means = table.groupby("model").nats.mean()
    slider = figure.get_by_role("slider")
    for _ in range(4):
        slider.press("ArrowLeft")
    reading = figure.locator(".reading")
    expect(reading).to_contain_text("With 4 characters of context")
    expect(reading).to_contain_text(f"RNN {means['rnn']:.3f}, LSTM {means['lstm']:.3f}, GPT-0 {means['gpt']:.3f}")
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".reading")).to_contain_text("With 64 characters")


def test_a_link_restores_the_state(open_figures):
    stage = open_figures(live.Context())
    figure = stage.figure("context")
    figure.get_by_role("slider").press("Home")
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(live.Context(), hash=stage.page.evaluate("location.hash")).figure("context")
    expect(again.locator(".reading")).to_contain_text("With 1 character of context")


NAMES = {"rnn": "RNN", "lstm": "LSTM", "gpt": "GPT-0", "gpt-modern": "GPT-0, modern", "ngram-seen": "n-gram"}


def test_the_passage_is_cut_and_each_model_has_the_probability_of_the_next_letter(open_figures):
    figure = open_figures(live.Context()).figure("context")
    passage = figure.locator("p.text")
    whole = passage.inner_text().replace("⏎\n", "\n").removesuffix(" ?")
    assert f"{whole}ms are made on" in split(shakespeare())[1]  # in the validation split
    assert whole.endswith(c01_available_context.PASSAGE)
    stored = results.load("available_context").query("part == 'letter'").set_index(["model", "context"])["nats"]
    figure.get_by_label("Your guess").fill("M")
    slider = figure.get_by_role("slider")
    for context in (64, 32, 16, 8, 4, 2, 1):
        kept = passage.locator("span").inner_text().replace("⏎\n", "\n")
        assert kept == whole[-context:]
        until(lambda: passage.locator("s").inner_text().replace("⏎\n", "\n") + kept == whole)
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


def test_the_letter_and_its_probabilities_show_after_the_readers_guess(open_figures):
    figure = open_figures(live.Context()).figure("context")
    bars, section = figure.locator(".bars"), figure.locator("section.figure")
    expect(figure.locator(".chart")).to_be_visible()
    expect(bars).to_be_hidden()
    expect(section).not_to_contain_text("“m”", use_inner_text=True)
    figure.get_by_label("Your guess").fill("d")
    expect(bars).to_be_visible()
    expect(figure.locator(".wrong")).to_have_text("✗ It is “m”: ")
    figure.get_by_label("Your guess").fill("m")
    expect(figure.locator(".right")).to_have_text("✓ Right: ")
    figure.get_by_role("button", name="Reset").click()
    expect(bars).to_be_hidden()


def test_the_curves_end_where_the_reader_is(open_figures):
    """The rest would give the answer away."""
    figure = open_figures(live.Context()).figure("context")
    curves, slider = figure.locator(".chart .curve[data-name='LSTM']"), figure.get_by_role("slider")
    for points in range(1, 8):
        until(lambda points=points: len(re.findall("[ML]", curves.get_attribute("d"))) == points)
        slider.press("ArrowLeft")


def test_what_one_should_see_is_what_the_means_are(open_figures):
    figure = open_figures(live.Context()).figure("context")
    means = results.load("available_context").query("part == 'context'").groupby(["model", "context"]).nats.mean()
    slider, outcome = figure.get_by_role("slider"), figure.locator(".outcome")
    expect(outcome).to_be_hidden()
    for context in (32, 16, 8, 4, 2, 1):
        slider.press("ArrowLeft")
        rises = [means[name, context] - means[name, 64] for name in ("rnn", "lstm", "gpt", "gpt-modern")]
        told = "as well as with 64" if max(rises) < 0.01 else f"worse than with 64, by {min(rises):.2f} to"
        if max(rises) >= 0.01:
            expect(outcome).to_contain_text(f"to {max(rises):.2f} nats")
            assert min(rises) > 0
        expect(outcome).to_contain_text(told)
        expect(outcome).to_contain_text(f"with {context} character")


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
