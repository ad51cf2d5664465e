"""The training loop for small tasks: minutes at most, on any loss that draws its own batches.

`train` is for long runs over one text, with checkpoints and a validation split.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.modes import training
from lecture21.training.config import TrainConfig
from lecture21.training.optimizers import _make_optimizers, _progress_bar, _update


def minimize(
    model: nn.Module, loss: Callable[[torch.Generator], Float[Tensor, ""]], config: TrainConfig
) -> Float[Tensor, " steps"]:
    """Make `config.steps` updates on a loss and return its value at each; the model is trained in place.

    The seed determines batches and dropout; the caller's random state is left unchanged. The model stays on its device
    and in its precision, and each module returns to its own mode: all are in training mode while `loss` is called.

    Args:
        model: its parameters that require a gradient are trained.
        loss: draws a batch with the generator that it is given, on the CPU, and returns the mean loss on it.
        config: device, precision and `eval_every` are ignored.

    Raises:
        ValueError: if there is nothing to train, or the loss is not a single finite number; names the step.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient: there is nothing to train")
    device = trained[0].device
    optimizers = _make_optimizers(model, config, device)
    scaler = torch.amp.GradScaler(device.type, enabled=False)
    batches = torch.Generator().manual_seed(config.seed)
    losses: list[Float[Tensor, ""]] = []

    def batch_loss() -> Float[Tensor, ""]:
        value = loss(batches)
        if value.dim():
            raise ValueError(f"the loss must be one number, got a tensor of shape {tuple(value.shape)}")
        if not value.isfinite():
            advice = "try a smaller learning_rate, or clip"
            raise ValueError(f"training diverged: the loss at step {len(losses)} is {value.item()}; {advice}")
        return value

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), training(model):
        torch.manual_seed(config.seed)
        with _progress_bar(config.steps) as bar:
            for step in range(config.steps):
                losses.append(_update(model, optimizers, batch_loss, step, config, scaler))
                bar.update()
    return torch.stack(losses) if losses else torch.zeros(0)
