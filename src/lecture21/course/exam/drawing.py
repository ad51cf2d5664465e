"""Draw questions of the exam, so that every seed gives a test of the same kinds of questions on the same chapters."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lecture21.course.chapters import FOLDERS
from lecture21.course.chapters.questions import EXAM, load, stored

Question = dict[str, Any]
"""A question as in `exam.json`, with the numbers and the order of choices that were drawn."""


def parse_chapters(text: str) -> list[str]:
    """Return the chapters that a text such as "2-7" or "2,4,7-9" names, with two digits."""
    chapters: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})\s*(?:[-–]\s*(\d{1,2})\s*)?", part)
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise ValueError(f"--chapters must be like 2-7 or 2,4,7-9, got {text!r}")
        chapters |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    names = [f"{chapter:02}" for chapter in sorted(chapters)]
    if unknown := [name for name in names if name not in FOLDERS]:
        raise ValueError(f"--chapters {text}: there is no chapter {unknown[0]}; choose from 1 to {len(FOLDERS)}")
    return names


def chapter_of(question: Question) -> str:
    """Return the chapter that teaches a question, such as "04"."""
    return re.search(r"/(\d\d)_", question["section"])[1]


def select(chapters: Sequence[str], n: int, seed: int) -> list[Question]:
    """Return `n` questions on the chapters, in the order of the book.

    Every seed gives as many texts, numbers and choices, in proportion to those that there are, and spreads them over
    the chapters as evenly as these allow.
    """
    pool = [question for question in load(EXAM) if chapter_of(question) in chapters]
    if not 1 <= n <= len(pool):
        raise ValueError(f"--questions must be from 1 to {len(pool)}, which these chapters have; got {n}")
    rng = random.Random(f"selection {seed}")
    used: Counter[str] = Counter()
    chosen = []
    for kind, count in _shares(Counter(question["kind"] for question in pool), n).items():
        left = [question for question in pool if question["kind"] == kind]
        rng.shuffle(left)
        for _ in range(count):
            question = min(left, key=lambda each: used[chapter_of(each)])  # the first one of a chapter used least
            left.remove(question)
            used[chapter_of(question)] += 1
            chosen.append(question)
    return sorted(chosen, key=pool.index)


def _shares(sizes: Counter[str], n: int) -> dict[str, int]:
    """Divide `n` in proportion to sizes: each part is rounded down, and the largest remainders get one more."""
    exact = {name: Fraction(n * size, sizes.total()) for name, size in sizes.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: n - sum(shares.values())]:
        shares[name] += 1
    return shares


def draw(questions: Sequence[Question], seed: int, version: str = "") -> list[Question]:
    """Return the questions with other numbers, where answers are computed, and with choices in another order."""
    return [_drawn(question, random.Random(f"{seed} {version} {question['id']}")) for question in questions]


def _drawn(question: Question, rng: random.Random) -> Question:
    if question["kind"] == "choice":
        return question | {"choices": rng.sample(question["choices"], len(question["choices"]))}
    if question["kind"] != "number":
        return question
    from lecture21.course.chapters import exam_numbers  # computes with torch

    (template,) = [each for each in stored(EXAM) if each["id"] == question["id"]]
    new = exam_numbers.draw(template, rng)
    if not question["tolerance"]:
        return new | {"answer": round(new["answer"])}
    # The same relative precision is asked of every version.
    tolerance = question["tolerance"] * abs(new["answer"] / question["answer"])
    return new | {"answer": float(f"{new['answer']:.4g}"), "tolerance": float(f"{tolerance:.2g}")}
