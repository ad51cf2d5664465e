"""What charts draw: points are read off the axes, as a reader does, and compared with the data."""

import math
import re

import pytest
from playwright.sync_api import Locator, expect

from lecture21.course import live

# Everything that is drawn of a chart, in pixels: the texts at the axes, the curves by name, levels and cursor.
DRAWN = """chart => {
  const place = (node, ...names) => names.map((name) => Number(node.getAttribute(name)));
  const tick = (node, name) => [node.textContent, Number(node.getAttribute(name))];
  const curves = [...chart.querySelectorAll(".curve")].map((node) => [node.dataset.name, node.getAttribute("d")]);
  return {
    x: [...chart.querySelectorAll(".x.tick")].map((node) => tick(node, "x")),
    y: [...chart.querySelectorAll(".y.tick")].map((node) => tick(node, "y")),
    curves: Object.fromEntries(curves.map(([name, d]) => [name, d ?? ""])),
    marks: [...chart.querySelectorAll(".marks circle")].map((node) => place(node, "cx", "cy")),
    levels: [...chart.querySelectorAll(".levels line")].map((node) => [node.dataset.name, ...place(node, "y1")]),
    cursor: [...chart.querySelectorAll(".cursor")].flatMap((node) => place(node, "x1", "x2")),
  };
}"""

UNITS = {"k": 1e3, "M": 1e6, "B": 1e9}

# A figure with a chart alone, whose content the test gives.
ALONE = """content => {
  const el = document.createElement("div");
  const style = document.createElement("style"); // as that of a figure
  style.textContent = ".drawing { position: relative } svg { display: block; width: 100% } [hidden] { display: none }";
  document.body.replaceChildren(style, el);
  const chart = module.lineChart(
    { stage: el, onTheme() {}, onRemove() {} }, { label: "a chart", height: 250, content: () => content });
  globalThis.chart = chart;
  globalThis.content = content;
  chart.paint();
}"""


def number(text: str) -> float:
    return float(text.removesuffix(text[-1])) * UNITS[text[-1]] if text[-1] in UNITS else float(text)


def reader(ticks: list, log: bool = False):
    """Return a function that reads the value at a pixel off an axis, from the numbers that are written at it."""
    places = [(math.log(number(text)) if log else number(text), pixel) for text, pixel in ticks]
    (first, start), (last, end) = places[0], places[-1]
    assert abs(end - start) > 40
    for value, pixel in places:  # the numbers between agree
        assert pixel == pytest.approx(start + (value - first) / (last - first) * (end - start), abs=0.6)

    def value_at(pixel: float) -> float:
        value = first + (pixel - start) / (end - start) * (last - first)
        return math.exp(value) if log else value

    return value_at


def read(chart: Locator, log_x: bool = False, log_y: bool = False) -> dict:
    """Return what a chart shows, in the units of its axes; a curve is a list of the parts without a gap."""
    drawn = chart.evaluate(DRAWN)
    x, y = reader(drawn["x"], log_x), reader(drawn["y"], log_y)

    def points(part: str) -> list[tuple[float, float]]:
        return [(x(float(a)), y(float(b))) for a, b in re.findall(r"(-?[\d.e-]+) (-?[\d.e-]+)", part)]

    return {
        "curves": {name: [points(part) for part in d.split("M")[1:]] for name, d in drawn["curves"].items()},
        "marks": [(x(a), y(b)) for a, b in drawn["marks"]],
        "levels": {name: y(pixel) for name, pixel in drawn["levels"]},
        "cursor": [x(pixel) for pixel in drawn["cursor"]],
    }


def near(points, *, x: float, y: float) -> list:
    """Points that agree with these within the distances that pixels, and numbers rounded at an axis, allow."""
    return [(pytest.approx(a, abs=x), pytest.approx(b, abs=y)) for a, b in points]


