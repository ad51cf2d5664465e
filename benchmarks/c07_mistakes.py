"""Train the GPT that the reader of chapter 07 writes, with one classic mistake each time, and see what a loss shows.

Usage: python benchmarks/c07_mistakes.py [SEED ...]      (0 1 2 if none is named; about 6 minutes on one core)

The model, its loop and the mistakes are those of the exercises, and the recipe is the chapter's, for 200 updates and
not 600. With one seed, all runs begin with the same weights and draw the same batches. The recipe is not tuned again
for a mistake, since who makes one does not know of it.

Writes the result `mistakes`, after every run, and skips what is there already. In nats per character: `first`, the loss
of the first batch before any update; `train`, the mean of the last 20 updates; `val`, the loss on the validation split;
`last`, that of the last positions of its windows only, where no later character is in view.
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from unittest import mock

import common
import torch
from c07_student_gpt import config_of, tuned
from torch import nn

from lecture21.exercises.registry import exercises_of, find

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


def measured(mistake: str, seed: int, steps: int = 200) -> dict[str, float]:
    """Train with one mistake, and return the losses."""
    tokenizer, tokens, val = common.encoded_plays()
    config = replace(config_of(tuned(), seed, eval_every=steps + 1), steps=steps, warmup=steps // 4)
    with ExitStack() as stack:
        train = loop_with(mistake, stack)
        torch.manual_seed(seed)
        model = find("7.8").solution(tokenizer.vocab_size, WINDOW, 64, 4, 4)
        losses, _ = train(model, tokens, val, WINDOW, config)
    positions = by_position(model, val)
    return {
        "first": round(losses[0], 4),
        "train": round(sum(losses[-20:]) / 20, 4),
        "val": round(positions.mean().item(), 4),
        "last": round(positions[-1].item(), 4),
    }


def main() -> None:
    """Train with each mistake and each seed, and write the table."""
    seeds = common.start(3)
    rows = common.stored("mistakes")
    for seed in seeds:
        for mistake in PLANTED:
            if any((row["mistake"], row["seed"]) == (mistake, seed) for row in rows):
                continue
            rows.append({"mistake": mistake, "seed": seed} | measured(mistake, seed))
            common.save("mistakes", rows, arguments=False)
            print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
