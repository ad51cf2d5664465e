"""Train the GPT that the reader of chapter 07 writes, with one classic mistake each time, and see what a loss shows.

Usage: python benchmarks/c07_mistakes.py [SEED ...]      (0 1 2 if none is named; about 12 minutes on one core)

The model, its loop and the mistakes are those of the exercises, and the recipe is the chapter's, for 200 updates and
not 600. With one seed, all runs begin with the same weights and draw the same batches. The recipe is not tuned again
for a mistake, since who makes one does not know of it.

Three mistakes hardly cost anything there. Each is tried again where we expected it to cost more: a normalized stream
in 24 blocks of width 16 at a quarter of the learning rate, since chapter 05's blocks need their stream at that depth;
clipping too late at eight times the learning rate, where we expected larger gradients and found none; and both
mistakes of the model with the weights of the right model, which have not been trained around them.

Writes two results. In nats per character:
`mistakes`: `first`, the loss of the first batch before any update; `train`, the mean of the last 20 updates; `val`, the
    loss on the validation split; `last`, that of the last positions of its windows only, where no later character is in
    view.
`mistakes_elsewhere`: `val`, where a mistake costs more; `clipped`, the share of the updates whose gradient had a norm
    above the limit.
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import product
from unittest import mock

import common
import torch
from c07_student_gpt import config_of, tuned
from table import Table, each, run, seeds
from torch import nn

from lecture21.course.exercises.registry import exercises_of, find

WINDOW = 32
PLANTED = {
    "none": (),
    "targets not shifted": ("7.1", "targets not shifted"),
    "no mask": ("7.5", "without a mask"),
    "no zero_grad": ("7.4", "gradients add up"),
    "heads in a plain list": ("7.6", None),
    "stream normalized": ("7.7", "adds to the normalized"),
    "scores divided by the root of C": ("7.5", "divided by the wrong root"),
    "clipped after the step": ("7.4", "not clipped in time"),
}

SHAPE = (64, 4, 4)
"""Width, heads and blocks of the chapter's GPT."""
WEIGHTS = "the right model's weights"
ELSEWHERE: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    WEIGHTS: (("none", "stream normalized", "scores divided by the root of C"), ()),
    "24 blocks": (("none", "stream normalized"), (0.25, (16, 1, 24))),
    "8 times the learning rate": (("none", "clipped after the step"), (8.0,)),
}
"""Where three mistakes cost more: the mistakes, the factor of the learning rate, and the shape."""
MISTAKES = Table("mistakes", key=("mistake", "seed"))
COSTS = Table("mistakes_elsewhere", key=("where", "mistake", "seed"))


class PlainList(find("7.6").solution):
    """Several heads of which PyTorch does not know: no optimizer trains them."""

    def __init__(self, d_model: int, n_head: int):
        super().__init__(d_model, n_head)
        heads = list(self.heads)
        del self.heads
        self.heads = heads


def wrong_answer(number: str, name: str | None) -> object:
    """Return a wrong answer of an exercise; the plain list, which no check can call, is the one above."""
    if name is None:
        return PlainList
    (found,) = [each.wrong for each in find(number).mistakes if each.name == name]
    return found


def loop_with(mistake: str, stack: ExitStack) -> object:
    """Put a mistake in the place of the right answer until the stack closes, and return the training loop."""
    train = find("7.4").solution
    if not PLANTED[mistake]:
        return train
    number, wrong = PLANTED[mistake][0], wrong_answer(*PLANTED[mistake])
    if number == "7.4":
        return wrong
    name = "sample_windows" if number == "7.1" else find(number).solution.__name__  # the loop calls the package's
    modules = {sys.modules[each.solution.__module__] for each in exercises_of("07")}
    for module in modules:
        if hasattr(module, name):
            stack.enter_context(mock.patch.object(module, name, wrong))
    return train


@torch.no_grad()
def by_position(model: nn.Module, val: torch.Tensor) -> torch.Tensor:
    """Return the mean loss at each position of the windows of the validation split."""
    count = (len(val) - 1) // WINDOW
    ids, targets = (val[start : start + count * WINDOW].view(count, WINDOW) for start in (0, 1))
    batches = zip(ids.split(256), targets.split(256), strict=True)
    losses = [nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="none") for x, y in batches]
    return torch.cat(losses).view(count, WINDOW).mean(dim=0)


def built(mistake: str, seed: int, stack: ExitStack, shape: tuple[int, int, int] = SHAPE) -> tuple[object, nn.Module]:
    """Return the training loop and an untrained model, width, heads and blocks as given, with the mistake in place."""
    train = loop_with(mistake, stack)
    torch.manual_seed(seed)
    return train, find("7.8").solution(common.encoded_plays()[0].vocab_size, WINDOW, *shape)


def trained(
    mistake: str, seed: int, factor: float = 1.0, shape: tuple[int, int, int] = SHAPE, steps: int = 200
) -> tuple[nn.Module, list[float], list[float]]:
    """Train with one mistake; return the model, and the loss and the norm of the gradient at each step."""
    _, tokens, val = common.encoded_plays()
    setting = tuned()
    setting |= {"learning_rate": factor * setting["learning_rate"]}
    config = replace(config_of(setting, seed, eval_every=steps + 1), steps=steps, warmup=steps // 4)
    norms, clip = [], nn.utils.clip_grad_norm_
    with ExitStack() as stack:
        train, model = built(mistake, seed, stack, shape)
        recorded = mock.patch.object(nn.utils, "clip_grad_norm_", lambda *given: norms.append(clip(*given).item()))
        stack.enter_context(recorded)
        losses, _ = train(model, tokens, val, WINDOW, config)
    return model, losses, norms


def measured(mistake: str, seed: int) -> dict[str, float]:
    """Train with one mistake, and return the losses."""
    model, losses, _ = trained(mistake, seed)
    positions = by_position(model, common.encoded_plays()[2])
    return {
        "first": round(losses[0], 4),
        "train": round(sum(losses[-20:]) / 20, 4),
        "val": round(positions.mean().item(), 4),
        "last": round(positions[-1].item(), 4),
    }


def elsewhere(where: str, mistake: str, seed: int) -> dict[str, float | None]:
    """Return the loss with a mistake where it should cost more, and the share of updates with a clipped gradient."""
    val, norms = common.encoded_plays()[2], []
    if where == WEIGHTS:
        right = right_model(seed)
        with ExitStack() as stack:
            model = built(mistake, seed, stack)[1]
        model.load_state_dict(right.state_dict())
    else:
        model, _, norms = trained(mistake, seed, *ELSEWHERE[where][1])
    clipped = round(sum(norm > 1 for norm in norms) / len(norms), 3) if norms else None
    return {"val": round(by_position(model, val).mean().item(), 4), "clipped": clipped}


@cache
def right_model(seed: int) -> nn.Module:
    """Return the model that is trained without a mistake."""
    return trained("none", seed)[0]


def main() -> None:
    """Train with each mistake and each seed."""
    each(lambda key: MISTAKES.row(measured, seed=key[0], mistake=key[1]), product(seeds(3), PLANTED))
    for seed in seeds(3):
        for where, (mistakes, _) in ELSEWHERE.items():
            for mistake in mistakes:
                COSTS.row(elsewhere, where=where, mistake=mistake, seed=seed)


if __name__ == "__main__":
    run(main)
