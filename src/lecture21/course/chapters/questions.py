"""The questions that the pages check: those of a chapter, in its `questions.json`, and those of the exam."""

import json
from pathlib import Path
from typing import Any

from lecture21.course.chapters import FOLDERS

EXAM = "exam"


def load(chapter: str) -> list[dict[str, Any]]:
    """Return the questions of one chapter, such as "02", or of the "exam" with the numbers of the book."""
    return [_of_the_book(question) for question in stored(chapter)]


def stored(chapter: str) -> list[dict[str, Any]]:
    """Return the questions as they are stored: where a question has `numbers`, its texts are templates for them."""
    return json.loads(_file(chapter).read_text(encoding="utf-8"))["questions"]


def _of_the_book(question: dict[str, Any]) -> dict[str, Any]:
    if "numbers" not in question:
        return question
    from lecture21.course.chapters import exam_numbers  # computes with torch

    return exam_numbers.of_the_book(question)


def _file(chapter: str) -> Path:
    """Return the file with the questions of one chapter, or of the exam.

    Raises:
        ValueError: if there is no such chapter.
    """
    if chapter == EXAM:
        return Path(__file__).with_name("exam.json")
    if chapter not in FOLDERS:
        raise ValueError(f"no chapter {chapter!r} has questions; choose from {', '.join(FOLDERS)} or {EXAM}")
    return FOLDERS[chapter] / "questions.json"


def find(id: str) -> dict[str, Any]:
    """Return the question with this id, such as "2.1" or "exam.2".

    Raises:
        ValueError: if there is no such question, naming those that there are.
    """
    chapter = id.partition(".")[0].zfill(2)
    if chapter != EXAM and chapter not in FOLDERS:
        raise ValueError(f"unknown question {id!r}: no chapter {chapter!r} has questions")
    questions = {question["id"]: question for question in stored(chapter)}
    if id not in questions:
        raise ValueError(f"unknown question {id!r}; chapter {chapter} has {', '.join(questions)}")
    return _of_the_book(questions[id])


def answer_of(question: dict[str, Any]) -> str:
    """Return the right answer as text."""
    if question["kind"] == "choice":
        return question["answer"]
    return f"{question['answer']:.10g} {question.get('unit', '')}".strip()


def sentence_of(question: dict[str, Any]) -> str:
    """Return the right answer with one full stop at its end; that of a choice such as `b.` counts."""
    answer = answer_of(question)
    return answer if answer.rstrip("`").endswith(".") else f"{answer}."
