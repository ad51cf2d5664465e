"""The random states of a run, which a checkpoint holds for every process."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lecture21.training._processes import Processes

_States = dict[str, tuple[Callable[[], Tensor], Callable[[Tensor], object]]]


def _states(batches: torch.Generator) -> _States:
    """Return how to read and how to set each random state of this process."""
    states: _States = {
        "batches": (batches.get_state, batches.set_state),
        "torch": (torch.get_rng_state, torch.set_rng_state),
    }
    if torch.cuda.is_available():
        states["cuda"] = (torch.cuda.get_rng_state, torch.cuda.set_rng_state)
    return states


def _full_name(name: str, process: int) -> str:
    return f"random.{name}.{process}" if process else f"random.{name}"


def gather_random_states(batches: torch.Generator, processes: Processes) -> dict[str, Tensor]:
    """Return the random states of all processes, by their names in a checkpoint."""
    return {
        _full_name(name, index): state
        for name, (get, _) in _states(batches).items()
        for index, state in enumerate(processes.gather(get()))
    }


def restore_random_states(
    path: Path, tensors: dict[str, Tensor], batches: torch.Generator, processes: Processes
) -> None:
    """Set the random states of this process to those of a checkpoint.

    Raises:
        ValueError: naming the file, if one is missing or corrupt.
    """
    for name, (get, restore) in _states(batches).items():
        current, full_name = get(), _full_name(name, processes.index)
        saved = tensors.get(full_name, current if name == "cuda" else None)  # a run may continue on another device
        if saved is None or saved.shape != current.shape or saved.dtype != current.dtype:
            raise ValueError(f"{path} has a corrupt random state, {full_name}")
        try:
            restore(saved.clone())
        except RuntimeError as error:  # the right size, but not a state of the generator
            raise ValueError(f"{path} has a corrupt random state, {full_name}: {error}") from error
