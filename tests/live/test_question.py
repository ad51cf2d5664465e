"""Questions: their data, which answers are right, which hint a wrong one gets, and the figure in a browser."""

import functools
import html
import math
import re
from collections import Counter
from pathlib import Path

import jaxtyping
import nbformat
import pytest
import torch

from lecture21 import live
from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_VALUE, X
from lecture21.layers import MultiHeadAttention
from lecture21.live import _question

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path.stem.removeprefix("chapter_") for path in _question.FOLDER.glob("chapter_*.json"))
QUESTIONS = {question["id"]: question for chapter in CHAPTERS for question in _question.load(chapter)}
SPELLINGS = {
    "0.125": 0.125, "0,125": 0.125, " .125 ": 0.125, "1/8": 0.125, "12.5%": 0.125, "12,5 %": 0.125, "⅛": 0.125,
    "about 1/8": 0.125, "≈0.125": 0.125, "2^-3": 0.125, "1.25e-1": 0.125, "-0.5": -0.5, "−½": -0.5, "20,000": 20000,
    "ln 26 / 16": math.log(26) / 16, "ln(26)/16 nats": math.log(26) / 16, "0.2 nat": 0.2, "e²": math.e**2,
    "√64": 8, "sqrt(64)": 8, "3·4+1": 13, "(1+2)/4": 0.75, "e^2/(1 + e + e^2)": math.e**2 / (1 + math.e + math.e**2),
}  # fmt: skip
NO_NUMBERS = ["", "   ", "four", "1/0", "ln 0", "1,2,3", "0.1.2", "1/", "(1", "1)", "2 3", "NaN", "Infinity", "1e999"]
NO_NUMBERS += ["__proto__", "constructor", "<b>1</b>", "((((", "-", "%", "ee", "9" * 199 + "!", "(" * 200]


def test_the_data_has_the_form_that_the_figure_expects():
    assert CHAPTERS == ["02", "03", "04"]
    for chapter in CHAPTERS:
        ids = [question["id"] for question in _question.load(chapter)]
        assert ids == [f"{int(chapter)}.{n + 1}" for n in range(len(ids))]
    for id, question in QUESTIONS.items():
        fields = {"id", "kind", "text", "answer", "hints", "explanation"}
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


def self_weight(width: int, std: float = 1.0) -> float:
    """The weight that one of eight random vectors gives itself."""
    x = std * torch.randn(2000, 8, width, generator=torch.Generator().manual_seed(0))
    return basic_self_attention(x)[1].diagonal(dim1=1, dim2=2).mean().item()


