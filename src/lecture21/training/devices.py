"""Which device and which precision a run uses."""

import torch


def choose_precision(device: torch.device) -> str:
    """Return the best precision that a device is built for: bf16, fp16 on a GPU before Ampere (a T4), else fp32."""
    if device.type != "cuda":
        return "fp32"
    # torch.cuda.is_bf16_supported() is also true where bf16 is only emulated.
    return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"


def choose_device(name: str | None = None) -> torch.device:
    """Return the device of that name, or the best that is there.

    Raises:
        ValueError: if this machine does not have it; says what it has.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name is not None and not there.get(name):
        allowed = ", ".join(device for device, usable in there.items() if usable)
        raise ValueError(f"device {name!r} is not on this machine; there is {allowed}")
    return torch.device(name or next(device for device in ("cuda", "mps", "cpu") if there[device]))
