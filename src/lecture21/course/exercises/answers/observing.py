"""What of a result is compared besides its value: the gradients that pass back through it, and its device.

After the cases of an exercise come the same cases once more, in which the gradients are compared, if the exercise is
`differentiable`, and one on the device `meta`, where tensors have no numbers, if it must run on `any_device`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lecture21.course.exercises.exercise import Case, Exercise

STAGES = ("value", "gradients", "device")
"""What is observed in a case; what comes first is judged first."""

IN_PLACE = "in place"
"""Stands for gradients that cannot be computed since a tensor that they need was changed in place."""


def with_observations(exercise: Exercise, cases: list[Case]) -> list[Case]:
    """Return the cases, followed by those in which the gradients and the device of the result are observed."""
    more = [_of_gradients(exercise, each) for each in cases if exercise.differentiable]
    last = Case(cases[-1].arguments, cases[-1].about, "device")
    return [*cases, *more, *([last] if exercise.any_device else [])]


def observe(exercise: Exercise, answer: Any, observed: str, arguments: tuple[Any, ...]) -> Any:
    """Apply an answer to arguments, which are copies, and return what is to be compared."""
    if observed == "gradients":
        return _gradients(exercise, answer, arguments)
    if observed == "device":
        return _stays_on_meta(exercise, answer, arguments)
    return exercise.run(answer, arguments)


def map_tensors(change: Callable[[Tensor], Tensor], argument: Any) -> Any:
    """Return a tensor, or each of a dict of tensors, changed; any other argument as it is."""
    if isinstance(argument, dict):
        return {name: change(each) for name, each in argument.items()}
    return change(argument) if isinstance(argument, Tensor) else argument


def _tensors(value: Any) -> list[Tensor]:
    """Return the tensors of a result."""
    if isinstance(value, tuple | list):
        return [tensor for each in value for tensor in _tensors(each)]
    return [value] if isinstance(value, Tensor) else []


# Gradients


def _of_gradients(exercise: Exercise, case: Case) -> Case:
    """Return a case again, whose differentiable arguments are marked by requires_grad."""
    arguments = [
        map_tensors(lambda tensor: tensor.clone().requires_grad_(), each) if name in exercise.differentiable else each
        for name, each in zip(exercise.arguments, case.arguments, strict=False)
    ]
    return Case(tuple(arguments), case.about, "gradients")


def _gradients(exercise: Exercise, answer: Any, arguments: tuple[Any, ...]) -> tuple[tuple[Tensor, ...] | str, ...]:
    """Return the gradients of each floating-point result with respect to the arguments that require them."""
    leaves, given = [], []
    for each in arguments:
        if isinstance(each, dict):
            each = {name: nn.Parameter(weight) if weight.requires_grad else weight for name, weight in each.items()}
            leaves += [weight for weight in each.values() if weight.requires_grad]
        elif isinstance(each, Tensor) and each.requires_grad:
            leaves.append(each)
            each = 1 * each  # the result of an operation, as in a model: it may be changed in place
        given.append(each)
    with torch.enable_grad():
        outputs = [each for each in _tensors(exercise.run(answer, tuple(given))) if each.is_floating_point()]
        return tuple(_gradients_of(output, leaves) for output in outputs)


def _gradients_of(output: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...] | str:
    """Return the gradients of a sum of the output with different coefficients, 0 where there is none."""
    if not output.requires_grad:
        return tuple(map(torch.zeros_like, leaves))
    coefficients = torch.linspace(0.5, 1.5, output.numel()).view_as(output).to(output.dtype)
    try:
        total = (coefficients * output).sum()
        return torch.autograd.grad(total, leaves, retain_graph=True, materialize_grads=True)
    except RuntimeError as error:
        return IN_PLACE if "modified by an inplace operation" in str(error) else str(error)


# Devices


class _OtherDevice(RuntimeError):
    """An operation on tensors of two devices."""


class _OneDevice(TorchFunctionMode):
    """Refuses operations on tensors of two devices. `meta` itself notices some of them only."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        devices = {each.device.type for each in _tensors([*args, *kwargs.values()]) if each.dim()}
        if len(devices) > 1 and function not in _ACROSS_DEVICES:
            raise _OtherDevice
        if len(devices) > 1 and function in _COPIES and not args[0].is_meta:
            return args[0]  # stays on the CPU; `meta` has no numbers to be copied
        return function(*args, **kwargs)


_COPIES = (Tensor.__setitem__, Tensor.copy_)
_ACROSS_DEVICES = (
    *(Tensor.__getitem__, *_COPIES),  # a GPU allows these
    torch._has_compatible_shallow_copy_type,  # of a module that moves to another device
)


def _stays_on_meta(exercise: Exercise, answer: Any, arguments: tuple[Any, ...]) -> bool:
    """Return whether arguments on the device `meta`, where tensors have no numbers, give a result there.

    An answer that looks at numbers, as item() does, cannot run there, which does not show that it is wrong.
    """
    moved = tuple(map_tensors(lambda tensor: tensor.to("meta"), each) for each in arguments)
    try:
        with torch.no_grad(), _OneDevice():
            return all(each.device.type == "meta" for each in _tensors(exercise.run(answer, moved)))
    except _OtherDevice:
        return False
    except Exception:
        return True
