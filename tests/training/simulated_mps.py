"""A machine with MPS, simulated on the CPU, since the tests run on machines without it.

Simulated: tensors that say `mps` and refuse to be computed with in float64 or together with a tensor on the CPU; random
numbers that come from a state of their own; that MPS is available. Not simulated: which operations MPS has, and how it
rounds.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MPS = torch.device("mps", 0)
MIXED = (Tensor.copy_, Tensor.__getitem__, torch._has_compatible_shallow_copy_type)  # may have tensors on two devices


class OnMPS(Tensor):
    """A tensor that says that it is on MPS; its numbers are on the CPU."""

    @staticmethod
    def __new__(cls, numbers: Tensor) -> "OnMPS":
        made = Tensor._make_wrapper_subclass(cls, numbers.shape, strides=numbers.stride(), dtype=numbers.dtype)
        made.numbers = numbers
        return made

    @property
    def device(self) -> torch.device:  # of Python alone: torch's own code would look for the device
        return MPS

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise AssertionError(f"{function} outside the simulation")


class _Operations(TorchDispatchMode):
    def __init__(self, random: dict[str, Tensor]):
        super().__init__()
        self._random = random

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        here = [x for x in tree_leaves((args, kwargs)) if isinstance(x, OnMPS)]
        device = torch.device(kwargs.pop("device", None) or (MPS if here else "cpu"))
        if function is torch.ops.aten.copy_.default:
            device = MPS if isinstance(args[0], OnMPS) else torch.device("cpu")
        plain = tree_map(lambda x: x.numbers if isinstance(x, OnMPS) else x, (args, kwargs))
        if device.type == "mps":
            before = torch.get_rng_state()
            torch.set_rng_state(self._random["state"])
        result = function(*plain[0], **plain[1])
        if device.type != "mps":
            return result
        self._random["state"] = torch.get_rng_state()
        torch.set_rng_state(before)
        for x in tree_leaves(result):
            if isinstance(x, Tensor) and x.dtype == torch.float64:
                raise TypeError(f"{function}: the MPS framework doesn't support float64")
        if str(function).split(".")[1].endswith("_"):  # in place: the result is its first argument
            return args[0]
        return tree_map(lambda x: OnMPS(x) if isinstance(x, Tensor) else x, result)


class _Devices(TorchFunctionMode):
    """Where a call names the device mps, call it for the CPU, and move the result: torch would look for the device."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        def is_mps(x: object) -> bool:
            return isinstance(x, torch.device | str) and str(x).startswith("mps")

        kwargs = kwargs or {}
        if function in (Tensor.cpu, Tensor.to, Tensor.tolist) and isinstance(args[0], OnMPS):
            targets = [torch.device(x).type for x in (*args[1:], *kwargs.values()) if isinstance(x, torch.device | str)]
            if function is not Tensor.to or "cpu" in targets:
                return function(args[0].detach().numbers, *args[1:], **kwargs)
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        if 0 < sum(isinstance(x, OnMPS) for x in tensors) < sum(isinstance(x, OnMPS) or x.dim() > 0 for x in tensors):
            assert function in MIXED, f"{function} of tensors on the devices mps and cpu"
        if not any(map(is_mps, (*args, *kwargs.values()))):
            return function(*args, **kwargs)
        if function is Tensor.to and isinstance(args[0], OnMPS):
            return args[0]
        swapped = tree_map(lambda x: "cpu" if is_mps(x) else x, (args, kwargs))
        result = function(*swapped[0], **swapped[1])
        return OnMPS(result.detach()) if isinstance(result, Tensor) else function(*args, **kwargs)


@contextmanager
def mps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give this machine MPS for the length of the block."""
    random = {"state": torch.Generator().manual_seed(99).get_state()}

    def set_state(state: Tensor, device: object = "mps") -> None:
        random["state"] = state.clone()

    def seed(number: int) -> None:
        random["state"] = torch.Generator().manual_seed(number + 1).get_state()  # not the numbers of the CPU

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda device="mps": random["state"].clone())
    monkeypatch.setattr(torch.mps, "set_rng_state", set_state)
    monkeypatch.setattr(torch.mps, "manual_seed", seed)
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # a parameter cannot change its class in place
    try:
        with _Operations(random), _Devices():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
