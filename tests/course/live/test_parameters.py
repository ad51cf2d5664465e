"""Parameters of figures: declared once, checked in Python, and known to the script of the figure."""

import json
import math
import re
from pathlib import Path

import nbformat
import pytest
import traitlets
import yaml

from lecture21.course import live
from lecture21.course.live.figure import Figure
from lecture21.course.live.parameters import Text, limits, require

FIGURES = {figure.figure: figure for figure in reversed(live.examples())}


def outside(limits: dict) -> list:
    """Values that a parameter with these limits does not take."""
    if "choices" in limits:
        return ["nonsense", None]
    if "longest" in limits:
        return ["x" * (limits["longest"] + 1), 5] + ["x" * (limits["shortest"] - 1)] * (limits["shortest"] > 0)
    return [limits["min"] - 1, limits["max"] + 1, math.nan, math.inf, "1"] + [limits["min"] + 0.5] * (
        "integer" in limits
    )


@pytest.mark.parametrize("name", FIGURES)
def test_each_parameter_refuses_what_is_outside_its_limits(name):
    figure = FIGURES[name]
    for parameter, each in type(figure).parameters().items():
        require(figure, parameter, each["start"])
        for value in outside(each):
            with pytest.raises(ValueError, match=rf"^{parameter} must .*, got ") as error:
                require(figure, parameter, value)
            got = len(value) if isinstance(value, str) and "longest" in each else value
            assert str(error.value).endswith(f", got {got!r}")
            if not (isinstance(value, float) and math.isnan(value)):
                with pytest.raises(traitlets.TraitError):
                    setattr(figure, parameter, value)


@pytest.mark.parametrize("name", FIGURES)
def test_the_script_of_a_figure_has_the_limits_of_its_parameters(name):
    script = FIGURES[name]._esm
    given = script[script.rindex("fields: {") + len("fields: ") : script.rindex(" }) };")]
    assert json.loads(given) == type(FIGURES[name]).parameters()


class Example(Figure):
    """A figure without a script."""

    first = traitlets.Int(1, min=0, max=3).tag(sync=True)
    second = Text("a", longest=2).tag(sync=True)
    data = traitlets.List().tag(sync=True)


def test_a_figure_takes_its_parameters_by_place_or_by_name_and_repeats_those_that_differ():
    assert repr(Example()) == repr(Example(1, "a", data=[1])) == "Example()"
    assert repr(Example(2, second="bb")) == "Example(first=2, second='bb')"
    assert (Example(2).first, Example(data=[1]).data) == (2, [1])
    with pytest.raises(TypeError, match="Example has 2 parameters, got 3 values"):
        Example(1, "a", [])
    with pytest.raises(TypeError, match="Example has no parameter 'third'; it has first, second"):
        Example(third=1)
    assert limits(Example.data) is None


def test_limits_that_depend_on_stored_results_are_theirs():
    film = live.Collapse().film
    step, seed = (live.Collapse.parameters()[name]["max"] + 1 for name in ("step", "seed"))
    assert (step, seed) == (len(film["steps"]), film["seeds"])
    assert live.Aligned.parameters()["prompt"]["max"] + 1 == len(live.Aligned().stored["prompts"])


def test_a_picture_shows_the_state_in_which_a_chapter_shows_its_figure():
    folder = Path(__file__).resolve().parents[3] / "notebooks"
    shown = set()
    for path in folder.rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", []) if "data" in output]
        shown.update(output.data.get("text/plain") for output in outputs)
    for path in folder.parent.glob("book/*.md"):
        for name, arguments in re.findall(r"^:+\{live\} (\w+)\n(.*?)^:+$", path.read_text("utf-8"), re.M | re.S):
            shown.add(repr(getattr(live, name)(**(yaml.safe_load(arguments) or {}))))
    assert not [each for each in live.examples() if each.fallback_image() and repr(each) not in shown]
