"""Call an answer on cases, whatever it does: within a time limit, with its printed lines left out."""

import contextlib
import ctypes
import inspect
import io
import random
import threading
import types
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lecture21._support.validation import printable
from lecture21.exercises.exercise import Case, Exercise
from lecture21.exercises.values import plain

_TRIES = 20  # times that a function over its time limit is interrupted before it is given up
_NOISE = 2000  # printed characters that are mentioned


@dataclass(frozen=True)
class Outcome:
    """What one call did: the value that it returned, or the exception that it raised."""

    value: Any = None
    error: str = ""
    """Name of the exception's class; empty if there is none."""
    message: str = ""
    mutated: bool = False
    """Whether the call changed one of its arguments."""


class _Stop(BaseException):
    """Raised in an answer that is over its time limit."""


class _Sink(io.TextIOBase):
    """Counts the characters that are written to it, and keeps none."""

    def __init__(self) -> None:
        self.characters = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.characters += len(text)
        return len(text)


def _copied(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        each.clone() if isinstance(each, Tensor)
        else {name: value.clone() for name, value in each.items()} if isinstance(each, dict)
        else each
        for each in arguments
    )  # fmt: skip


def _changed(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        same = before.shape == after.shape and before.dtype == after.dtype
        return not (same and torch.equal(before.nan_to_num(nan=0.125), after.nan_to_num(nan=0.125)))
    return False


def call_once(exercise: Exercise, answer: Any, case: Case) -> Outcome:
    """Call an answer on copies of a case's arguments."""
    arguments = _copied(case.arguments)
    try:
        value = plain(exercise.run(answer, arguments))
        mutated = any(map(_changed, case.arguments, arguments))
    except _Stop:
        raise
    except BaseException as error:  # SystemExit as well: whatever an answer raises is its result
        return Outcome(error=type(error).__name__, message=_message(error))
    return Outcome(value, mutated=mutated)


def _message(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines() or [""]
        return printable(lines[0], limit=120)
    except BaseException:  # its __str__ is the reader's as well
        return ""


def call_all(exercise: Exercise, answer: Any, cases: list[Case], seconds: float) -> tuple[list[Outcome], str]:
    """Return the outcomes, fewer than the cases if the time was over, and a note on what was printed.

    The answer runs in a thread of its own, so that this function returns on every system even if the answer does not.
    """
    outcomes: list[Outcome] = []
    sink = _Sink()

    def work() -> None:
        with contextlib.suppress(_Stop):
            outcomes.extend(call_once(exercise, answer, case) for case in cases)

    state = torch.get_rng_state()  # an answer that draws numbers must not change those of the next cell
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            try:
                thread.join(seconds)
            finally:
                stopped = _stop(thread)
    finally:
        torch.set_rng_state(state)
    notes = []
    if sink.characters > _NOISE:
        notes.append(f"It printed {sink.characters:,} characters, which are left out here.")
    if not stopped:
        notes.append("It still runs and cannot be stopped: restart the kernel.")
    return list(outcomes), " ".join(notes)


def _stop(thread: threading.Thread) -> bool:
    """Interrupt a thread that still runs; return whether it ended."""
    for _ in range(_TRIES):
        if not thread.is_alive():
            break
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stop))
        thread.join(0.05)
    return not thread.is_alive()


def takes(answer: Any, count: int) -> bool:
    """Return whether an answer can be called with that number of arguments."""
    try:
        inspect.signature(answer).bind(*range(count))
    except TypeError:
        return False
    except Exception:  # a signature that cannot be read is no reason for a complaint
        return True
    return True


def is_written(exercise: Exercise, answer: Any) -> bool:
    """Return whether an answer is more than its stub: some function of it has a statement besides constants."""
    if answer is None or answer is ...:
        return False
    if exercise.is_value:
        return True
    if isinstance(answer, types.FunctionType):
        return _has_statements(answer)
    if isinstance(answer, type):
        methods = [each for each in vars(answer).values() if isinstance(each, types.FunctionType)]
        return not methods or any(map(_has_statements, methods))
    return True


def _compiled_stubs() -> set[bytes]:
    """Return the bytecode of a stub without a docstring and with one, as this version of Python compiles them."""
    stubs: dict[str, Any] = {}
    exec("def plain(): ...\ndef documented():\n    'A docstring.'\n    ...", {}, stubs)
    return {stub.__code__.co_code for stub in stubs.values()}


_STUBS = _compiled_stubs()


def _has_statements(function: types.FunctionType) -> bool:
    """Return whether the body of a function is more than a docstring, `...`, `pass` and `return None`."""
    code = function.__code__
    return code.co_code not in _STUBS or code.co_consts not in ((None,), (function.__doc__, None))


def draw(exercise: Exercise, seed: int) -> list[Case]:
    """Return fresh cases of an exercise, the same for the same seed."""
    return exercise.cases(random.Random(seed))
