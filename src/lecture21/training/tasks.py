"""Training on any loss that draws its own batches: images with their names, needles in haystacks, pairs of answers.

`lecture21.training` is for the long run over one long text, with checkpoints and a validation split. This is for the
rest: minutes at most, and the loss is any function.
"""

import sys
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from lecture21._support.modes import learning
from lecture21.training.config import TrainConfig, learning_rate
from lecture21.training.optimizers import make_optimizer


def minimize(
    model: nn.Module, loss: Callable[[torch.Generator], Float[Tensor, ""]], config: TrainConfig
) -> Float[Tensor, " steps"]:
    """Take `config.steps` updates on a loss, and return its value at each; the model is trained in place.

    The seed decides batches and dropout, and the caller's random state is left alone. The model stays where it is, in
    its own precision, and each part keeps its mode: all are in training mode while `loss` is called.

    Args:
        model: whose parameters are trained, those that ask for a gradient.
        loss: draws a batch with the generator that it is given, on the CPU, and returns the mean loss of it.
        config: steps, learning rate and its schedule, Adam's settings, clipping and the seed; its other fields are for
            `training.train`.

    Raises:
        ValueError: if there is nothing to train, or the loss is not one number, or no longer finite; names the step.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{type(model).__name__} has no parameter that asks for a gradient: there is nothing to train")
    device = trained[0].device
    optimizer = make_optimizer(model, config, device)
    batches = torch.Generator().manual_seed(config.seed)
    losses = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), learning(model):
        torch.manual_seed(config.seed)
        for step in tqdm(range(config.steps), unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, config)
            value = loss(batches)
            if value.dim():
                raise ValueError(f"the loss must be one number, got a tensor of shape {tuple(value.shape)}")
            if not value.isfinite():
                advice = "try a smaller learning_rate, or clip"
                raise ValueError(f"training diverged: the loss at step {step} is {value.item()}; {advice}")
            optimizer.zero_grad()
            value.backward()
            if config.clip is not None:
                nn.utils.clip_grad_norm_(trained, config.clip)
            optimizer.step()
            losses.append(value.detach())
    return torch.stack(losses) if losses else torch.zeros(0)
