"""A training run that ends with a clock: of so many seconds, whatever number of updates that is."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import monotonic

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21.training.config import TrainConfig, learning_rate
from lecture21.training.evaluation import TrainableModel
from lecture21.training.loop import update
from lecture21.training.run import Run

_TICKS = 10_000  # in which the schedule is counted
_RECENT = 50  # updates, of which the slowest says how long the next one may take
_MARGIN = 2.0  # and it may take so many times as long


def train_for(
    model: TrainableModel,
    tokens: Int[Tensor, " N"],
    config: TrainConfig,
    seconds: float,
    on_second: Callable[[int, float, float], None] | None = None,
) -> int:
    """Train a model in place for so many seconds, and return the number of updates.

    The learning rates follow the clock: the schedule of `config`, whose warm-up is a part of its steps, is stretched
    over the time from the end of the first update, which may compile, to the end of the clock. No update begins that
    could end after the clock, but the first.

    Args:
        model: trained in place.
        tokens: the training sequence.
        config: the settings, without evaluations.
        seconds: how long, compiling included.
        on_second: called each second, and at the end, with the number of updates, the seconds, and the mean loss of the
            updates since the last call.

    Raises:
        ValueError: if training diverges.
    """
    start = monotonic()
    schedule = replace(config, steps=_TICKS, warmup=_TICKS * config.warmup // max(config.steps, 1))
    recent: deque[float] = deque(maxlen=_RECENT)
    losses: list[Tensor] = []
    now = first = reported = 0.0

    def report() -> None:
        loss = torch.stack(losses).mean().item()
        if not math.isfinite(loss):
            raise ValueError(
                f"training diverged: the loss before update {number} is {loss}; try smaller learning rates"
            )
        if on_second is not None:
            on_second(number, now, loss)
        losses.clear()

    number = 0
    with Run(model, config) as run:
        while number == 0 or now + _MARGIN * max(recent, default=0.0) < seconds:
            tick = int(_TICKS * (now - first) / (seconds - first))
            losses.append(update(run, tokens, number, partial(learning_rate, tick, schedule)))
            before, now = now, monotonic() - start
            number += 1
            if number == 1:
                first = now
            else:
                recent.append(now - before)
            if now - reported >= 1:
                report()
                reported = now
    if losses:
        report()
    return number
