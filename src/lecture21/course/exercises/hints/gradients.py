"""Say what is wrong with the gradients of an answer, and which of its layers none reaches."""

from typing import Any

import torch

from lecture21.course.exercises.answers.observing import IN_PLACE
from lecture21.course.exercises.answers.running import Outcome
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.hints.differences import scaled

_LEAST = 1e-4  # of the solution's gradient: a smaller one may be rounding


def explain_gradients(exercise: Exercise, case: Case, expected: Any, got: Any) -> str:
    """Return what is wrong with the gradients of an answer whose values are right."""
    names = [name for own in _names_of_leaves(exercise, case).values() for name in own]
    for wanted, actual in zip(expected, got, strict=False):  # of one result each
        if actual == IN_PLACE:
            return (
                "the values are right, but backward() fails: you change a tensor in place that the gradient needs, "
                "such as the output of a softmax. Make a new one, with torch.where or masked_fill"
            )
        if isinstance(actual, str):
            return f"the values are right, but backward() raises {actual}"
        leaves = list(zip(names, wanted, actual, strict=True))
        for name, right, gradient in leaves:
            if gradient.isnan().any() and not right.isnan().any():
                return f"the values are right, but the gradient with respect to {name} contains NaN"
        reached = {name: bool(gradient.any()) for name, right, gradient in leaves if right.any()}
        if not all(reached.values()):
            where = _listed(_not_reached(exercise, case, reached))
            return (
                f"the values are right, but no gradient passes back to {where}, so training changes nothing there. "
                "Which operation cuts the graph (detach, item, numpy, torch.tensor, no_grad)?"
            )
        for name, right, gradient in zip(names, wanted, actual, strict=True):
            if not torch.allclose(gradient, right, rtol=1e-3, atol=1e-5, equal_nan=True):
                words = scaled(right, gradient)
                question = "Is a part of your computation cut off from the graph"
                words = words or f"is wrong. {question} (by detach, item, numpy, torch.tensor or no_grad)?"
                return f"the values are right, but the gradient with respect to {name} {words}"
    return "the values are right, but the gradients are wrong"


def _listed(names: list[str]) -> str:
    """Return names as a list in a sentence, the first ones if there are many."""
    names = names if len(names) <= 4 else [*names[:3], "others"]
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _names_of_leaves(exercise: Exercise, case: Case) -> dict[str, list[str]]:
    """Return the names of the tensors that an argument consists of, for each differentiable one."""
    given = dict(zip(exercise.arguments, case.arguments, strict=False))
    return {
        name: list(given[name]) if isinstance(given[name], dict) else [name]
        for name in given
        if name in exercise.differentiable
    }


def _not_reached(exercise: Exercise, case: Case, reached: dict[str, bool]) -> list[str]:
    """Return the names of the tensors without a gradient; of weights that all have none, one name for all."""
    found: list[str] = []
    for argument, own in _names_of_leaves(exercise, case).items():
        cut = [name for name in own if not reached.get(name, True)]
        is_whole = argument not in own and not any(reached.get(name, False) for name in own)
        found += [f"the {argument}"] if is_whole else cut
    return found


# Layers that are not used


def unused_layers(exercise: Exercise, cases: list[Case], expected: list[Outcome], outcomes: list[Outcome]) -> list[str]:
    """Return the names of layers that no result of an answer depends on, but some of the solution's; not all layers."""
    right: dict[str, float] = {}
    actual: dict[str, float] = {}
    for case, wanted, got in zip(cases, expected, outcomes, strict=True):
        if case.observed == "gradients" and not wanted.error and not got.error:
            for largest, outcome in ((right, wanted), (actual, got)):
                for name, size in _sizes(exercise, case, outcome.value).items():
                    largest[name] = max(size, largest.get(name, 0.0))
    missing = {name for name, size in actual.items() if size == 0 and right.get(name, 0) > _LEAST}
    return _layers(missing, list(actual)) if len(missing) < len(actual) else []


def _sizes(exercise: Exercise, case: Case, gradients: tuple) -> dict[str, float]:
    """Return the largest number of the gradient of each weight of a module, over all results."""
    leaves = [(name, argument) for argument, own in _names_of_leaves(exercise, case).items() for name in own]
    if not gradients or not all(isinstance(each, tuple) and len(each) == len(leaves) for each in gradients):
        return {}  # no tensor, or an error
    of_leaves = zip(leaves, zip(*gradients, strict=True), strict=True)
    return {name: max(map(_largest, of_one)) for (name, argument), of_one in of_leaves if name != argument}


def _largest(gradient: torch.Tensor) -> float:
    return gradient.abs().max().item()


def _layers(missing: set[str], names: list[str]) -> list[str]:
    """Return the modules without any weight besides the missing ones, the outermost of them."""
    found = []
    for name in names:
        parts = name.split(".")
        prefixes = [".".join(parts[: n + 1]) for n in range(len(parts))]
        layer = next((p for p in prefixes if name in missing and _below(p, names) <= missing), None)
        if layer and layer not in found:
            found.append(layer)
    return found


def _below(prefix: str, names: list[str]) -> set[str]:
    return {name for name in names if f"{name}.".startswith(f"{prefix}.")}
