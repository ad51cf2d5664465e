"""Is *hundred* what the decoder says after a first digit unless its attention finds a reason against it?

Usage: python benchmarks/c06_default_word.py [SEED ...]    (0 to 9 if none is named; 25 s each on one core)

Writes the result `default_word`. The models are those of `c06_cross_attention.py`. A row is one model and one kind of
place in held-out numbers: *hundred* before and after the comma and without one, where it is right, and the *thousand*
after the first word of a number like 2,456, where *hundred* is wrong. It has the means of the probability of *hundred*
as the model is (p), if this query may not attend to the two memory vectors after the digit that was read last
(blocked), and if its cross-attention adds nothing to the stream (off).
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import common
import torch
from c06_cross_attention import N_MEASURED, blocked, trained
from table import Table, each, run, seeds
from torch import Tensor
from torch.nn import Module

from lecture21.data import numbers
from lecture21.transformer import Transformer

RESULT = Table("default_word", key=("seed",))
HUNDRED = numbers.VOCABULARY.ids["hundred"]


@contextmanager
def off(model: Transformer, t: int) -> Iterator[None]:
    """Let the cross-attention of the query at position t add nothing to the stream."""

    def silence(_module: Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone()
        output[:, t] = 0
        return output

    with ExitStack() as hooks:
        for block in model.decoder.blocks:
            hooks.callback(block.cross_attention.register_forward_hook(silence).remove)
        yield


def places(n: int) -> Iterator[tuple[str, int, int]]:
    """Yield each place of a number where *hundred* can be read: its kind, the position t, and that of its digit."""
    digits, words = numbers.to_digits(n), numbers.to_words(n).split()
    for t, (word, (own, *_)) in enumerate(zip(words, numbers.origins(n), strict=True)):
        if word == "hundred":
            yield "after" if "," in digits[:own] else "before" if "," in digits else "none", t, own
        elif word == "thousand" and digits[1] == ",":
            yield "thousand", t, 0


@torch.no_grad()
def measure(model: Transformer, n: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield, for each place of a number, its kind and the probabilities of *hundred*."""
    source, target, _ = numbers.pairs([n])
    for kind, t, own in places(n):
        found = {}
        for name, changed in (
            ("p", nullcontext()),
            ("blocked", blocked(model, t, [own + 1, own + 2])),
            ("off", off(model, t)),
        ):
            with changed:
                found[name] = model(source, target)[0, t].softmax(dim=-1)[HUNDRED].item()
        yield kind, found


def measured(seed: int) -> list[dict[str, object]]:
    """Train a model, and return a row for each kind of place."""
    model, held_out = trained(seed)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for n in held_out[:N_MEASURED]:
        for kind, values in measure(model, n):
            found[kind].append(values)
    return [{"place": kind, "n": len(values)} | common.means(values) for kind, values in sorted(found.items())]


def main() -> None:
    """Measure the models of all seeds."""
    each(lambda seed: RESULT.rows(measured, seed=seed), seeds(10))


if __name__ == "__main__":
    run(main)
