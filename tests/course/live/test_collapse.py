"""The collapse of a router: the film shows the stored runs."""

import json
import re

import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.chapters import results


def busiest(setting: str, rate: float, seed: int, step: int) -> float:
    row = results.load("router_load").query(
        "setting == @setting and learning_rate == @rate and seed == @seed and step == @step and layer == 2"
    )
    return 100 * row.filter(like="expert_").max(axis=1).item()


NAMES = ("none", "warm-up", "balance loss", "selection bias", "z-loss", "jitter")


def test_one_cure_at_a_time_shows_the_stored_loads(open_figures):
    collapse = live.Collapse()
    figure = open_figures(collapse).figure("collapse")
    slider, said = figure.get_by_label("Training step"), figure.locator(".reading")
    expect(said).to_contain_text("Step 1, no cure, learning rate 0.06, seed 1")
    expect(figure.locator(".legend li")).to_have_count(0)  # nothing of the result before the first step

    def shown() -> float:
        return float(re.search(r"processes ([\d.]+)\s%", said.inner_text())[1])

    settings = collapse.film["settings"]
    ends = []
    for i, (name, setting) in enumerate(zip(NAMES, settings, strict=True)):
        figure.get_by_role("radio", name=name).check(force=True)
        expect(said).to_contain_text("Step 1, ")
        for _ in range(3):
            slider.press("ArrowRight")
        expect(said).to_contain_text("Step 30, ")
        until(lambda: shown() == pytest.approx(busiest(setting, 0.06, 1, 30), abs=0.55))
        slider.press("End")
        until(lambda: shown() == pytest.approx(busiest(setting, 0.06, 1, 200), abs=0.55))
        ends.append(shown())
        expect(figure.locator(".legend li")).to_have_count(i + 1)  # those that were played stay
    assert [end < 100 / 3 for end in ends] == [False, False, True, True, False, False]  # the answer to what it asks
    none = results.load("router_load").query("setting == 'none' and learning_rate == 0.06 and seed == 1 and layer == 2")
    assert none.query("step >= 50").filter(like="expert_").max(axis=1).min() > 0.9  # as the figure says
    figure.get_by_text("More: ").click()
    figure.get_by_text("tuned for each").click()
    figure.get_by_label("Seed of weights").press("Home")
    slider.press("End")
    expect(said).to_contain_text(f"jitter, tuned learning rate {collapse.film['tuned'][-1]}, seed 0")
    until(lambda: shown() == pytest.approx(busiest(settings[-1], collapse.film["tuned"][-1], 0, 200), abs=0.55))


def test_the_reader_draws_the_load_that_is_expected(open_figures):
    figure = open_figures(live.Collapse()).figure("collapse")
    curve = figure.get_by_role("slider", name="The load that you expect")
    curve.press("ArrowDown")
    for _ in range(30):
        curve.press("ArrowRight")
    expected = re.search(r"[\d.]+\s%", curve.get_attribute("aria-valuetext"))[0]
    expect(figure.locator(".legend")).to_contain_text("your guess")
    figure.get_by_label("Training step").press("End")
    expect(figure.locator(".reading")).to_contain_text(f"You expected {expected} at the end.")
    expect(curve).to_be_hidden()  # no guess after the result
    figure.get_by_role("button", name="Reset").click()
    expect(curve).to_be_visible()
    expect(figure.locator(".legend li")).to_have_count(0)


def test_every_load_of_the_film_is_the_stored_one(load_module):
    film = live.Collapse().film
    page = load_module("collapse/film.js")
    table = results.load("router_load").query("layer == 2")
    of = {"setting": 4, "rate": "high", "seed": 2, "step": 7}
    actual = page.evaluate("([film, of]) => module.loadsAt(film, of)", [film, of])
    row = table.query("setting == 'z-loss 0.001' and learning_rate == 0.06 and seed == 2 and step == 70")
    assert actual == pytest.approx(row.filter(like="expert_").to_numpy()[0].tolist(), abs=0.00051)
    whole = """film => film.settings.every((_, setting) => ["high", "tuned"].every((rate) =>
        [0, 1, 2].every((seed) => film.steps.every((_, step) => {
            const sum = module.loadsAt(film, { setting, rate, seed, step }).reduce((a, b) => a + b);
            return Math.abs(sum - 1) < 0.005;
        }))))"""
    until(lambda: page.evaluate(whole, film))
    assert len(json.dumps(film)) < 15_000
    assert not page.evaluate("film => module.isFilm({ ...film, loads: film.loads.slice(2) })", film)


def test_the_film_plays_and_stops(open_figures):
    figure = open_figures(live.Collapse(step=18)).figure("collapse")
    figure.get_by_role("button", name="Play").click()
    expect(figure.locator(".reading")).to_contain_text("Step 200")
    expect(figure.get_by_role("button", name="Play")).to_be_visible()
