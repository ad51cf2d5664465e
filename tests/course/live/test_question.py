"""Questions: their data, which answers are right, which hint a wrong one gets, and the figure in a browser."""

import html
import math
import re
import runpy
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.chapters import FOLDERS, questions

ROOT = Path(__file__).resolve().parents[3]
CHAPTERS = list(FOLDERS)
SETS = [*CHAPTERS, "exam"]
EXAM = questions.load("exam")
CHECKED = [question for name in SETS for question in questions.load(name) if question["kind"] != "text"]
QUESTIONS = {question["id"]: question for question in CHECKED}
SPELLINGS = {
    "0.125": 0.125, "0,125": 0.125, "1,25": 1.25, " .125 ": 0.125, "1/8": 0.125, "12.5%": 0.125, "12,5 %": 0.125,
    "⅛": 0.125, "about 1/8": 0.125, "≈0.125": 0.125, "2^-3": 0.125, "1.25e-1": 0.125, "-0.5": -0.5, "−½": -0.5,
    "20,000": 20000,
    "ln 26 / 16": math.log(26) / 16, "ln(26)/16 nats": math.log(26) / 16, "0.2 nat": 0.2, "e²": math.e**2,
    "√64": 8, "sqrt(64)": 8, "3·4+1": 13, "(1+2)/4": 0.75, "e^2/(1 + e + e^2)": math.e**2 / (1 + math.e + math.e**2),
}  # fmt: skip
NO_NUMBERS = ["", "   ", "four", "1/0", "ln 0", "1,2,3", "0.1.2", "1/", "(1", "1)", "2 3", "NaN", "Infinity", "1e999"]
NO_NUMBERS += ["__proto__", "constructor", "<b>1</b>", "((((", "-", "%", "ee", "9" * 199 + "!", "(" * 200]


def test_the_data_has_the_form_that_the_figure_expects():
    for name in SETS:
        ids = [question["id"] for question in questions.load(name)]
        assert ids == [f"{name.removeprefix('0')}.{n + 1}" for n in range(len(ids))]
    for id, question in QUESTIONS.items():
        fields = {"id", "kind", "text", "answer", "hints", "explanation"} | ({"section"} if question in EXAM else set())
        fields |= {"also"} & set(question) if question in EXAM else set()  # further sections
        wrong = [hint["answer"] for hint in question["hints"]]
        if question["kind"] == "choice":
            assert set(question) == fields | {"choices"}, id
            assert Counter(question["choices"]) == Counter([question["answer"], *wrong]), id  # one hint for each
            assert len(question["choices"]) >= 3, id
        else:
            assert question["kind"] == "number", id
            assert fields | {"tolerance", "hint"} <= set(question) <= fields | {"tolerance", "hint", "unit"}, id
            assert all(isinstance(number, int | float) for number in [question["answer"], *wrong]), id
            assert question["tolerance"] >= 0
        sentences = [hint["hint"] for hint in question["hints"]] + [question.get("hint", "There is none.")]
        assert len(set(sentences)) == len(sentences), id
        for text in [question["text"], question["explanation"], *sentences]:
            assert text.strip() == text, id
            assert text.endswith((".", "?", ")")), text
            assert "$" not in text, text  # no MathJax inside a figure


TESTS = ROOT / "tests" / "course" / "chapters"
# NUMBERS has the answer of each question with a number, then each foreseen mistake; CHOICES a part of the right choice;
# IN_CHAPTER the questions whose answer an assert of the chapter or a stored table holds. explained(), if there is one,
# returns numbers as the explanations write them.
ANSWERS = {n: SimpleNamespace(**runpy.run_path(str(TESTS / path.name / "answers.py"))) for n, path in FOLDERS.items()}
ANSWERS["exam"] = SimpleNamespace(**runpy.run_path(str(TESTS / "exam_answers.py")))
NUMBERS = {id: compute for module in ANSWERS.values() for id, compute in module.NUMBERS.items()}
CHOICES = {id: compute for module in ANSWERS.values() for id, compute in module.CHOICES.items()}
IN_CHAPTER = {id for module in ANSWERS.values() for id in module.IN_CHAPTER}


@pytest.mark.parametrize("id", [id for id, question in QUESTIONS.items() if question["kind"] == "number"])
def test_the_numbers_are_those_that_the_package_computes(id):
    question = QUESTIONS[id]
    stored = [question["answer"], *(hint["answer"] for hint in question["hints"])]
    computed = list(NUMBERS[id]())
    for number, value in zip(stored, computed, strict=True):
        assert float(value) == pytest.approx(number, rel=0.02, abs=0.0006)
    assert abs(float(computed[0]) - question["answer"]) <= question["tolerance"] + 1e-9


@pytest.mark.parametrize("id", CHOICES)
def test_the_right_choice_is_what_the_package_computes(id):
    actual = CHOICES[id]()
    assert actual
    assert actual in QUESTIONS[id]["answer"]


def test_each_answer_is_computed_or_held_by_its_chapter():
    assert sorted([*NUMBERS, *CHOICES, *IN_CHAPTER]) == sorted(QUESTIONS)


@pytest.mark.parametrize("chapter", SETS)
def test_numbers_in_explanations_are_those_that_the_package_computes(chapter):
    assert not hasattr(ANSWERS[chapter], "EXPLAINED"), "it would not be called"
    for id, numbers in getattr(ANSWERS[chapter], "explained", dict)().items():
        for number in numbers:
            assert number in QUESTIONS[id]["explanation"], (id, number)


