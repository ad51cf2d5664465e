"""What a run measures: the loss on a whole split, and its course over training."""

import csv
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.files import write_atomic
from lecture21._support.modes import evaluating


@runtime_checkable
class LanguageModel(Protocol):
    """What `evaluate` asks of a model: a GPT, an RNN, an n-gram."""

    @property
    def block_size(self) -> int | None:
        """Longest context in tokens; None where there is no limit."""
        ...

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats per token."""
        ...


@runtime_checkable
class TrainableModel(LanguageModel, Protocol):
    """What training asks on top: a vocabulary, a shape to compare runs by, a place on disk. It is an `nn.Module`."""

    config: Any
    """A dataclass."""

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens."""
        ...

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write configuration and weights."""
        ...


@torch.no_grad()
def evaluate(
    model: LanguageModel, tokens: Int[Tensor, " N"], block_size: int | None = None, *, batch_size: int = 256
) -> float:
    """Return the mean loss in nats per token over the whole of `tokens`, each target counted once.

    The sequence is cut into windows of `block_size` that do not overlap, and the shorter rest at the end. So the
    number has no sampling noise, and models that see the same windows can be compared. The context starts afresh in
    each window.

    Args:
        model: anything with `loss(ids, targets)`.
        tokens: the sequence; its first token is only read, never predicted.
        block_size: length of a window; the model's own if not given.
        batch_size: windows at a time; changes the speed only.

    Raises:
        ValueError: if there is nothing to predict, or no block size.
    """
    block_size = model.block_size if block_size is None else block_size
    if block_size is None:
        raise ValueError("this model has no block size of its own: pass block_size")
    if block_size < 1 or batch_size < 1:
        raise ValueError(f"block_size and batch_size must be >= 1, got {block_size} and {batch_size}")
    if len(tokens) < 2:
        raise ValueError(f"nothing to predict in {len(tokens)} tokens; at least 2 are needed")
    device = next(model.parameters(), tokens).device if isinstance(model, torch.nn.Module) else tokens.device
    count = len(tokens) - 1
    whole = count - count % block_size
    ids = tokens[:whole].view(-1, block_size).split(batch_size)
    targets = tokens[1 : whole + 1].view(-1, block_size).split(batch_size)
    batches = list(zip(ids, targets, strict=True)) if whole else []
    if whole < count:
        batches.append((tokens[None, whole:-1], tokens[None, whole + 1 :]))
    with evaluating(model):
        return sum(model.loss(x.to(device).long(), y.to(device).long()).item() * y.numel() for x, y in batches) / count


@dataclass
class History:
    """What a run measured: one entry for each evaluation, in nats per token. `figures.loss_curves` draws it."""

    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    """Mean over the training batches since the entry before; NaN before the first update."""
    val_loss: list[float] = field(default_factory=list)
    """Loss on the whole validation split; NaN where none was given."""
    learning_rate: list[float] = field(default_factory=list)

    def append(self, step: int, train_loss: float, val_loss: float, learning_rate: float) -> None:
        """Add one evaluation."""
        self.step.append(step)
        self.train_loss.append(train_loss)
        self.val_loss.append(val_loss)
        self.learning_rate.append(learning_rate)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row for each evaluation, with every digit."""
        names = list(asdict(self))
        rows = zip(*asdict(self).values(), strict=True)
        lines = [",".join(names), *(",".join(map(repr, row)) for row in rows)]
        write_atomic(path, ("\n".join(lines) + "\n").encode())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> "History":
        """Read what `to_csv` wrote.

        Raises:
            ValueError: if the file has other columns, or a cell is not a number.
        """
        history = cls()
        names = list(asdict(history))
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames != names:
                raise ValueError(f"{path} has columns {rows.fieldnames}, a history has {names}")
            for number, row in enumerate(rows, start=1):
                try:
                    history.append(int(row["step"]), *(float(row[name]) for name in names[1:]))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{path}, row {number}: {error}") from error
        return history
