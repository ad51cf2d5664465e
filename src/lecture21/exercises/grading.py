"""The parent of `lecture21 grade`: take the cells of exercises from a notebook, run them, judge the outputs."""

import ast
import contextlib
import json
import os
import pickle
import queue
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lecture21._support.validation import printable
from lecture21.exercises.exercise import Case, Exercise
from lecture21.exercises.judging import judge
from lecture21.exercises.registry import chapters, exercises_of, find
from lecture21.exercises.running import Outcome, draw
from lecture21.exercises.values import decode

_START_SECONDS = 180.0  # to import torch on a busy machine
_LINE = 1 << 26  # bytes of one message
_CHECK = re.compile(r"""\bcheck\(\s*["'](\d+\.\d+)["']""")
_SOLVED = re.compile(r"""\bsolved\(\s*["'](\d+\.\d+)["']""")
_NAME = re.compile(r"(\d\d)_")


@dataclass(frozen=True)
class Grade:
    """The points of one exercise in one notebook."""

    number: str
    title: str
    points: int
    most: int
    text: str


@dataclass(frozen=True)
class _Submission:
    """What is taken from a notebook."""

    imports: list[str]  # and the solutions of other chapters that the notebook builds on
    cells: dict[str, str]  # source by the number of the exercise


def grade(path: Path, *, seconds: float = 10.0, memory: int = 2 << 30) -> list[Grade]:
    """Return the points of a notebook, for every exercise of the chapters that it checks.

    Args:
        path: the notebook.
        seconds: time limit for each exercise.
        memory: bytes that the student's code may allocate.

    Raises:
        ValueError: if the file is no notebook, or has no exercises.
    """
    codes = _code_cells(path)
    exercises = _exercises(path, codes)
    submission = _submission(codes, exercises)
    cases = {each.number: draw(each, secrets.randbits(60)) for each in exercises}
    results = _run(submission, cases, seconds, memory)
    grades: list[Grade] = []
    for number, exercise in enumerate(exercises):
        result = _graded(exercise, submission.cells.get(exercise.number), cases[exercise.number], results)
        if not result.points and (missing := _missing(exercise, submission, exercises[:number], grades)):
            # What this cell builds on is not correct: run it on the book's solutions, as `solved` does in a notebook.
            # In a process of its own, which never holds the solution of this exercise or of a later one.
            earlier = _earlier(submission, exercises[:number], grades)
            alone = _Submission([*submission.imports, *earlier], {exercise.number: submission.cells[exercise.number]})
            again = _run(alone, {exercise.number: cases[exercise.number]}, seconds, memory)
            result = _graded(exercise, alone.cells[exercise.number], cases[exercise.number], again)
            result = replace(result, text=f"{result.text}; with the book's {' and '.join(missing)}")
        grades.append(result)
    return grades


def _missing(exercise: Exercise, submission: _Submission, earlier: list[Exercise], grades: list[Grade]) -> list[str]:
    """Return the earlier exercises that an answer builds on, itself or through others, and that are not correct."""
    used, missing = _used(submission.cells.get(exercise.number, "")), []
    for each, result in reversed(list(zip(earlier, grades, strict=True))):
        if each.name in used:
            used |= _used(submission.cells.get(each.number, ""))
            missing += [] if result.points else [each.name]
    return missing[::-1]


def _used(source: str) -> set[str]:
    """Return the names that a cell uses and does not define."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(_bound(tree))


def _earlier(submission: _Submission, earlier: list[Exercise], grades: list[Grade]) -> list[str]:
    """Return the cells of earlier exercises, the book's where an answer is not correct."""
    pairs = zip(earlier, grades, strict=True)
    return [submission.cells[each.number] if result.points else each.text(each.solution) for each, result in pairs]


def _graded(exercise: Exercise, source: str | None, cases: list[Case], results: dict[str, Any]) -> Grade:
    def of(points: int, text: str) -> Grade:
        return Grade(exercise.number, exercise.title, points, exercise.points, text)

    if source is None:
        return of(0, f"no cell defines {exercise.name}")
    result = results.get(exercise.number, "did not run")
    if isinstance(result, str):
        return of(0, result)
    verdict = judge(exercise, cases, result)
    note = "; the cell uses lecture21" if verdict.correct and "lecture21" in source else ""
    return of(exercise.points if verdict.correct else 0, verdict.text + note)