@functools.cache
def random_scores() -> torch.Tensor:
    """Scores of 20,000 random queries with 16 random keys each, width 64, undivided."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(20_000, 1, 64, generator=generator), torch.randn(20_000, 16, 64, generator=generator)
    return (q * k).sum(dim=-1)


def largest_weight(divisor: float) -> tuple[float, float]:
    """The largest weight of a random query on average, and the standard deviation of its scores."""
    scores = random_scores() / divisor
    return scores.softmax(dim=-1).amax(dim=-1).mean().item(), scores.std().item()


@functools.cache
def example() -> dict[str, torch.Tensor]:
    """The attention weights of the worked example."""
    q, k, v = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T
    scores, future = q @ k.T / 2, ~causal_mask(4)
    return {
        "basic": basic_self_attention(X)[1],
        "unmasked": attention(q, k, v)[1],
        "masked": attention(q, k, v, causal_mask(4))[1],
        "zero": scores.masked_fill(future, 0.0).softmax(dim=-1),
    }


THE, CAT, SAT, DOWN = range(4)


def ahead(weights: torch.Tensor) -> float:
    """The weight that row "the" gives to later words."""
    return weights[THE, CAT:].sum().item()


def grown(t: int) -> int:
    """Parameters of a layer that has processed `t` tokens."""
    layer = MultiHeadAttention(64, 4)
    layer(torch.zeros(1, t, 64))
    return sum(p.numel() for p in layer.parameters())


NUMBERS = {  # each answer and each foreseen mistake, from the package
    "2.2": lambda: [
        example()["basic"][SAT, THE], 0, 1 / 4, 1 / (X[SAT] @ X[1:].T).exp().sum(),
        (X[SAT] @ X.T * math.log(2)).softmax(dim=0)[THE], example()["basic"][SAT, CAT],
    ],
    "2.5": lambda: [self_weight(16), 1 / 8, 1 / 2],
    "2.6": lambda: [self_weight(64, 0.02), self_weight(64)],
    "3.3": lambda: [largest_weight(1)[0], 1 / 16, largest_weight(8)[0], 1],
    "3.4": lambda: [largest_weight(64)[1], largest_weight(8)[1], largest_weight(64)[1] ** 2, largest_weight(1)[1]],
    "3.5": lambda: [grown(32) / grown(4), 1024 / 32, (1024 / 32) ** 2],
    "4.3": lambda: [ahead(example()["zero"]), ahead(example()["masked"]), example()["zero"][THE, THE],
                    ahead(example()["unmasked"])],
    "4.5": lambda: [math.log(26) / 16, 0, math.log(26), math.log(26) * 15 / 16],
}  # fmt: skip


@pytest.mark.parametrize("id", [id for id, question in QUESTIONS.items() if question["kind"] == "number"])
def test_the_numbers_are_those_that_the_package_computes(id):
    question = QUESTIONS[id]
    stored = [question["answer"], *(hint["answer"] for hint in question["hints"])]
    for number, computed in zip(stored, NUMBERS[id](), strict=True):
        assert float(computed) == pytest.approx(number, rel=0.02, abs=0.0006)
    right = float(NUMBERS[id]()[0])
    assert abs(right - question["answer"]) <= question["tolerance"] + 1e-9


def choose(id: str) -> str:
    """Return the right choice, worked out with the package."""
    basic = example()["basic"]
    scores = X @ X.T
    same = [row for row in range(4) if torch.equal(example()["masked"][row], example()["unmasked"][row])]
    order = torch.tensor([3, 1, 0, 2])
    out, weights = basic_self_attention(X[order])
    match id:
        case "2.1":
            return " and ".join(f"*{TOKENS[j]}*" for j in range(4) if scores[SAT, j] == scores[SAT].max())
        case "2.3" | "4.2":
            return f"*{TOKENS[basic.amax(dim=1).argmax() if id == '2.3' else same[0]]}*"
        case "2.4":
            moved = torch.allclose(weights, basic[order][:, order]) and torch.allclose(out, (basic @ X)[order])
            return "the rows and columns of the weights move" if moved else ""
        case "3.1":
            return "1/4 for each word" if example()["unmasked"][CAT].tolist() == [0.25] * 4 else ""
        case "3.2":
            attention(torch.ones(4, 8), torch.ones(4, 8), torch.ones(4, 3))
            with pytest.raises((ValueError, jaxtyping.TypeCheckError)):
                attention(torch.ones(4, 8), torch.ones(4, 3), torch.ones(4, 8))
            return "only queries and keys"
        case "3.6":
            digits = torch.randint(10, (20_000, 8), generator=torch.Generator().manual_seed(0))
            commonest = torch.nn.functional.one_hot(digits, 10).sum(dim=1).amax(dim=1).float().mean() / 8
            return f"near {commonest:.1f}"
        case "4.4":
            w_value = W_VALUE.clone().requires_grad_()
            mask = causal_mask(4)
            mask[0] = False  # a padding row
            weights = (X @ W_QUERY.T @ (X @ W_KEY.T).T / 2).masked_fill(~mask, -math.inf).softmax(dim=-1)
            (weights @ (X @ w_value.T))[1:].sum().backward()  # without that row
            return "the gradient of W^v is NaN" if w_value.grad.isnan().all() else ""
    return QUESTIONS[id]["answer"]  # 4.1 and 4.6 are trained in the chapter, where asserts hold the numbers


@pytest.mark.parametrize("id", [id for id, question in QUESTIONS.items() if question["kind"] == "choice"])
def test_the_right_choice_is_what_the_package_computes(id):
    found = choose(id)
    assert found
    assert found in QUESTIONS[id]["answer"]


def test_numbers_in_explanations_are_those_that_the_package_computes():
    facts = {
        "2.3": [f"{example()['basic'][CAT, CAT]:.3f}", f"{example()['basic'][DOWN, DOWN]:.3f}"],
        "2.5": [f"{self_weight(64):.3f}"],
        "2.6": [f"{64 * 0.02**2:.3f}", f"{math.exp(64 * 0.02**2):.3f}"],
        "3.4": [f"{largest_weight(64)[0]:.2f}"],
    }
    for id, numbers in facts.items():
        for number in numbers:
            assert number in QUESTIONS[id]["explanation"], (id, number)


def test_numbers_are_read_as_readers_write_them(load_module):
    page = load_module("question/number.js")
    for text, number in SPELLINGS.items():
        assert page.evaluate("text => module.parseNumber(text, 'nats')", text) == pytest.approx(number, rel=1e-12), text
    for text in NO_NUMBERS:
        assert page.evaluate("text => module.parseNumber(text)", text) is None, text


def test_every_answer_is_judged_and_each_foreseen_mistake_gets_its_own_hint(load_module):
    page = load_module("question/judge.js")

    def judge(question, given):
        return page.evaluate("([question, given]) => module.judge(question, given)", [question, given])

    for question in QUESTIONS.values():
        assert judge(question, str(question["answer"])) == {"right": True, "hint": ""}
        for foreseen in question["hints"]:
            given = str(foreseen["answer"])
            assert judge(question, given) == {"right": False, "hint": foreseen["hint"]}, (question["id"], given)
        assert judge(question, "garbage")["right"] is None
        if question["kind"] == "number":
            assert judge(question, "12345.6") == {"right": False, "hint": question["hint"]}
            edge = question["answer"] + question["tolerance"]
            assert judge(question, repr(edge))["right"] is True
            assert judge(question, repr(edge + 1e-6))["right"] is False


def test_an_unknown_question_is_refused():
    with pytest.raises(ValueError, match=r"unknown question '2\.99'; chapter 02 has 2\.1, 2\.2"):
        live.Question("2.99")
    for id in ("99.1", "", "../x"):
        with pytest.raises(ValueError, match="unknown question"):
            live.Question(id)


def test_without_a_script_the_question_is_there_with_its_answer_folded():
    element = live.Question("4.5").element()
    plain = html.unescape(re.sub(r"<[^>]+>", "", element.split(">", 1)[1]))
    assert "fair die with 26 faces, thrown" not in plain
    assert "Question 4.5. The window has 16 positions" in plain
    assert re.search(r"<details><summary>Answer</summary>\s*<p><strong>0\.204 nats\.</strong> ln 26/16", element)
    assert "<sup>v</sup>" in live.Question("4.4").element()
    assert live.Question("4.5").twin() == ""
    assert len(element) < 4000  # the state has no code


def test_a_number_is_checked_in_the_page(open_figures):
    question = QUESTIONS["2.2"]
    figure = open_figures(live.Question("2.2")).figure("question")
    field, reading = figure.get_by_label("Your answer"), figure.locator(".reading")
    show = figure.get_by_role("button", name="Show the answer")
    assert show.is_hidden()
    field.fill("abc")
    field.press("Enter")
    assert "Type a number" in figure.locator(".message").text_content()
    assert reading.inner_text() == ""
    field.fill("0")
    figure.get_by_role("button", name="Check").click()
    assert figure.locator(".message").text_content() == ""
    assert "Not yet" in reading.inner_text()
    assert "e⁰ = 1" in reading.inner_text()
    assert question["explanation"] not in reading.inner_text()
    show.click()
    assert question["explanation"] in reading.inner_text()
    field.fill("1/18.5")
    field.press("Enter")
    assert reading.inner_text().startswith("✓ Right.")
    assert "Answer: 0.054." in reading.inner_text()
    figure.get_by_role("button", name="Reset").click()
    assert field.input_value() == ""
    assert reading.inner_text() == ""


def test_a_choice_is_made_with_the_keyboard_or_a_finger(open_figures):
    stage = open_figures(live.Question("4.2"), live.Question("4.4"), has_touch=True)
    first = stage.figure("question")
    first.get_by_role("button", name="Check").press("Enter")
    assert "Choose one of the answers first." in first.locator(".message").text_content()
    first.get_by_label("the", exact=True).press("Space")
    stage.page.keyboard.press("ArrowDown")
    stage.page.keyboard.press("Tab")
    stage.page.keyboard.press("Enter")
    assert "Row" not in first.locator(".reading").inner_text()
    assert "All scores of row cat are 0" in first.locator(".reading").inner_text()
    assert first.locator("em", has_text="down").count()  # emphasis, not asterisks
    second = stage.figure("question-2")
    second.get_by_label(re.compile("gradient of W")).tap()
    second.get_by_role("button", name="Check").tap()
    assert second.locator(".reading").inner_text().startswith("✓ Right.")
    assert "Not yet" in first.locator(".reading").inner_text()  # one does not disturb the other


def test_garbage_in_a_link_and_in_the_traits_is_ignored(open_figures):
    stage = open_figures(live.Question("4.2"), hash="#live-question=eyJnaXZlbiI6NywgInNob3duIjoieCJ9")
    assert stage.figure("question").locator(".reading").inner_text() == ""
    question = live.Question("4.2")
    question.given = "<img src=x onerror=alert(1)>"
    assert open_figures(question).figure("question").locator(".reading").inner_text() == ""


def test_the_folded_answer_is_out_of_sight_once_the_page_checks(open_figures):
    stage = open_figures(live.Question("4.2"))
    stage.figure("question")
    assert not stage.page.get_by_text("Answer", exact=True).is_visible()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_question_stands_once_in_its_chapter_with_its_present_text(chapter):
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        for id in re.findall(r'live\.Question\("([^"]+)"\)', cell.source) if cell.cell_type == "code" else []:
            found.append(id)
            (output,) = cell.outputs
            assert output.data["text/html"] == live.Question(id).element(), f"run tools/notebooks.py {path.name}"
            assert cell.metadata.tags == ["remove-input"]
    assert found == [question["id"] for question in _question.load(chapter)]