def test_numbers_are_read_as_readers_write_them(load_module):
    page = load_module("question/number.js")
    read = page.evaluate("texts => texts.map((text) => module.parseNumber(text, 'nats'))", list(SPELLINGS))
    assert dict(zip(SPELLINGS, read, strict=True)) == pytest.approx(SPELLINGS, rel=1e-12)
    read = page.evaluate("texts => texts.map((text) => module.parseNumber(text))", NO_NUMBERS)
    assert [text for text, number in zip(NO_NUMBERS, read, strict=True) if number is not None] == []


def test_every_answer_is_judged_and_each_foreseen_mistake_gets_its_own_hint(load_module):
    page = load_module("question/judge.js")
    cases = []  # a question, an answer, whether it is right, the hint
    for question in QUESTIONS.values():
        cases.append((question, str(question["answer"]), True, ""))
        cases += [(question, str(foreseen["answer"]), False, foreseen["hint"]) for foreseen in question["hints"]]
        cases.append((question, "garbage", None, None))
        if question["kind"] == "number":
            edge = question["answer"] + question["tolerance"]
            cases.append((question, "12345.6", False, question["hint"]))
            cases += [(question, repr(edge), True, None), (question, repr(edge + 1e-6), False, None)]
    judged = page.evaluate("cases => cases.map(([question, given]) => module.judge(question, given))", cases)
    for (question, given, right, hint), found in zip(cases, judged, strict=True):
        assert found["right"] is right, (question["id"], given)
        assert hint in (None, found["hint"]), (question["id"], given)


def test_an_unknown_question_is_refused():
    with pytest.raises(ValueError, match=r"unknown question '2\.99'; chapter 02 has 2\.1, 2\.2"):
        live.Question("2.99")
    for id in ("99.1", "", "../x"):
        with pytest.raises(ValueError, match="unknown question"):
            live.Question(id)


def test_without_a_script_the_question_is_there_with_its_answer_folded():
    element = live.Question("4.4").element()
    plain = html.unescape(re.sub(r"<[^>]+>", "", element.split(">", 1)[1]))
    assert "Question 4.4. The data are rolls of a fair die" in plain
    assert re.search(
        r"<details><summary>Answer</summary>\s*<p><strong>0\.204 nats\.</strong> The mean is ln 26", element
    )
    assert "<sup>v</sup>" in live.Question("4.5").element()
    assert live.Question("4.4").fallback_image() == ""
    assert len(element) < 4000  # the state has no code


def test_a_question_of_the_exam_leaves_its_answer_to_the_page():
    element = live.Question("exam.5").element()
    assert "<strong>Question 5.</strong> Three tokens have the vectors" in element
    assert "<details>" not in element
    with pytest.raises(ValueError, match=r"question 'exam\.1' has a text as its answer"):
        live.Question("exam.1")


def test_a_number_is_checked_in_the_page(open_figures):
    question = QUESTIONS["2.2"]
    figure = open_figures(live.Question("2.2")).figure("question")
    field, reading = figure.get_by_label("Your answer"), figure.locator(".reading")
    show = figure.get_by_role("button", name="Show the answer")
    expect(show).to_be_hidden()
    field.fill("abc")
    field.press("Enter")
    expect(figure.locator(".message")).to_contain_text("Type a number")
    expect(reading).to_have_text("")
    field.fill("0")
    figure.get_by_role("button", name="Check").click()
    expect(figure.locator(".message")).to_have_text("")
    expect(reading).to_contain_text("Not yet")
    expect(reading).to_contain_text("e⁰ = 1")
    expect(reading).not_to_contain_text(question["explanation"])
    show.click()
    expect(reading).to_contain_text(question["explanation"])
    field.fill("1/18.5")
    field.press("Enter")
    until(lambda: reading.inner_text().startswith("✓ Right."))
    expect(reading).to_contain_text("Answer: 0.054.")
    figure.get_by_role("button", name="Reset").click()
    expect(field).to_have_value("")
    expect(reading).to_have_text("")


def test_a_choice_is_made_with_the_keyboard_or_a_finger(open_figures):
    stage = open_figures(live.Question("4.2"), live.Question("4.5"), has_touch=True)
    first = stage.figure("question")
    first.get_by_role("button", name="Check").press("Enter")
    expect(first.locator(".message")).to_contain_text("Choose one of the answers first.")
    first.get_by_label("the", exact=True).press("Space")
    stage.page.keyboard.press("ArrowDown")
    stage.page.keyboard.press("Tab")
    stage.page.keyboard.press("Enter")
    expect(first.locator(".reading")).not_to_contain_text("Row")
    expect(first.locator(".reading")).to_contain_text("All scores in row cat are 0")
    expect(first.locator("em", has_text="down")).not_to_have_count(0)  # emphasis, not asterisks
    second = stage.figure("question-2")
    second.get_by_label(re.compile("finite loss, and a gradient of W")).tap()
    second.get_by_role("button", name="Check").tap()
    until(lambda: second.locator(".reading").inner_text().startswith("✓ Right."))
    expect(first.locator(".reading")).to_contain_text("Not yet")  # one does not disturb the other


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_question_stands_once_in_its_chapter_with_its_present_text(chapter):
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    actual = []
    for cell in nbformat.read(path, as_version=4).cells:
        for id in re.findall(r'live\.Question\("([^"]+)"\)', cell.source) if cell.cell_type == "code" else []:
            actual.append(id)
            (output,) = cell.outputs
            assert output.data["text/html"] == live.Question(id).element(), f"run tools/notebooks.py {path.name}"
            assert cell.metadata.tags == ["remove-input"]
    assert actual == [question["id"] for question in questions.load(chapter)]
