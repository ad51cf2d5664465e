"""The device and the precision of a run."""

from functools import lru_cache

import torch
from torch import Tensor

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def choose_device(name: str | None = None) -> torch.device:
    """Return the device of that name; without one CUDA if this machine has it, and otherwise the CPU.

    MPS only by name: these models gain little from it, it has no float64, and its losses differ visibly from a CPU's.

    Raises:
        ValueError: if this machine does not have it; lists what it has.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    usable = [device for device, present in available.items() if present]
    if name is not None and name not in usable:
        raise ValueError(f"device {name!r} is not on this machine; available: {', '.join(usable)}")
    return torch.device(name or ("cuda" if available["cuda"] else "cpu"))


class DeviceGenerator:
    """The generator of a GPU's random numbers, with two methods of `torch.Generator`: it is not the CPU's."""

    def __init__(self, device: torch.device):
        self._device, self._module = device, getattr(torch, device.type)  # torch.cuda or torch.mps

    def get_state(self) -> Tensor:
        """Return the state, on the CPU."""
        return self._module.get_rng_state(self._device)

    def set_state(self, state: Tensor) -> None:
        """Continue from a state."""
        self._module.set_rng_state(state, self._device)


def choose_precision(device: torch.device) -> str:
    """Return the best precision of a device: bf16, fp16 on a GPU before Ampere (a T4), or fp32 if it is not a GPU."""
    if device.type != "cuda":
        return "fp32"
    # torch.cuda.is_bf16_supported() is also true where bf16 is only emulated.
    return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"


@lru_cache
def matrix_dtype(device: torch.device) -> torch.dtype:
    """Return the type in which a device multiplies matrices fastest: one of 16 bits if it has units for it, or float32.

    GPUs before Ampere, such as a T4, only emulate bfloat16, and those before Volta have no unit for 16 bits.
    """
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if capability >= (8, 0) else torch.float16 if capability >= (7, 0) else torch.float32
    if device.type != "cpu":
        return torch.float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return torch.float32
    # False if ONEDNN_MAX_CPU_ISA keeps oneDNN from it.
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether matrices are multiplied faster in bfloat16 than in float32: on newer GPUs and on some CPUs."""
    return matrix_dtype(device) is torch.bfloat16


def mixed_precision(device: torch.device, name: str | None) -> tuple[torch.autocast, torch.amp.GradScaler]:
    """Return the context for computing a loss in that precision, and the scaler of its gradients.

    Both do nothing in fp32. Only fp16 needs the scaler, since small gradients would underflow to 0.
    """
    precision = choose_precision(device) if name is None else name
    if precision == "fp16" and device.type == "cpu":
        raise ValueError("precision fp16 needs a GPU; on the CPU use fp32 or bf16")
    context = torch.autocast(device.type, dtype=_DTYPES[precision], enabled=precision != "fp32")
    return context, torch.amp.GradScaler(device.type, enabled=precision == "fp16")