def content(**changes) -> dict:
    curve = {"name": "one", "x": [0, 1, 2, 3, 4], "y": [1, 2, None, 0.5, 3], "color": "red", "points": True}
    axes = {"xRange": [0, 4], "yRange": [0, 4], "xTitle": "day", "yTitle": "height, m"}
    return {"curves": [curve], "levels": [{"y": 2.5, "name": "a level"}], "cursor": 3, **axes} | changes


def alone(page, given: dict) -> Locator:
    page.evaluate(ALONE, given)
    return page.locator("svg.chart")


def test_a_chart_has_its_values_at_the_right_place_of_its_axes(load_module):
    chart = alone(load_module("kit/chart.js"), content())
    actual = read(chart)
    (first, second) = actual["curves"]["one"]  # a value that is missing interrupts the curve
    assert first == near([(0, 1), (1, 2)], x=0.01, y=0.02)
    assert second == near([(3, 0.5), (4, 3)], x=0.01, y=0.02)
    assert actual["marks"] == near([(0, 1), (1, 2), (3, 0.5), (4, 3)], x=0.01, y=0.02)
    assert actual["levels"] == {"a level": pytest.approx(2.5, abs=0.02)}
    assert actual["cursor"] == pytest.approx([3, 3], abs=0.01)
    texts = chart.locator("text").all_text_contents()
    assert {"day", "height, m", "a level"} <= set(texts)


def test_logarithmic_axes(load_module):
    curve = {"name": "one", "x": [1, 10, 1000], "y": [0.001, 5, 2e6], "color": "red"}
    given = content(curves=[curve], xRange=[1, 1000], yRange=[1e-3, 1e7], logX=True, logY=True, levels=[], cursor=10)
    actual = read(alone(load_module("kit/chart.js"), given), log_x=True, log_y=True)
    (points,) = actual["curves"]["one"]
    for (x, y), (a, b) in zip(points, zip(curve["x"], curve["y"], strict=True), strict=True):
        assert (x, y) == (pytest.approx(a, rel=0.02), pytest.approx(b, rel=0.05))
    assert actual["cursor"][0] == pytest.approx(10, rel=0.02)


def test_a_curve_that_grows_is_drawn_as_one_that_is_new(load_module):
    page = load_module("kit/chart.js")
    given = content()
    given["curves"][0] |= {"grows": True, "points": False}
    chart = alone(page, given)
    before = chart.locator(".curve").get_attribute("d")
    same = page.evaluate(
        """() => {
            const [{ x, y }] = content.curves, node = document.querySelector(".curve");
            for (let i = 5; i < 40; i++) { x.push(4 * i / 40); y.push(i % 7 ? i / 10 : NaN); chart.paint(); }
            return node === document.querySelector(".curve");
        }"""
    )
    grown = chart.locator(".curve").get_attribute("d")
    assert same
    assert grown.startswith(before)
    page.evaluate("() => { content.xRange = [0, 8]; chart.paint(); content.xRange = [0, 4]; chart.paint(); }")
    expect(chart.locator(".curve")).to_have_attribute("d", grown)
    parts = read(chart)["curves"]["one"]
    assert sum(map(len, parts)) == 4 + 30
    page.evaluate("() => { content.curves[0].y = content.curves[0].y.map(() => 1); chart.paint(); }")
    (flat,) = read(chart)["curves"]["one"]
    assert {round(y, 1) for _, y in flat} == {1.0}


