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


NAMES = ("nothing done", "balance loss", "selection bias", "warm-up", "z-loss", "jitter")


def shares_of(figure) -> list[list[list[float]]]:
    """Return the drawn share of each expert at each step that is shown, for each film."""
    films = figure.locator(".bands").evaluate_all(
        "all => all.map((svg) => [...svg.querySelectorAll('polygon')].map((p) => p.getAttribute('points')))"
    )
    found = []
    for bands in films:
        edges = [[float(point.split(",")[1]) for point in points.split()] for points in bands]
        half = len(edges[0]) // 2
        found.append([[over - under for under, over in zip(e[:half], e[half:][::-1], strict=True)][1:] for e in edges])
    return found


def test_six_films_show_the_stored_loads(open_figures):
    collapse = live.Collapse()
    figure = open_figures(collapse).figure("collapse")
    slider, said = figure.get_by_label("Training step"), figure.locator(".reading")
    expect(said).to_contain_text("Learning rate 0.06, seed 1, step 1.")
    expect(figure.locator(".film .panel-title")).to_have_text(list(NAMES))
    until(lambda: [len(film[0]) for film in shares_of(figure)] == [1] * 6)  # nothing of what comes
    widths = figure.locator(".bands polygon").evaluate_all("all => all.map((each) => each.getBBox().width)")
    assert min(widths) >= 10  # the first step is in sight
    fullest = figure.locator(".meter").first.evaluate("node => node.firstChild.offsetWidth / node.clientWidth")
    assert 100 * fullest == pytest.approx(busiest("none", 0.06, 1, 1), abs=1)
    expect(figure.locator(".busiest", has_text=re.compile("alive|dead"))).to_have_count(0)
    slider.press("End")
    expect(said).to_contain_text("step 200.")
    verdicts = ["dead", "alive", "alive", "dead", "dead", "dead"]
    expect(figure.locator(".busiest b")).to_have_text([re.compile(each) for each in verdicts])  # nobody has guessed
    expect(figure.locator(".busiest", has_text="said")).to_have_count(0)
    ends = [busiest(setting, 0.06, 1, 200) for setting in collapse.film["settings"]]
    for name, end, line in zip(NAMES, ends, figure.locator(".busiest").all(), strict=True):
        shown = float(re.search(r"[\d.]+", line.inner_text())[0])
        assert shown == pytest.approx(end, abs=0.55), name
    table = results.load("router_load").query("learning_rate == 0.06 and seed == 1 and layer == 2")
    for setting, film in zip(collapse.film["settings"], shares_of(figure), strict=True):
        run = table[table["setting"] == setting]
        stored = run.sort_values("step").filter(like="expert_").to_numpy().T
        assert film == [pytest.approx(row.tolist(), abs=0.002) for row in stored]
    none = results.load("router_load").query("setting == 'none' and learning_rate == 0.06 and seed == 1 and layer == 2")
    assert none.query("step >= 50").filter(like="expert_").max(axis=1).min() > 0.9
    figure.get_by_text("More: ").click()
    figure.get_by_text("tuned for each").click()
    figure.get_by_label("Seed of weights").press("Home")
    slider.press("End")
    expect(said).to_contain_text("The learning rate tuned for each, seed 0, step 200.")
    tuned = [busiest(*each, 0, 200) for each in zip(collapse.film["settings"], collapse.film["tuned"], strict=True)]
    until(
        lambda: (
            float(re.search(r"[\d.]+", figure.locator(".busiest").last.inner_text())[0])
            == pytest.approx(tuned[-1], abs=0.55)
        )
    )


def test_the_reader_bets_on_routers_that_stay_alive(open_figures):
    figure = open_figures(live.Collapse()).figure("collapse")
    for place in (1, 3):  # the balance loss, which does, and warm-up, which does not
        figure.get_by_label("alive at the end").nth(place).check(force=True)
    said = figure.locator(".reading")
    expect(said).not_to_contain_text("right")
    figure.get_by_label("Training step").press("End")
    expect(said).to_contain_text("You were right about 4 of 6.")  # and not about the selection bias
    signs = [re.search("(, not)?.as you said", text)[1] for text in figure.locator(".busiest").all_inner_texts()]
    assert [sign is None for sign in signs] == [True, True, False, False, True, True]
    figure.get_by_role("button", name="Reset").click()
    expect(figure.get_by_label("alive at the end").nth(1)).not_to_be_checked()
    expect(said).not_to_contain_text("right")


def test_every_load_of_the_film_is_the_stored_one(load_module):
    film = live.Collapse().film
    page = load_module("collapse/film.js")
    table = results.load("router_load").query("layer == 2")
    of = {"setting": 4, "rate": "high", "seed": 2, "step": 7}  # the z-loss
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
    expect(figure.locator(".reading")).to_contain_text("step 200")
    expect(figure.get_by_role("button", name="Play")).to_be_visible()
