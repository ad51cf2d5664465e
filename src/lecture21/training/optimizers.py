"""The optimizer, and the one update that both training loops make."""

import sys
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from lecture21.training.config import TrainConfig, learning_rate


def _make_optimizer(model: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """Return AdamW for a model's trainable parameters, with weight decay only for matrices and embedding tables."""
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim >= 2]
    vectors = [p for p in trained if p.ndim < 2]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    # Without weight decay AdamW is Adam, to the last bit. Fused: one kernel instead of hundreds for a small model.
    return torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )


def _update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch_loss: Callable[[], Float[Tensor, ""]],
    step: int,
    config: TrainConfig,
    scaler: torch.amp.GradScaler,
) -> Float[Tensor, ""]:
    """Make update `step` on the gradient of `config.accumulate` batches, and return their mean loss."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config)
    optimizer.zero_grad()
    total = 0.0
    for _ in range(config.accumulate):
        loss = batch_loss() / config.accumulate
        scaler.scale(loss).backward()
        total = total + loss.detach()
    if config.clip is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    scaler.step(optimizer)
    scaler.update()
    return total


def _progress_bar(steps: int, done: int = 0) -> tqdm:
    """Return a progress bar, which is shown in a terminal only."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, disable=not terminal)