def test_the_values_under_the_pointer_and_the_arrow_keys(load_module):
    page = load_module("kit/chart.js")
    second = {"name": "two", "x": [0, 1, 2, 3, 4], "y": [4, 3, 2, 1, 0], "color": "blue"}
    plain = {"x": [0, 4], "y": [0, 4], "color": "blue"}  # without a name: not read
    chart = alone(page, content(curves=[*content()["curves"], second, plain]))
    said = page.get_by_role("status")
    box = chart.bounding_box()
    between = (box["width"] - 56) / 4  # the margins of the area
    page.mouse.move(box["x"] + 46 + 1.2 * between, box["y"] + 100)
    expect(said).to_have_text("day: 1one: 2two: 3")
    page.mouse.move(box["x"] + 46 + 2 * between, box["y"] + 100)
    expect(said).to_have_text("day: 2two: 2")  # the first has no value there
    page.mouse.move(box["x"] + 46, box["y"] + box["height"] + 60)
    expect(said).to_be_hidden()
    chart.focus()
    for key, expected in (("End", "day: 4one: 3two: 0"), ("ArrowLeft", "day: 3one: 0.5two: 1")):
        page.keyboard.press(key)
        expect(said).to_have_text(expected)
    page.evaluate("() => { content.curves[0].y[3] = 2; chart.paint(); }")
    expect(said).to_have_text("day: 3one: 2two: 1")  # it follows the chart
    page.keyboard.press("Escape")
    expect(said).to_be_hidden()


def test_a_chart_follows_the_theme(open_figures):
    figure = open_figures(live.Context()).figure("context")
    chart = figure.locator(".chart")
    colors = """chart => [".grid", ".curve"].map((name) => getComputedStyle(chart.querySelector(name)).stroke)"""
    light = chart.evaluate(colors)
    assert light == ["rgb(201, 206, 211)", "rgb(0, 114, 178)"]
    figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(chart.locator(".grid").first).to_have_css("stroke", "rgb(70, 80, 91)")
    expect(chart.locator(".curve").first).to_have_css("stroke", "rgb(79, 176, 232)")


def test_the_figure_of_the_context_draws_the_stored_losses(open_figures):
    given = live.Context(index=0)  # the curves end where the slider is
    chart = open_figures(given).figure("context").locator(".chart")
    expect(chart.locator(".curve").first).to_have_attribute("d", re.compile("^M"))
    actual = read(chart, log_x=True)
    for curve in given.curves:
        means = [sum(losses) / len(losses) for losses in zip(*curve["seeds"], strict=True)]
        (points,) = actual["curves"][curve["name"]]
        assert [x for x, _ in points] == pytest.approx(curve["contexts"], rel=0.01)
        assert [y for _, y in points] == pytest.approx(means, abs=0.005)
    assert actual["cursor"] == pytest.approx([1, 1], rel=0.01)


def test_the_figure_of_training_draws_the_losses_that_it_measures(open_figures):
    steps = 60
    stage = open_figures(live.Train(size="gpt0", steps=steps))
    figure = stage.figure("train")
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_text("now offer your model").wait_for()
    actual = read(figure.locator(".chart"))
    (measured,) = actual["curves"]["validation text"]
    seconds = measured[-1][0]
    end = float(re.search(r"validation loss ([\d.]+\d)", figure.locator(".now").inner_text())[1])
    assert measured[0][1] == pytest.approx(math.log(65), abs=0.1)  # a new model is near the uniform distribution
    assert measured[-1][1] == pytest.approx(end, abs=0.02)
    said = figure.locator(".reading").first.inner_text()
    assert float(re.search(rf"Finished after {steps} steps in ([\d.]+) s", said)[1]) == pytest.approx(seconds, abs=0.6)
    assert [x for x, _ in measured] == sorted(x for x, _ in measured)
    (stored,) = [curve for curve in live.Train().curves if curve["steps"] == 300]
    (drawn,) = actual["curves"]["this recipe in PyTorch, 300 steps"]
    assert [y for _, y in drawn] == pytest.approx(stored["y"], abs=0.02)
    places = [x / drawn[-1][0] for x, _ in drawn]  # as if it took as long
    assert places == pytest.approx([x / stored["steps"] for x in stored["x"]], abs=0.02)
    levels = {level["name"]: level["nats"] for level in live.Train().levels}
    assert {name.rsplit(" ", 1)[0]: nats for name, nats in actual["levels"].items()} == pytest.approx(levels, abs=0.02)
