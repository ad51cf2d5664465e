"""Check an answer in a notebook."""

import secrets
import textwrap
from typing import Any

from lecture21._support.validation import printable
from lecture21.course.exercises.answers.running import call_all, draw, is_written
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.hints.explaining import unusable
from lecture21.course.exercises.judging import judge
from lecture21.course.exercises.registry import find

_SECONDS = 10.0
_LINES = 4  # of the verdict
_DETAIL_LINES = 2  # of each of the details below it
_ALL_LINES = 6  # with the line of code that raised an exception, the input, and what was printed
_DRAWS = 2  # of fresh cases: a wrong answer may agree with the solution in one draw
_WIDTH = 100
_tested: dict[str, tuple[Any, str]] = {}  # the last answer to each exercise, and its verdict, which `solved` repeats


def check(number: str, answer: Any) -> None:
    """Test an answer to an exercise on fresh inputs, and print one to six lines.

    The first line is "4.1: correct", "4.1: not written yet", or what to look at. Then come the line of your code that
    raised an exception, the input that fails if it is small, and what your code printed on the first input. Nothing
    that the answer does stops the notebook: an exception, an endless loop or a wrong type becomes a sentence.

    Args:
        number: chapter and number of the exercise, such as "4.1".
        answer: the function or class itself, without parentheses, or the value that the exercise asks for.
    """
    try:
        exercise = find(number)
    except ValueError as error:
        _print(number, str(error))
        return
    _print(number, *_verdict(exercise, answer))


def _verdict(exercise: Exercise, answer: Any) -> tuple[str, ...]:
    """Test an answer, return what is said of it, and remember the sentence."""
    try:
        said = judged(exercise, answer, _cases(exercise))
    except Exception as error:  # no answer stops the notebook
        said = (f"could not be tested: {type(error).__name__}",)
    _tested[exercise.number] = answer, said[0]
    return said


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
        verdict = _verdict(exercise, answer)[0]
    right = verdict.startswith("correct")
    _print(number, "your version is used" if right else "the book's version is used until yours is correct")
    return answer if right else exercise.solution


def _print(number: object, text: str, *details: str) -> None:
    """Print a sentence, wrapped, and details of one line each."""
    verdict = f"{printable(str(number), limit=20)}: {text}"
    lines = _wrapped(verdict, _LINES, subsequent_indent="     ")
    for each in details:
        lines += _wrapped(each, _DETAIL_LINES, initial_indent="     ", subsequent_indent="       ")
    print("\n".join(lines[:_ALL_LINES]))


def _wrapped(text: str, most: int, **indents: str) -> list[str]:
    """Return the lines of a text, with an ellipsis where the rest of it is left out."""
    return textwrap.wrap(text, _WIDTH, max_lines=most, placeholder=" …", **indents)


def _cases(exercise: Exercise) -> list[Case]:
    return [case for _ in range(_DRAWS) for case in draw(exercise, secrets.randbits(60))]


def judged(exercise: Exercise, answer: Any, cases: list[Case]) -> tuple[str, ...]:
    """Return what `check` says of an answer on these cases: a sentence without the exercise's number, then details."""
    if not is_written(exercise, answer):
        return ("not written yet",)
    if (complaint := unusable(exercise, answer, cases)) is not None:
        return (complaint,)
    outcomes, note, printed = call_all(exercise, answer, cases, _SECONDS)
    # PyTorch raises it too, with a message: for a power that is written as ^, or a ModuleList that is called.
    if outcomes and outcomes[0].error == "NotImplementedError" and not outcomes[0].message:
        return ("not written yet",)
    verdict = judge(exercise, cases, outcomes, _SECONDS)
    details = [verdict.line] if verdict.line else []
    details += [f"input: {verdict.given}"] if verdict.given else []
    details += _quoted(printed, cases[0].about)
    return (f"{verdict.text} {note}".strip(), *details)


def _quoted(printed: str, about: str) -> list[str]:
    """Return the first lines that an answer printed, marked as such."""
    lines = [printable(line, limit=_WIDTH) for line in printed.splitlines() if line.strip()]
    return [f"printed for {about}: {lines[0]}", *(f"...{line}" for line in lines[1:3])] if lines else []
