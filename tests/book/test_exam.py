"""The page of the exam."""

import re
from pathlib import Path

import pytest
import yaml
from lecture21_book.generated import exam

from lecture21.course.chapters.questions import load

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
QUESTIONS = load("exam")


def test_the_page_has_every_question_once_and_in_order():
    page = exam.page(ROOT, CONTENTS)
    shown = re.findall(r"^(?:\*\*Question (\d+)\.\*\*|id: exam\.(\d+)$)", page, re.MULTILINE)
    assert [int(text or live) for text, live in shown] == list(range(1, len(QUESTIONS) + 1))
    assert page.count("<details>") == page.count("See chapter") == len(QUESTIONS) == 62


@pytest.mark.parametrize(
    ("number", "chapter", "quoted"),
    [
        (18, "05", ["0.3 %"]),
        (25, "08", ["12 %"]),
        (27, "08", ["22", "6.5"]),
        (48, "13", ["0.36", "0.37"]),
        (61, "17", ["9 to 21", "320"]),
        (49, "14", ["1.55", "2.47", "2.86", "1.78", "1.83"]),
    ],
)
def test_a_number_that_an_answer_quotes_is_the_chapter_s(number: int, chapter: str, quoted: list[str]):
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    page = path.read_text(encoding="utf-8").replace("%", " %")
    question = QUESTIONS[number - 1]
    key = question["answer"] if question["kind"] == "text" else question["explanation"]
    for each in quoted:
        found = re.compile(rf"(?<![\d.]){re.escape(each).replace(chr(92) + ' ', ' +')}(?!\d)")
        assert found.search(key), each
        assert found.search(page), each


def test_an_answer_names_every_section_that_teaches_it_chapter_by_chapter():
    five, seven = "notebooks/05_transformer_block.ipynb#", "notebooks/07_write_a_gpt.ipynb#"
    links = [
        "[LayerNorm](../notebooks/05_transformer_block.ipynb#LayerNorm)",
        "[Positions](../notebooks/05_transformer_block.ipynb#Positions)",
        "[Train it](../notebooks/07_write_a_gpt.ipynb#Train-it)",
    ]
    question = {"section": f"{five}LayerNorm"}
    assert exam.taught(question, ROOT) == f"See chapter 05, section {links[0]}."
    question["also"] = [f"{five}Positions", f"{seven}Train-it"]
    assert exam.taught(question, ROOT) == (
        f"See chapter 05, sections {links[0]} and {links[1]}, and chapter 07, section {links[2]}."
    )


def test_a_section_that_is_not_in_the_notebook_is_refused():
    path = "notebooks/04_causal_mask.ipynb"
    assert exam.link(f"{path}#The-leak", ROOT) == f"[The leak](../{path}#The-leak)"
    with pytest.raises(ValueError, match=r"04_causal_mask\.ipynb has no heading with the anchor 'The-leek'"):
        exam.link(f"{path}#The-leek", ROOT)
