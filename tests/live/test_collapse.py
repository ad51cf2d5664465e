"""The collapse of a router: the film shows the stored runs."""

import json
import re

import pytest
from playwright.sync_api import expect

from lecture21 import live
from lecture21.chapters import results


def busiest(setting: str, rate: float, seed: int, step: int) -> float:
    row = results.load("router_load").query(
        "setting == @setting and learning_rate == @rate and seed == @seed and step == @step and layer == 2"
    )
    return 100 * row.filter(like="expert_").max(axis=1).item()


def test_the_film_shows_the_stored_loads(open_figures):
    collapse = live.Collapse()
    figure = open_figures(collapse).figure("collapse")
    slider = figure.get_by_label("Training step")

    def shown() -> list[float]:
        loads = figure.locator(".reading").inner_text().split("processes: ")[1].split(". At balance")[0].split("; ")
        return [float(re.search(r"([\d.]+) %", each)[1]) for each in loads]

    settings = collapse.film["settings"]
    for keys, step in ((["Home"] + ["ArrowRight"] * 3, 30), (["End"], 200)):
        for key in keys:
            slider.press(key)
        assert f"Step {step}, learning rate 0.06, seed 1" in figure.locator(".reading").inner_text()
        assert shown() == pytest.approx([busiest(name, 0.06, 1, step) for name in settings], abs=0.55)
        none, _, aux, *_ = shown()
        assert none > 95
    assert aux < 33
    none = results.load("router_load").query("setting == 'none' and learning_rate == 0.06 and seed == 1 and layer == 2")
    assert none.query("step >= 50").filter(like="expert_").max(axis=1).min() > 0.9  # as the figure says
    figure.get_by_text("tuned for each").click()
    figure.get_by_text("More: seed").click()
    figure.get_by_label("Seed of weights").press("Home")
    expected = [busiest(name, rate, 0, 200) for name, rate in zip(settings, collapse.film["tuned"], strict=True)]
    assert shown() == pytest.approx(expected, abs=0.55)


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
    assert page.evaluate(whole, film)
    assert len(json.dumps(film)) < 15_000
    assert not page.evaluate("film => module.isFilm({ ...film, loads: film.loads.slice(2) })", film)


def test_the_film_plays_and_stops(open_figures):
    figure = open_figures(live.Collapse()).figure("collapse")
    figure.get_by_label("Training step").press("ArrowLeft")
    assert "Step 190" in figure.locator(".reading").inner_text()
    figure.get_by_role("button", name="Play").click()
    expect(figure.locator(".reading")).to_contain_text("Step 200")
    expect(figure.get_by_role("button", name="Play")).to_be_visible()
