"""The parent: starts a supervisor of children, sends it answers, judges what they compute, and gives the points."""

import contextlib
import json
import os
import pickle
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lecture21._support.validation import printable
from lecture21.course.exercises.answers.running import Outcome, draw
from lecture21.course.exercises.answers.values import decode, same
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.judging import Verdict, judge
from lecture21.course.grading import supervisor
from lecture21.course.grading.answers import Answers, Slice, find_answers
from lecture21.course.grading.child import Job
from lecture21.course.grading.exercises import every_exercise
from lecture21.course.grading.flags import flags
from lecture21.course.grading.notebooks import Notebook

_KEPT = ("PATH", "PYTHONPATH", "HOME", "LECTURE21_DATA", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
_PATIENCE = supervisor.START_SECONDS + 600.0  # to start itself, and then the answer, on a busy machine
_judging = threading.Lock()  # solutions draw random numbers from the one generator that torch has


@dataclass(frozen=True)
class Grade:
    """The points of one exercise in one notebook."""

    number: str
    title: str
    points: int | float
    most: int | float
    text: str
    flags: tuple[str, ...] = ()
    """What a person should look at, such as "calls lecture21.attention.causal_mask"."""
    right: int | float = 0.0
    """Share of the cases in which the answer is right."""


def not_graded(exercise: Exercise) -> Grade:
    """Return the grade of an exercise in a file that cannot be read."""
    return Grade(exercise.number, exercise.title, 0, exercise.points, "not graded")


@dataclass(frozen=True)
class _Result:
    """What came of one answer."""

    verdict: Verdict
    right: int | float = 0.0
    needed: Slice | None = None


class Grader:
    """Grades notebooks, one after another, with the help of one other process; use it in a `with` statement.

    Args:
        private: a Python file with the instructor's own exercises.
        seconds: processor time for each exercise.
        memory: bytes that an answer may allocate.
        patience: wall time for each exercise, which ends an answer that sleeps; by default long enough for a machine
            that is six times too busy.
    """

    def __init__(
        self,
        private: Path | None = None,
        *,
        seconds: int | float = 10.0,
        memory: int = 2 << 30,
        patience: int | float | None = None,
    ):
        self._private, self._seconds, self._memory = private, seconds, memory
        self._patience = 6 * seconds + 30 if patience is None else patience
        self.exercises = every_exercise(private)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._closed = False

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the other process, and with it the answer that it runs; every later answer could not start."""
        self._closed = True
        if (process := self._process) is not None:
            self._process = None
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
            self._connection.close()

    def grade(self, notebook: Notebook, numbers: Sequence[str]) -> list[Grade]:
        """Return the points of a notebook for these exercises; no other ones count."""
        chapters = {number.partition(".")[0] for number in numbers}
        exercises = [each for each in self.exercises if each.number.partition(".")[0] in chapters]
        graded = _Graded(self, find_answers(notebook.cells, exercises))
        return [graded.grade(exercise) for exercise in exercises if exercise.number in numbers]

    def run(self, exercise: Exercise, needed: Slice, cases: list[Case]) -> tuple[list[Outcome] | str, str]:
        """Run an answer in a child, and return its outcomes, or a sentence, and which statement before it failed."""
        program = [
            (f"cell {each.cell + 1}", each.source, each.index, each in needed.answer) for each in needed.statements
        ]
        unnamed = pickle.dumps([replace(case, about="") for case in cases])
        limits = self._memory, self._seconds, self._patience
        job = Job(exercise.number, exercise.name, program, unnamed, needed.compiler_flags, needed.modules, *limits)
        reply = self._ask(pickle.dumps(job))
        if not reply.startswith(supervisor.REPLIED):
            problem = {
                supervisor.LATE: f"does not end within {self._seconds:g} seconds",
                supervisor.WAITING: f"computes nothing and does not end within {self._patience:g} seconds",
                supervisor.ENDED: "ends the process",
                supervisor.TOO_LONG: "returns too much",
            }.get(reply, "could not start")
            return problem, ""
        return _read_report(reply[1:])

    def _ask(self, job: bytes) -> bytes:
        """Send a job and return the reply; it is empty if the other process has ended."""
        if self._closed:
            return b""
        if self._process is None or self._process.poll() is not None:
            self._process, self._connection = self._start()
        process, connection = self._process, self._connection
        with contextlib.suppress(OSError, ValueError, EOFError):  # it has ended, or another thread has closed it
            connection.send_bytes(job)
            # It keeps the time itself. If even it does not answer, the next answer gets a new one.
            if connection.poll(self._patience + _PATIENCE):
                return connection.recv_bytes()
            process.kill()
        return b""

    def _start(self) -> tuple["subprocess.Popen[bytes]", Connection]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        private = [] if self._private is None else [str(self._private.resolve())]
        own, others = Pipe()
        with others:
            descriptor = others.fileno()
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lecture21.course.grading.supervisor", str(descriptor), *private],
                cwd="/",
                env=environment,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for this process, which then ends the other one
            )
        return process, own


class _Graded:
    """The results of one notebook's answers, each computed when it is first needed."""

    def __init__(self, grader: Grader, answers: Answers):
        self._grader, self._answers = grader, answers
        self._results: dict[str, _Result] = {}

    def grade(self, exercise: Exercise) -> Grade:
        """Return the points of one exercise."""
        result = self._result(exercise)
        found: tuple[str, ...] = ()
        if result.needed is not None:
            builds_on = [each for each in self._answers.exercises if each.name in result.needed.builds_on]
            found = flags(result.needed, [exercise, *builds_on])
        points = exercise.points if result.verdict.correct else 0
        text = result.verdict.text + "".join(f"; {flag}" for flag in found if result.verdict.correct)
        return Grade(exercise.number, exercise.title, points, exercise.points, text, found, result.right)

    def _result(self, exercise: Exercise) -> _Result:
        if exercise.number not in self._results:
            if problem := self._answers.problems.get(exercise.name):
                self._results[exercise.number] = _Result(Verdict(False, problem))
            else:
                self._results[exercise.number] = self._tested(exercise)
        return self._results[exercise.number]

    def _tested(self, exercise: Exercise) -> _Result:
        """Run an answer; if it is wrong, and builds on wrong ones, run it on the book's, as `solved` does."""
        with _judging:
            cases = draw(exercise, secrets.randbits(60))
        needed = self._answers.slice_of(exercise)
        result = self._run(exercise, needed, cases)
        if not result.verdict.correct:
            earlier = [each for each in self._answers.exercises if each.name in needed.builds_on]
            wrong = frozenset(each.name for each in earlier if not self._result(each).verdict.correct)
            if wrong - set(needed.from_the_book):
                needed = self._answers.slice_of(exercise, wrong)
                result = self._run(exercise, needed, cases)
        return result

    def _run(self, exercise: Exercise, needed: Slice, cases: list[Case]) -> _Result:
        outcomes, failed = self._grader.run(exercise, needed, cases)
        with _judging:
            verdict, right = _judged(exercise, cases, outcomes)
        if failed and (isinstance(outcomes, str) or verdict.line):  # an exception that may follow from an earlier one
            verdict = replace(verdict, text=f"{verdict.text}; before, {failed}")
        if needed.from_the_book:
            verdict = Verdict(verdict.correct, f"{verdict.text}; with the book's {' and '.join(needed.from_the_book)}")
        return _Result(verdict, right, needed)


def _judged(exercise: Exercise, cases: list[Case], outcomes: list[Outcome] | str) -> tuple[Verdict, int | float]:
    """Return the verdict, and the share of the cases in which an answer is right."""
    if isinstance(outcomes, str):
        return Verdict(False, outcomes), 0.0
    verdict = judge(exercise, cases, outcomes)
    if verdict.correct:
        return verdict, 1.0
    if verdict.line:
        verdict = replace(verdict, text=f"{verdict.text} ({verdict.line})")
    return verdict, _share(exercise, cases, outcomes)


def _share(exercise: Exercise, cases: list[Case], outcomes: list[Outcome]) -> int | float:
    """Return the share of the cases in which a wrong answer is right: none if it always does the same, as a stub."""
    pairs = list(zip(cases, outcomes, strict=False))
    values = [each for case, each in pairs if case.observed == "value"]
    if all(each.error == values[0].error and same(each.value, values[0].value) for each in values):
        return 0.0
    right = [judge(exercise, [case], [each]).correct for case, each in pairs]
    return sum(right) / len(cases) if any(right[: len(values)]) else 0.0


def _read_report(line: bytes) -> tuple[list[Outcome] | str, str]:
    """Return the outcomes that a child reports, or a sentence, and what failed before; all may be a student's words."""
    try:
        report = json.loads(line)
        failed = printable(str(report["helper"]), limit=100) if report["helper"] else ""
        if report["problem"]:
            return f"the cell raises {printable(str(report['problem']), limit=160)}", failed
        if report["written"] is not True:
            return "not written yet", ""
        return [_outcome(each) for each in report["outcomes"][:100]], failed
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return "returns something unreadable", ""


def _outcome(packed: dict[str, Any]) -> Outcome:
    values = {}
    for field in fields(Outcome):
        value = decode(packed[field.name])
        if isinstance(field.default, str):
            value = printable(str(value), limit=200)
        values[field.name] = value
    return Outcome(**values)
