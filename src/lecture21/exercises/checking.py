"""Check an answer in a notebook."""

import secrets
import textwrap
from typing import Any

from lecture21._support.validation import printable
from lecture21.exercises.exercise import Case, Exercise
from lecture21.exercises.judging import judge, wrong_signature
from lecture21.exercises.registry import find
from lecture21.exercises.running import call_all, draw, is_written
from lecture21.exercises.values import kind, plain

_SECONDS = 10.0
_LINES = 4
_DRAWS = 2  # of fresh cases: a wrong answer may agree with the solution in one draw
_WIDTH = 100
_tested: dict[str, tuple[Any, str]] = {}  # the last answer to each exercise, and its verdict, which `solved` repeats


def check(number: str, answer: Any) -> None:
    """Test an answer to an exercise on fresh inputs, and print one to four lines.

    The first line is "4.1: correct", "4.1: not written yet", or what to look at. Nothing that the answer does stops
    the notebook: an exception, an endless loop or a wrong type becomes a sentence.

    Args:
        number: chapter and number of the exercise, such as "4.1".
        answer: the function or class itself, without parentheses, or the value that the exercise asks for.
    """
    try:
        exercise = find(number)
    except ValueError as error:
        _print(number, str(error))
        return
    _print(number, _verdict(exercise, answer))


def _verdict(exercise: Exercise, answer: Any) -> str:
    """Test an answer, and return and remember what is said of it."""
    try:
        text = _text(exercise, answer)
    except Exception as error:  # no answer stops the notebook
        text = f"could not be tested: {type(error).__name__}"
    _tested[exercise.number] = answer, text
    return text


def solved(number: str, answer: Any) -> Any:
    """Return the reader's answer if it passes its check, else the solution, and print which, so that a chapter runs on.

    Args:
        number: chapter and number of the exercise, such as "4.1".
        answer: the function, class or value that the reader wrote, or its stub.

    Raises:
        ValueError: if there is no exercise of this number.
    """
    exercise = find(number)
    tested, verdict = _tested.get(exercise.number, (None, ""))
    if tested is not answer or not callable(answer):
        verdict = _verdict(exercise, answer)
    right = verdict.startswith("correct")
    _print(number, "your version is used" if right else "the book's version is used until yours is correct")
    return answer if right else exercise.solution


def _print(number: object, text: str) -> None:
    lines = textwrap.wrap(f"{printable(str(number), limit=20)}: {text}", _WIDTH, subsequent_indent="     ")
    print("\n".join(lines[:_LINES]))


def _text(exercise: Exercise, answer: Any) -> str:
    return judged(exercise, answer, [case for _ in range(_DRAWS) for case in draw(exercise, secrets.randbits(60))])


def judged(exercise: Exercise, answer: Any, cases: list[Case]) -> str:
    """Return what `check` says of an answer on these cases, without the number of the exercise."""
    if not is_written(exercise, answer):
        return "not written yet"
    if not exercise.is_value and not callable(answer):
        call = f'check("{exercise.number}", {exercise.name})'
        return f"needs the function itself, not {kind(plain(answer))}. Write {call}, without parentheses"
    if (complaint := wrong_signature(exercise, answer, cases)) is not None:
        return complaint
    outcomes, note = call_all(exercise, answer, cases, _SECONDS)
    if outcomes and outcomes[0].error == "NotImplementedError":
        return "not written yet"
    return f"{judge(exercise, cases, outcomes, _SECONDS).text} {note}".strip()
