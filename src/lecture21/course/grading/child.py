"""The process that runs one answer: executes a student's statements, and returns what the answer computes.

It reports outputs and no verdict: the parent knows the solutions, compares, and gives the points. So nothing that the
student's code writes, prints or replaces here can be worth a point, except the right outputs. Before that code runs,
the solutions are removed from this process.
"""

import ast
import contextlib
import inspect
import json
import linecache
import os
import pickle
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from types import CodeType, FunctionType
from typing import Any

from lecture21.course.exercises.answers.running import Outcome, call_once, is_written
from lecture21.course.exercises.answers.values import encode, to_data
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading.exercises import every_exercise
from lecture21.course.grading.sandbox import Sandbox

READY = b"ready\n"
"""Written when the libraries are imported: from then on the time limit holds."""

_IMPORTS = 60.0  # seconds of processor time for imports, which the kernel's limit includes


@dataclass(frozen=True)
class Job:
    """What a child needs to test one answer."""

    number: str
    name: str
    """The name that the exercise asks for."""
    program: list[tuple[str, str, int, bool]]
    """Statements: a label of the cell, the cell's source, the statement's number in it, whether it is the answer."""
    cases: bytes
    """Pickled cases without their names; functions among their arguments are names in modules."""
    flags: int
    """What `compile` needs for the program."""
    modules: list[str]
    """Modules that the program may import."""
    memory: int
    seconds: int | float
    """Processor time that its code may use."""
    patience: int | float
    """Wall time after which it is ended, however little it computes."""


class _Shell:
    """What `get_ipython()` returns: magics do nothing here."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


def run(job: Job, exercises: list[Exercise], channel: int, sandbox: Sandbox) -> None:
    """Run an answer in this process, and write its outcomes to the channel as one line of JSON.

    Args:
        job: the answer.
        exercises: every exercise that this process has loaded; their solutions are removed.
        channel: a file descriptor.
        sandbox: what the answer may do.
    """
    (exercise,) = [each for each in exercises if each.number == job.number]
    cases = pickle.loads(job.cases)  # from the parent, before any code of the student runs
    remove_solutions([*exercises, *every_exercise()])
    _replace_check()
    trees = {source: ast.parse(source).body for source in {source for _, source, _, _ in job.program}}
    nodes = [(label, trees[source][index], is_answer) for label, source, index, is_answer in job.program]
    for label, source, _, _ in job.program:  # from which the line of an exception is taken
        linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    program = [(label, _compiled(node, label, job.flags), is_answer) for label, node, is_answer in nodes]
    imports = [_compiled(node, label) for label, node, _ in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    sandbox.enter(job.memory, job.seconds + _IMPORTS)
    names: dict[str, Any] = {"__name__": "__main__", "get_ipython": _Shell}
    for code in imports:  # the first import of a library may take seconds, which are not the student's
        with contextlib.suppress(BaseException):
            exec(code, dict(names))
    _write(channel, READY)
    report: dict[str, Any] = {"problem": "", "helper": "", "written": True, "outcomes": []}
    try:
        for label, code, is_answer in program:
            try:
                exec(code, names)
            except Exception as error:
                if is_answer:
                    raise
                report["helper"] = report["helper"] or f"{label} raises {_described(error)}"
        answer = names.get(job.name)
        report["written"] = is_written(exercise, answer)
        if report["written"]:
            outcomes = [call_once(exercise, answer, case) for case in cases]
            report["outcomes"] = [_packed(outcome) for outcome in outcomes]
    except BaseException as error:
        report["problem"] = _described(error)
    _write(channel, json.dumps(report).encode() + b"\n")


def _write(channel: int, data: bytes) -> None:
    while data:
        data = data[os.write(channel, data) :]


def _compiled(node: ast.stmt, label: str, flags: int = 0) -> CodeType:
    return compile(ast.Module([node], []), label, "exec", flags)


def _described(error: BaseException) -> str:
    """Return the name and message of an exception, whose class may be the student's."""
    try:
        name, text = str(type(error).__name__), str(error)
    except BaseException:
        return "an exception that cannot be named"
    return f"{name}: {text[:200]}" if text else name


def _packed(outcome: Outcome) -> dict[str, Any]:
    return {field.name: encode(to_data(getattr(outcome, field.name))) for field in fields(outcome)}


def remove_solutions(exercises: Iterable[Exercise]) -> None:
    """Remove the solutions and the known mistakes from this process, except what the arguments of a case refer to."""
    secrets = [secret for each in exercises for secret in (each.solution, *(one.wrong for one in each.mistakes))]
    removed = {id(secret) for secret in secrets if isinstance(secret, FunctionType | type)}
    for module in [module for name, module in sys.modules.items() if _holds_exercises(name, module)]:
        for name in [name for name, value in vars(module).items() if id(value) in removed]:
            delattr(module, name)
    for secret in secrets:
        if isinstance(secret, type):  # a class refers to itself, and so would stay for a while
            methods = [name for name, value in vars(secret).items() if isinstance(value, FunctionType)]
            for name in [*methods, *({"source"} & vars(secret).keys())]:
                delattr(secret, name)
    linecache.clearcache()  # has the files of exercises, of whose solutions mistakes are made
    for exercise in exercises:
        hidden = {"solution": _placeholder(exercise), "cases": None, "properties": ()}
        for name, value in hidden.items():
            object.__setattr__(exercise, name, value)
        exercise.mistakes.clear()


def _holds_exercises(name: str, module: Any) -> bool:
    return name.startswith(("lecture21.course.chapters.", "private_")) and any(
        isinstance(value, Exercise) for value in vars(module).values()
    )


def _placeholder(exercise: Exercise) -> Any:
    """Return something of the kind of a solution: a value, or a function of the same arguments, or a class."""
    if exercise.is_value:
        return ...

    def removed(*arguments: Any) -> None:
        raise NotImplementedError

    stand_in = type(exercise.name, (), {}) if isinstance(exercise.solution, type) else removed
    stand_in.__signature__ = inspect.signature(exercise.solution)
    return stand_in


def _replace_check() -> None:
    """Let `check` do nothing, and `solved` return the answer: cells call both."""
    from lecture21.course import exercises
    from lecture21.course.exercises import checking

    for module in (exercises, checking):
        module.check = lambda *arguments: None
        module.solved = lambda number, answer: answer
