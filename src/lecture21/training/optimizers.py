"""The optimizers of a model, and the progress bar of both training loops."""

import sys

import torch
from torch import nn
from tqdm import tqdm

from lecture21.training.config import TrainConfig
from lecture21.training.muon import Muon


def make_optimizers(model: nn.Module, config: TrainConfig, device: torch.device) -> list[torch.optim.Optimizer]:
    """Return the optimizers of a model's trainable parameters: AdamW, and Muon for the matrices of blocks if selected.

    Weight decay applies to matrices and embedding tables only.

    Raises:
        ValueError: if Muon is selected, and the model has no blocks.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    groups: dict[str, list[nn.Parameter]] = {"muon": [], "embedding": [], "matrix": [], "vector": []}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if id(p) in tables:
            kind = "embedding"
        elif p.ndim < 2 or name.endswith("bias"):  # the biases of E experts are one tensor of shape (E, F)
            kind = "vector"
        elif config.optimizer == "muon" and "blocks" in name.split(".") and not name.endswith("router.weight"):
            kind = "muon"
        else:
            kind = "matrix"
        groups[kind].append(p)
    if config.optimizer == "muon" and not groups["muon"]:
        raise ValueError(f"optimizer muon trains matrices of blocks, and {type(model).__name__} has none: use adamw")

    peaks = {"embedding": config.embedding_learning_rate or config.learning_rate}
    adamw = torch.optim.AdamW(
        [
            {
                "params": groups[kind],
                "lr": peaks.get(kind, config.learning_rate),
                "weight_decay": 0.0 if kind == "vector" else config.weight_decay,
            }
            for kind in ("embedding", "matrix", "vector")
        ],
        betas=config.betas,
        # Without weight decay AdamW is Adam, to the last bit. Fused: one kernel instead of hundreds for a small model.
        fused=device.type in ("cpu", "cuda"),
    )
    optimizers = [adamw]
    if groups["muon"]:
        optimizers.append(Muon(groups["muon"], config.muon_learning_rate, config.weight_decay))
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["initial_lr"] = group["lr"]  # the schedule changes "lr"
    return optimizers


def owners_of_parameters(optimizers: list[torch.optim.Optimizer]) -> dict[nn.Parameter, torch.optim.Optimizer]:
    """Return the optimizer of each parameter that is trained."""
    return {p: optimizer for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}


def optimizer_state(optimizer: torch.optim.Optimizer | None) -> tuple[str, ...]:
    """Return the names of what an optimizer of `make_optimizers` keeps for each parameter; none without an optimizer.

    Each is a tensor of the parameter's shape and type, but `step`, which is one float32 number.
    """
    if optimizer is None:
        return ()
    return ("momentum_buffer",) if isinstance(optimizer, Muon) else ("step", "exp_avg", "exp_avg_sq")


def progress_bar(steps: int, done: int = 0, shown: bool = True) -> tqdm:
    """Return a progress bar, which is shown in a terminal only."""
    shown = shown and sys.stderr is not None and sys.stderr.isatty()
    return tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, disable=not shown)
