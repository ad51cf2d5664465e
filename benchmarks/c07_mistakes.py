"""Train the GPT that the reader of chapter 07 writes, with one classic mistake each time, and see what a loss shows.

Usage: python benchmarks/c07_mistakes.py [SEED ...]      (0 1 2 if none is named; about 15 minutes on one core)

The model, its loop and the mistakes are those of the exercises, and the recipe is the chapter's, for 200 updates and
not 600. With one seed, all runs begin with the same weights and draw the same batches. The recipe is not tuned again
for a mistake, since who makes one does not know of it.

Three mistakes hardly cost anything there. Each is tried again where we expected it to cost more: a normalized stream
in 24 blocks of width 16 at a quarter of the learning rate, since chapter 05's blocks need their stream at that depth;
clipping too late at eight times the learning rate, where we expected larger gradients and found none; and both
mistakes of the model with the weights of the right model, which have not been trained around them.

The first test of a model is the same batch again and again. Its loss has a floor: where windows of the batch begin
alike and go on differently, no causal model is sure. `floor_of` counts it.

Gradients that add up are clipped as a pile, in place. So each update keeps a share of the pile, which is measured, and
adds the new gradient to it: a second momentum. Without clipping, the pile is the sum of all gradients.

Writes four results. In nats per character:
`mistakes`: `first`, the loss of the first batch before any update; `train`, the mean of the last 20 updates; `val`, the
    loss on the validation split; `last`, that of the last positions of its windows only, where no later character is in
    view.
`mistakes_elsewhere`: `val`, where a mistake costs more; `clipped`, the share of the updates whose gradient had a norm
    above the limit.
`one_batch`: `floor`, the least loss of a causal model on one batch; `loss`, after 100 updates on this batch.
`pile`: without `zero_grad`, over the second half of the updates: `kept`, the mean share of the pile that clipping
    leaves; `newest` and `sum`, the mean cosine of what is used with the newest gradient, and with the sum of all;
    `norm` and `norm_of_sum`, the mean lengths of what is used and of the sum; `val`, the loss. With clipping and
    without.
"""

import math
import sys
from collections import Counter, defaultdict
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
from lecture21.training import TrainConfig, sample_windows

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
ONE_BATCH = Table("one_batch", key=("mistake", "seed"))
PILE = Table("pile", key=("clip", "seed"))
SAME = TrainConfig(
    steps=100, batch_size=32, learning_rate=0.008, warmup=10, clip=1.0, betas=(0.9, 0.95), eval_every=101
)
"""The recipe for one batch: the schedule of the chapter, and nothing that pulls weights toward 0."""


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


def floor_of(ids: torch.Tensor, targets: torch.Tensor) -> float:
    """Return the least mean loss on a batch: each target is predicted with its share among windows that begin alike."""
    follow: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for window, after in zip(ids.tolist(), targets.tolist(), strict=True):
        for n, target in enumerate(after, start=1):
            follow[tuple(window[:n])][target] += 1
    return -sum(k * math.log(k / seen.total()) for seen in follow.values() for k in seen.values()) / targets.numel()


def memorized(mistake: str, seed: int) -> dict[str, float]:
    """Train on one batch with one mistake; return the floor of its loss, and the loss that is reached."""
    _, tokens, val = common.encoded_plays()
    with ExitStack() as stack:
        train, model = built(mistake, seed, stack)
        module = sys.modules[find("7.4").solution.__module__]
        draw = module.sample_windows  # the wrong one, if that is the mistake
        fixed = draw(tokens, WINDOW, SAME.batch_size, torch.Generator().manual_seed(seed))
        stack.enter_context(mock.patch.object(module, "sample_windows", return_value=fixed))
        losses, _ = train(model, tokens, val, WINDOW, replace(SAME, seed=seed))
    batch = sample_windows(tokens, WINDOW, SAME.batch_size, torch.Generator().manual_seed(seed))
    return {"floor": round(floor_of(*batch), 4), "loss": round(losses[-1], 4)}


def piled(clip: float, seed: int) -> dict[str, float]:
    """Train without `zero_grad`, and return of what an update consists."""
    _, tokens, val = common.encoded_plays()
    setting = tuned()
    config = replace(config_of(setting, seed, eval_every=201), steps=200, warmup=50, clip=clip)
    before, total, rows = torch.zeros(()), torch.zeros(()), []
    clipped = nn.utils.clip_grad_norm_

    def recorded(parameters: object, limit: float) -> torch.Tensor:
        nonlocal before, total
        weights = list(parameters)
        pile = torch.cat([p.grad.flatten() for p in weights])
        newest = pile - before
        total = total + newest
        norm = clipped(weights, limit)
        before = torch.cat([p.grad.flatten() for p in weights])
        cosines = [torch.cosine_similarity(before, other, dim=0) for other in (newest, total)]
        rows.append([before.norm() / pile.norm(), *cosines, before.norm(), total.norm()])
        return norm

    with ExitStack() as stack:
        train, model = built("no zero_grad", seed, stack)
        stack.enter_context(mock.patch.object(nn.utils, "clip_grad_norm_", recorded))
        train(model, tokens, val, WINDOW, config)
    means = torch.tensor(rows)[100:].mean(dim=0).tolist()
    names = ("kept", "newest", "sum", "norm", "norm_of_sum")
    row = {name: round(value, 4) for name, value in zip(names, means, strict=True)}
    return row | {"val": round(by_position(model, val).mean().item(), 4)}


def main() -> None:
    """Train with each mistake and each seed."""
    for seed, mistake in product(seeds(3), PLANTED):
        ONE_BATCH.row(memorized, seed=seed, mistake=mistake)
    for seed, clip in product(seeds(3), (1.0, math.inf)):
        PILE.row(piled, seed=seed, clip=clip)
    each(lambda key: MISTAKES.row(measured, seed=key[0], mistake=key[1]), product(seeds(3), PLANTED))
    for seed in seeds(3):
        for where, (mistakes, _) in ELSEWHERE.items():
            for mistake in mistakes:
                COSTS.row(elsewhere, where=where, mistake=mistake, seed=seed)


if __name__ == "__main__":
    run(main)
