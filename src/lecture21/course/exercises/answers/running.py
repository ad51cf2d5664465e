"""Call an answer on cases, whatever it does: within a time limit, with most of its printed lines left out."""

import contextlib
import ctypes
import inspect
import io
import linecache
import random
import re
import sys
import sysconfig
import threading
import time
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lecture21._support.validation import printable
from lecture21.course.exercises.answers.observing import map_tensors, observe, with_observations
from lecture21.course.exercises.answers.values import same, to_data
from lecture21.course.exercises.exercise import Case, Exercise

_PATIENCE = 6  # times the limit that an answer may take on a busy machine, or asleep
_TRIES = 20  # times that a function over its time limit is interrupted before it is given up
_NOISE = 2000  # printed characters that are mentioned
_SHOWN = 400  # printed characters of the first call that are kept
_LINES = 3  # printed lines that are shown
# Files whose lines are no reader's: the package, Python, and what is installed.
_FOREIGN = tuple(map(str, {Path(__file__).parents[3], *map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))}))

CHANGES = "changes its input"
DRAWS = "draws random numbers"
TRACKS = "leaves requires_grad set on its input"


@dataclass(frozen=True)
class Outcome:
    """What one call did: the value that it returned, or the exception that it raised."""

    value: Any = None
    error: str = ""
    """Name of the exception's class; empty if there is none."""
    message: str = ""
    side_effect: str = ""
    """What the call did besides, and should not: `CHANGES`, `DRAWS` where the value depends on it, or `TRACKS`."""
    line: str = ""
    """Number and text of the line of the reader's code that raised the exception."""


class _Stop(BaseException):
    """Raised in an answer that is over its time limit."""


class _Sink(io.TextIOBase):
    """Counts the characters that are written to it, and keeps the first ones until it is told to stop."""

    def __init__(self) -> None:
        self.characters = 0
        self.kept = ""
        self.keeps = True

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.characters += len(text)
        if self.keeps:
            self.kept += text[: _SHOWN - len(self.kept)]
        return len(text)


