"""The loss of a model on a whole text."""

import os
from typing import Annotated, Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.contract import Count, checked
from lecture21._support.modes import evaluating
from lecture21._support.validation import Rule


@runtime_checkable
class LanguageModel(Protocol):
    """What `evaluate` needs: a GPT, an RNN or an n-gram model."""

    @property
    def block_size(self) -> int | None:
        """Longest context in tokens; None if there is no limit."""
        ...

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats per token."""
        ...


@runtime_checkable
class TrainableModel(LanguageModel, Protocol):
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


WITH_LOSS = Rule("a model with a loss", lambda model, _: callable(getattr(model, "loss", None)))


@checked
@torch.no_grad()
def evaluate(
    model: Annotated[LanguageModel, WITH_LOSS],
    tokens: Int[Tensor, " N"],
    block_size: Count | None = None,
    *,
    batch_size: Count | None = None,
) -> float:
    """Return the mean loss in nats per token over the whole of `tokens`, each target counted once.

    The sequence is cut into windows of `block_size` that do not overlap; the last one may be shorter. The result has no
    sampling noise, and models that read the same windows can be compared. Each window starts without context.

    Meanwhile the model is in evaluation mode, in every thread: do not train it in another one.

    Args:
        model: anything with `loss(ids, targets)`.
        tokens: integer ids; the first one is only read, never predicted.
        block_size: length of a window; by default the model's own.
        batch_size: windows per batch; affects only the speed. By default few on a CPU, more on a GPU.

    Raises:
        ValueError: if there is nothing to predict, the tokens are not integers, there is no block size, or another
            thread is using the model in another mode.
    """
    block_size = model.block_size if block_size is None else block_size
    if block_size is None:
        raise ValueError("this model has no block size of its own: pass block_size")
    device = next(model.parameters(), tokens).device if isinstance(model, torch.nn.Module) else tokens.device
    batch_size = windows_at_once(block_size, device) if batch_size is None else batch_size
    total = 0.0
    with evaluating(model):
        for ids, targets in validation_batches(tokens, block_size, batch_size):
            total += model.loss(ids.to(device).long(), targets.to(device).long()).item() * targets.numel()
    return total / (len(tokens) - 1)


def windows_at_once(block_size: int, device: torch.device) -> int:
    """Return how many windows to evaluate in a batch: on a CPU few, whose activations then fit into its cache.

    There, batches of 2,048 tokens take half the time of batches of 16,384 for the same text (GPTs of width 64 to 192).
    A GPU needs more to be busy.
    """
    return max(1, (2048 if device.type == "cpu" else 32768) // max(block_size, 1))


@checked
def validation_batches(
    tokens: Int[Tensor, " N"], block_size: Count, batch_size: Count
) -> list[tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]]:
    """Cut a sequence into the windows of `evaluate`, and these into batches of inputs and targets.

    Raises:
        ValueError: if there is nothing to predict, or the tokens are not integers.
    """
    if len(tokens) < 2:
        raise ValueError(f"nothing to predict in {len(tokens)} tokens; at least 2 are needed")
    count = len(tokens) - 1
    full = count - count % block_size  # targets in complete windows
    ids = tokens[:full].view(-1, block_size).split(batch_size)
    targets = tokens[1 : full + 1].view(-1, block_size).split(batch_size)
    batches = list(zip(ids, targets, strict=True)) if full else []
    if full < count:
        batches.append((tokens[None, full:-1], tokens[None, full + 1 :]))
    return batches
