"""What an exercise consists of."""

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lecture21.course.exercises.source import as_written, changed, without_bodies


@dataclass(frozen=True, eq=False)
class Case:
    """One call of the answer: its arguments, a name for them, such as "n = 1", and what of the result is compared."""

    arguments: tuple[Any, ...]
    about: str
    observed: str = "value"
    """The value, the gradients or the device of the result; an exercise writes cases for values only."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """A classic wrong answer: the code or value, and the hint that it gets."""

    name: str
    wrong: Any
    hint: str


@dataclass(frozen=True, eq=False)
class Exercise:
    """A task, its solution, and everything that `check` needs to say what is wrong with an answer.

    The stub and the task that a reader sees are the signature and the docstring of the solution. An answer is correct
    if it agrees with the solution on every case, returns the same type, shape and dtype, leaves its arguments as they
    were, and, where the exercise says so, passes the same gradients back and runs on any device. If it agrees with a
    mistake on every case, it gets the hint of that mistake.

    Args:
        number: chapter and number, such as "4.1".
        name: the name that the reader defines.
        title: the exercise in a few words.
        solution: a function or class, or the value that the reader finds.
        cases: draws fresh cases, the smallest first. Each mistake must differ from the solution and from every other
            mistake in at least one of them.
        properties: sentences that are true of a correct result, each with a test of the arguments and the result. The
            first false one explains a wrong value.
        by_properties: whether every result that has all properties is correct, where many values are.
        call: applies the answer to the arguments of a case; for a class, constructs and uses it.
        task: what to find, where the solution is a value and has no docstring.
        returns: names of the values that the solution returns together, such as ("the outputs", "the weights"), for
            what is said of a wrong one. What is computed first is named last, so the last wrong one is reported.
        in_order: whether the values are computed in the order of `returns`; then the first wrong one is reported.
        differentiable: names of the arguments to which the result must pass a gradient back, that of the solution. An
            argument that is a dict holds the weights of a module.
        any_device: whether an answer must run on the device of its arguments.
        device_hint: what to do about an answer that runs on the CPU only.
        random: whether an answer may draw from torch's global generator.
        points: points for a correct answer.
    """

    number: str
    name: str
    title: str
    solution: Any
    cases: Callable[[random.Random], list[Case]] = lambda rng: [Case((), "")]
    properties: tuple[tuple[str, Callable[[tuple[Any, ...], Any], bool]], ...] = ()
    by_properties: bool = False
    call: Callable[..., Any] = lambda answer, *arguments: answer(*arguments)
    task: str = ""
    returns: tuple[str, ...] = ()
    in_order: bool = False
    differentiable: tuple[str, ...] = ()
    any_device: bool = False
    device_hint: str = (
        "a tensor that you create stays there when the arguments are on another device, such as a GPU. Give it their "
        "device, or move it with .to(x.device)"
    )
    random: bool = False
    points: int = 1
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, *, hint: str) -> Callable[[Any], Any]:
        """Return a decorator that adds a function or class as a mistake of this exercise.

        Args:
            hint: what to look at, without the answer.
        """

        def add(wrong: Any) -> Any:
            name = wrong.__name__.strip("_").replace("_", " ")
            self.mistakes.append(Mistake(name, wrong, hint))
            return wrong

        return add

    def wrong_lines(self, name: str, difference: str, *, hint: str) -> None:
        """Add the solution with a few other lines as a mistake: a copy of a long one would hide what is wrong.

        Args:
            name: the mistake in a few words.
            difference: the lines that differ, as in a diff without line numbers; see `source.changed`.
            hint: what to look at, without the answer.
        """
        self.mistakes.append(Mistake(name, changed(self.solution, difference), hint))

    def wrong_value(self, name: str, value: Any, *, hint: str) -> None:
        """Add a value as a mistake, for an exercise whose solution is a value."""
        self.mistakes.append(Mistake(name, value, hint))

    @property
    def is_value(self) -> bool:
        """Whether the reader finds a value instead of writing a function."""
        return not callable(self.solution)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of a case's arguments: those of the solution, or those that `call` gives to them."""
        names = inspect.signature(self.call).parameters.values()
        if any(each.kind == each.VAR_POSITIONAL for each in names):
            names = [None, *inspect.signature(self.solution).parameters.values()]
        return tuple(each.name for each in list(names)[1:])

    @property
    def chapter(self) -> str:
        """The chapter, with two digits."""
        return self.number.partition(".")[0].zfill(2)

    @property
    def stub(self) -> str:
        """The code with which the reader starts: signatures and docstrings of the solution, with `...` as bodies."""
        if self.is_value:
            return f"# {self.task}\n{self.name} = ..."
        return without_bodies(self.text(self.solution))

    def text(self, answer: Any) -> str:
        """Return the solution or a mistake as the code that a reader would have written."""
        if self.is_value:
            return f"{self.name} = {show(answer)}"
        return as_written(answer, self.name)

    def run(self, answer: Any, arguments: tuple[Any, ...]) -> Any:
        """Apply an answer to the arguments of a case; an array of NumPy is a value as a list is."""
        if self.is_value:
            return answer.tolist() if isinstance(answer, np.ndarray) else answer
        return self.call(answer, *arguments)


def show(value: Any) -> str:
    """Return a value as code, sets in the order of their elements, numbers first."""
    if isinstance(value, set | frozenset) and value:
        members = sorted(value, key=lambda each: (isinstance(each, str), each))
        return "{" + ", ".join(f'"{each}"' if isinstance(each, str) else repr(each) for each in members) + "}"
    if isinstance(value, frozenset):
        return "set()"
    return repr(value)


def normal(rng: random.Random, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return normal random numbers that depend on `rng` alone and not on torch's global generator."""
    generator = torch.Generator().manual_seed(rng.getrandbits(60))
    return torch.randn(*shape, generator=generator, dtype=dtype)


def rows_sum_to_one(weights: Tensor) -> bool:
    """Return whether the last dimension sums to 1 everywhere."""
    sums = weights.sum(dim=-1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def scaled_otherwise(scores: Tensor, weights: Tensor) -> bool:
    """Return whether weights are the softmax of another multiple of the scores."""
    expected = scores - scores.mean(dim=-1, keepdim=True)
    logits = weights.log() - weights.log().mean(dim=-1, keepdim=True)
    factor = float((logits * expected).sum() / expected.square().sum())
    is_scaled = torch.allclose(logits, factor * expected, rtol=1e-3, atol=1e-3 * abs(factor))
    return is_scaled and abs(factor) > 1e-3 and abs(factor - 1) > 1e-3