def _copied(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(map_tensors(_copy, each) for each in arguments)


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _changed(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        same = before.shape == after.shape and before.dtype == after.dtype
        return not (same and torch.equal(before.nan_to_num(nan=0.125), after.nan_to_num(nan=0.125)))
    if isinstance(before, dict):
        return any(_changed(before[name], after[name]) for name in before)
    return False


def _side_effect(before: tuple[Any, ...], after: tuple[Any, ...]) -> str:
    """Return what a call did to its arguments, if anything."""
    if any(map(_changed, before, after)):
        return CHANGES
    pairs = zip(before, after, strict=True)
    is_tracked = any(isinstance(a, Tensor) and a.requires_grad != b.requires_grad for a, b in pairs)
    return TRACKS if is_tracked else ""


def call_once(exercise: Exercise, answer: Any, case: Case) -> Outcome:
    """Call an answer on copies of a case's arguments."""
    arguments, state, seed = _copied(case.arguments), torch.get_rng_state(), torch.initial_seed()
    try:
        value = to_data(observe(exercise, answer, case.observed, arguments))
    except _Stop:
        raise
    except BaseException as error:  # SystemExit as well: whatever an answer raises is its result
        return Outcome(error=type(error).__name__, message=_message(error), line=_line(error, exercise.name))
    if case.observed != "value":
        return Outcome(value)
    if effect := _side_effect(case.arguments, arguments):
        return Outcome(value, side_effect=effect)
    drew = not exercise.random and not torch.equal(state, torch.get_rng_state())
    draws = drew and (seed != torch.initial_seed() or _depends_on_draws(exercise, answer, case, value))
    return Outcome(value, side_effect=DRAWS if draws else "")


def _depends_on_draws(exercise: Exercise, answer: Any, case: Case, value: Any) -> bool:
    """Return whether an answer gives another value from other random numbers; a layer draws weights to be replaced."""
    try:
        return not same(value, to_data(observe(exercise, answer, case.observed, _copied(case.arguments))))
    except _Stop:
        raise
    except BaseException:
        return True


def _line(error: BaseException, name: str) -> str:
    """Return number and text of the last line of the reader's code that an exception has passed.

    In another function or class than `name`, the answer, it is named, and so is its cell.
    """
    place, trace, home = "", error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith((*_FOREIGN, "<frozen")):
            home = home or code.co_filename
            text = printable(linecache.getline(code.co_filename, trace.tb_lineno).strip(), limit=80)
            is_answer = code.co_qualname.partition(".")[0] in (name, "<lambda>", "<module>")
            place = f"line {trace.tb_lineno}" + ("" if is_answer else f" of {printable(code.co_qualname, limit=60)}")
            place += _cell(code.co_filename) if code.co_filename != home else ""
            place += f": {text}" if text else ""
        trace = trace.tb_next
    return place


def _cell(file: str) -> str:
    """Return where the code of a file is in a notebook: in Jupyter by the number beside the cell."""
    if re.fullmatch(r"cell \d+", file):  # in grading
        return f" in {file}"
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    name = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(file)
    return f" in {name[0].lower()} {name[1]}" if name else ""  # in cell In[7]


def _message(error: BaseException) -> str:
    try:
        first, *others = str(error).strip().splitlines() or [""]
        return printable(first, limit=120) + (" …" if others else "")
    except BaseException:  # its __str__ is the reader's as well
        return ""


def call_all(
    exercise: Exercise, answer: Any, cases: list[Case], seconds: int | float
) -> tuple[list[Outcome], str, str]:
    """Return the outcomes, fewer than the cases if the time was over, a note, and what the first call printed.

    The answer runs in a thread of its own, so that this function returns on every system even if the answer does not.
    Time counts while this process computes, so that a busy machine refuses no answer.
    """
    outcomes: list[Outcome] = []
    sink = _Sink()

    def work() -> None:
        with contextlib.suppress(_Stop):
            for case in cases:
                outcomes.append(call_once(exercise, answer, case))
                sink.keeps = False

    state = torch.get_rng_state()  # an answer that draws numbers must not change those of the next cell
    try:
        # A warning, of Python or torch, would be shown as if the answer had printed it.
        with (
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
            warnings.catch_warnings(action="ignore"),  # the answer has not printed them
        ):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            try:
                _wait(thread, seconds)
            finally:
                stopped = _stop(thread)
    finally:
        torch.set_rng_state(state)
    notes = []
    if sink.characters > _NOISE:
        notes.append(f"It printed {sink.characters:,} characters, most of which are left out here.")
    if not stopped:
        notes.append("It still runs and cannot be stopped: restart the kernel.")
    return list(outcomes), " ".join(notes), _first_lines(sink.kept)


def _first_lines(text: str) -> str:
    """Return the first three lines of a text, with an ellipsis if there are more."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines) if len(lines) <= _LINES else "\n".join(lines[:_LINES]) + " …"


def _wait(thread: threading.Thread, seconds: int | float) -> None:
    """Wait until a thread ends, but not until the process has computed for longer than the limit since."""
    start, computed = time.monotonic(), time.process_time()
    while thread.is_alive() and (wall := time.monotonic() - start) < _PATIENCE * seconds:
        if min(wall, time.process_time() - computed) > seconds:  # several threads may compute at once
            break
        thread.join(0.05)


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


def parameters_of(answer: Any) -> list[str]:
    """Return the names of an answer's arguments, none if they cannot be read."""
    try:
        return list(inspect.signature(answer).parameters)
    except Exception:
        return []


def is_written(exercise: Exercise, answer: Any) -> bool:
    """Return whether an answer is more than its stub: some function of it has a statement besides constants.

    This looks at bytecode, since a cell that was run by `lecture21 grade` has no source to be parsed.
    """
    if answer is None or answer is ...:
        return False
    if exercise.is_value:
        return True
    if isinstance(answer, types.FunctionType):
        return _has_statements(answer)
    if isinstance(answer, type):
        methods = {name: each for name, each in vars(answer).items() if isinstance(each, types.FunctionType)}
        begins = "__init__" not in methods or _has_statements(methods["__init__"])
        return not methods or (begins and any(map(_has_statements, methods.values())))
    return True


def stub_methods(exercise: Exercise, answer: Any) -> list[str]:
    """Return the methods of the solution's class of which the answer has no more than the stub."""
    if not isinstance(exercise.solution, type) or not isinstance(answer, type):
        return []
    methods = {name: getattr(answer, name, None) for name in vars(exercise.solution) if name != "__init__"}
    return [n for n, each in methods.items() if isinstance(each, types.FunctionType) and not _has_statements(each)]


def _compiled_stubs() -> set[bytes]:
    """Return the bytecode of a stub without a docstring and with one, as this version of Python compiles them."""
    stubs: dict[str, Any] = {}
    exec("def bare(): ...\ndef documented():\n    'A docstring.'\n    ...", {}, stubs)
    return {stub.__code__.co_code for stub in stubs.values()}


_STUBS = _compiled_stubs()


def _has_statements(function: types.FunctionType) -> bool:
    """Return whether the body of a function is more than a docstring, `...`, `pass` and `return None`."""
    code = function.__code__
    return code.co_code not in _STUBS or code.co_consts not in ((None,), (function.__doc__, None))


def draw(exercise: Exercise, seed: int) -> list[Case]:
    """Return fresh cases of an exercise, the same for the same seed: those of values first."""
    return with_observations(exercise, exercise.cases(random.Random(seed)))
