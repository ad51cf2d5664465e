"""The loss of a model on a whole text."""

import os
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.modes import evaluating
from lecture21.training._processes import Processes


@runtime_checkable
class _LanguageModel(Protocol):
    """What `evaluate` needs: a GPT, an RNN or an n-gram model."""

    @property
    def block_size(self) -> int | None:
        """Longest context in tokens; None if there is no limit."""
        ...

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats per token."""
        ...


@runtime_checkable
class _TrainableModel(_LanguageModel, Protocol):
    """What `train` needs: an `nn.Module` with a configuration, a vocabulary size and a way to be saved."""

    config: Any
    """A dataclass."""

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens."""
        ...

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write configuration and weights."""
        ...


def _require_tokens(tokens: Tensor) -> None:
    """Raise ValueError unless this is one sequence of integers: conversion would silently truncate other numbers."""
    if tokens.dim() != 1 or tokens.dtype == torch.bool or tokens.is_floating_point() or tokens.is_complex():
        raise ValueError(f"tokens must be one sequence of integers, got {tokens.dtype} of shape {tuple(tokens.shape)}")


def evaluate(
    model: _LanguageModel, tokens: Int[Tensor, " N"], block_size: int | None = None, *, batch_size: int = 256
) -> float:
    """Return the mean loss in nats per token over the whole of `tokens`, each target counted once.

    The sequence is cut into windows of `block_size` that do not overlap; the last one may be shorter. The result has no
    sampling noise, and models that read the same windows can be compared. Each window starts without context.

    Args:
        model: anything with `loss(ids, targets)`.
        tokens: integer ids; the first one is only read, never predicted.
        block_size: length of a window; by default the model's own.
        batch_size: windows per batch; affects only the speed.

    Raises:
        ValueError: if there is nothing to predict, the tokens are not integers, or there is no block size.
    """
    return _evaluate(model, model.loss, tokens, block_size, batch_size)


@torch.no_grad()
def _evaluate(
    model: _LanguageModel,
    loss: Callable[[Tensor, Tensor], Tensor],
    tokens: Int[Tensor, " N"],
    block_size: int | None = None,
    batch_size: int = 256,
    processes: Processes | None = None,
) -> float:
    """Return the mean loss as `evaluate`; several processes take the batches in turn."""
    block_size = model.block_size if block_size is None else block_size
    if block_size is None:
        raise ValueError("this model has no block size of its own: pass block_size")
    if block_size < 1 or batch_size < 1:
        raise ValueError(f"block_size and batch_size must be >= 1, got {block_size} and {batch_size}")
    _require_tokens(tokens)
    if len(tokens) < 2:
        raise ValueError(f"nothing to predict in {len(tokens)} tokens; at least 2 are needed")
    device = next(model.parameters(), tokens).device if isinstance(model, torch.nn.Module) else tokens.device
    processes = Processes() if processes is None else processes
    count = len(tokens) - 1
    whole = count - count % block_size
    ids = tokens[:whole].view(-1, block_size).split(batch_size)
    targets = tokens[1 : whole + 1].view(-1, block_size).split(batch_size)
    batches = list(zip(ids, targets, strict=True)) if whole else []
    if whole < count:
        batches.append((tokens[None, whole:-1], tokens[None, whole + 1 :]))
    total = 0.0
    with evaluating(model):
        for first in range(0, len(batches), processes.count):
            # At the end some processes repeat the last batch, because a sharded model needs all of them for each batch.
            mine = first + processes.index
            x, y = batches[min(mine, len(batches) - 1)]
            mean = loss(x.to(device).long(), y.to(device).long()).item()
            total += mean * y.numel() if mine < len(batches) else 0.0
    return processes.sum(torch.tensor(total, dtype=torch.float64)).item() / count
