"""Name the layers of an answer that no gradient reaches, since its results do not depend on them."""

from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.running import Outcome

_LEAST = 1e-4  # of the solution's gradient: a smaller one may be rounding


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
    pairs = zip(exercise.arguments, case.arguments, strict=False)
    given = [each for name, each in pairs if name in exercise.differentiable]
    names = [name for each in given for name in (each if isinstance(each, dict) else [""])]
    if not gradients or not all(isinstance(each, tuple) and len(each) == len(names) for each in gradients):
        return {}  # no tensor, or an error
    of_weights = zip(names, zip(*gradients, strict=True), strict=True)
    return {name: max(each.abs().max().item() for each in of_one) for name, of_one in of_weights if name}


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
