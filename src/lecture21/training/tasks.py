"""The training loop for small tasks: minutes at most, on any loss that draws its own batches.

`train` is for long runs over one text, with checkpoints and a validation split.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.modes import seeded, training
from lecture21.training.config import TrainConfig, learning_rate
from lecture21.training.optimizers import make_optimizers, progress_bar


@checked
def minimize(
    model: nn.Module, loss: Callable[[torch.Generator], Float[Tensor, ""]], config: TrainConfig
) -> Float[Tensor, " steps"]:
    """Make `config.steps` updates on a loss and return its value at each; the model is trained in place.

    The seed determines batches and dropout; the caller's random state is left unchanged. The model stays on its device
    and in its precision, and each module returns to its own mode: all are in training mode while `loss` is called. As
    for `train`, this is for one thread at a time.

    Args:
        model: its parameters that require a gradient are trained.
        loss: draws a batch with the generator that it is given, on the CPU, and returns the mean loss on it.
        config: device, precision, `shuffle` and `eval_every` are ignored.

    Raises:
        ValueError: if there is nothing to train, or the loss is not a single finite number; names the step.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient: there is nothing to train")
    device = trained[0].device
    optimizers = make_optimizers(model, config, device)
    batches = torch.Generator().manual_seed(config.seed)
    losses: list[Float[Tensor, ""]] = []
    with seeded(config.seed, device), training(model), progress_bar(config.steps) as bar:
        for step in range(config.steps):
            model.zero_grad()
            total = 0.0
            for _ in range(config.accumulate):
                value = loss(batches)
                _require_number(value, step)
                part = value / config.accumulate
                part.backward()
                total = total + part.detach()
            losses.append(total)
            if config.clip is not None:
                nn.utils.clip_grad_norm_(trained, config.clip)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(step, config, group["initial_lr"])
                optimizer.step()
            bar.update()
    return torch.stack(losses) if losses else torch.zeros(0)


def _require_number(loss: Tensor, step: int) -> None:
    if loss.dim():
        raise ValueError(f"the loss must be one number, got a tensor of shape {tuple(loss.shape)}")
    if not loss.isfinite():
        advice = "try a smaller learning_rate, or clip"
        raise ValueError(f"training diverged: the loss at step {step} is {loss.item()}; {advice}")
