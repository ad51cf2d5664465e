"""A figure that shows the answer to a question stays closed until the reader has answered."""

import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.chapters import questions

NOTEBOOKS = sorted((Path(__file__).resolve().parents[3] / "notebooks").glob("[0-9]*.ipynb"))
CALLS = [
    line
    for path in NOTEBOOKS
    for cell in nbformat.read(path, as_version=4).cells
    for line in cell.source.splitlines()
    if cell.cell_type == "code" and line.startswith("live.") and "after=" in line
]
SHOWN = {
    "2.4": r"“pilot” prefers itself\. “window” prefers itself\.",
    "11.1": r"\b5[01](\.\d+)?\sdays",
    "13.4": r"ensemble error 0\.\d+",
    "14.2": r"Mean of the text: \d\.\d+ nats",
    "16.2": r"618",
    "17.4": r"After 8 iterations",
}
"""What a figure shows that leads to the answer."""


def test_there_are_such_figures():
    assert sorted(re.search(r'after="([\d.]+)"', call)[1] for call in CALLS) == sorted(SHOWN)


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_figure_does_not_show_the_answer_and_opens_once_there_is_one(open_figures, call):
    figure = eval(call, {"live": live})
    question = questions.find(figure.after)
    stage = open_figures(live.Question(figure.after), figure)
    actual = stage.figure(figure.figure + "-2").locator("section.figure")
    before = actual.inner_text()
    assert f"the answer to question {figure.after}. Answer it above first." in before
    assert str(question["answer"]) not in before.replace(figure.after, "")
    assert not re.search(SHOWN[figure.after], before)
    asked = stage.figure("question")
    if question["kind"] == "number":
        asked.get_by_label("Your answer").fill("123456")
    else:
        asked.get_by_label(question["choices"][0]).check()
    asked.get_by_role("button", name="Check").click()
    expect(actual).to_contain_text(f"Your answer to question {figure.after}: ", use_inner_text=True)
    until(lambda: re.search(SHOWN[figure.after], actual.inner_text()))
    stage.page.reload()
    until(lambda: asked.locator(".reading").inner_text().startswith(("✓ Right", "✗ Not yet")))  # it is remembered
    expect(stage.figure(figure.figure + "-2")).not_to_contain_text("Answer it above first", use_inner_text=True)
    asked.get_by_role("button", name="Reset").click()
    until(lambda: stage.page.evaluate("localStorage.length") == 0)


def test_a_closed_figure_opens_on_request(open_figures):
    figure = open_figures(live.AverageToEnsemble(after="13.4")).figure("average_to_ensemble")
    expect(figure.locator("canvas").first).to_be_hidden()
    figure.get_by_role("button", name="Show the figure without an answer").press("Enter")
    expect(figure.locator("canvas").first).to_be_visible()
    expect(figure).not_to_contain_text("question", use_inner_text=True)