def _code_cells(path: Path) -> list[tuple[str, set[str]]]:
    """Return the source and the tags of each code cell."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        codes = []
        for cell in cells:
            if cell["cell_type"] == "code":
                tags = cell.get("metadata", {}).get("tags", [])
                codes.append(("".join(cell["source"]), {str(tag) for tag in tags}))
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise ValueError(f"{path} is not a notebook") from None
    return codes


def _exercises(path: Path, codes: list[tuple[str, set[str]]]) -> list[Exercise]:
    """Return all exercises of the chapters that the notebook's name or its calls of check belong to."""
    numbers = [number for source, _ in codes for number in _CHECK.findall(source)]
    wanted = {number.partition(".")[0].zfill(2) for number in numbers}
    if match := _NAME.match(path.name):
        wanted.add(match.group(1))
    exercises = [exercise for chapter in sorted(wanted & set(chapters())) for exercise in exercises_of(chapter)]
    if not exercises:
        raise ValueError(f"{path} has no exercises: there is no check(...) of chapter {', '.join(chapters())}")
    return exercises


def _submission(codes: list[tuple[str, set[str]]], exercises: list[Exercise]) -> _Submission:
    """Find the cell of each exercise: the last one that defines its name, tagged `exercise` if there is such a one."""
    imports, cells, tagged = [], {}, set()
    for source, tags in codes:
        source = re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)
        if "solution" in tags:
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            names = set(re.findall(r"^(?:def|class) +(\w+)", source, re.MULTILINE)) if "exercise" in tags else set()
        else:
            names = set(_bound(tree))
            if "exercise" not in tags:
                imports += [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for exercise in exercises:
            if exercise.name in names and ("exercise" in tags or exercise.number not in tagged):
                cells[exercise.number] = source
                if "exercise" in tags:
                    tagged.add(exercise.number)
    numbers = {number for source, _ in codes for number in _SOLVED.findall(source)}
    return _Submission(imports + _solutions(numbers - {exercise.number for exercise in exercises}), cells)


def _solutions(numbers: set[str]) -> list[str]:
    """Return the solutions that `solved` gives where a notebook builds on chapters that are not graded with it."""
    texts = []
    for number in sorted(numbers):
        with contextlib.suppress(ValueError):  # there is no such exercise
            exercise = find(number)
            texts.append(exercise.text(exercise.solution))
    return texts


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _run(submission: _Submission, cases: dict[str, list[Case]], seconds: float, memory: int) -> dict[str, Any]:
    """Return the outcomes for each exercise, or a sentence. After a cell that ends the process, a new one goes on."""
    left = [number for number in cases if number in submission.cells]
    results: dict[str, Any] = {}
    while left:
        job = {
            "imports": submission.imports,
            "memory": memory,
            "cells": [(n, submission.cells[n], cases[n]) for n in left],
        }
        done, reason = _child(pickle.dumps(job), left, seconds)
        results |= done
        left = [number for number in left if number not in done]
        if left:
            results[left.pop(0)] = reason
    return results


def _child(job: bytes, numbers: list[str], seconds: float) -> tuple[dict[str, Any], str]:
    """Run cells in a fresh process, and return the results of those that ended, and why the next one did not."""
    kept = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", "from lecture21.exercises.sandbox import main; main()"]
    done: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        lines: queue.Queue[bytes] = queue.Queue(maxsize=100)
        threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
        try:
            with contextlib.suppress(OSError):
                child.stdin.write(job)
                child.stdin.close()
            started, deadline = False, time.monotonic() + _START_SECONDS
            while len(done) < len(numbers):
                try:
                    line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    return done, f"does not end within {seconds:g} seconds" if started else "could not start"
                if not line:
                    return done, "ends the process" if started else "could not start"
                message, expected = _parsed(line), numbers[len(done)]
                if message.get("state") == "done" and message.get("number") == expected:
                    done[expected] = _result(message)
                elif started:
                    # Whatever else comes, such as a million lines of the student's own, does not extend the time.
                    if time.monotonic() > deadline:
                        return done, f"does not end within {seconds:g} seconds"
                    continue
                started, deadline = True, time.monotonic() + seconds
            return done, ""
        finally:
            _end(child)


def _read(stream: Any, lines: "queue.Queue[bytes]") -> None:
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(_LINE):
            lines.put(line)
    lines.put(b"")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _result(message: dict[str, Any]) -> Any:
    """Return the outcomes of a message, which the student's code may have written, or a sentence."""
    if problem := message.get("problem"):
        return f"the cell raises {printable(str(problem), limit=60)}"
    if message.get("written") is not True:
        return "not written yet"
    try:
        return [
            Outcome(decode(value), str(error)[:200], printable(str(text), limit=200), bool(mutated))
            for value, error, text, mutated in message["outcomes"][:100]
        ]
    except (KeyError, TypeError, ValueError):
        return "returns something unreadable"


def _end(child: subprocess.Popen) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            stream.close()
