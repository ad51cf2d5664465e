"""Train an encoder-decoder to read numbers aloud, and measure what *hundred* attends to and whether it needs that.

Usage: python benchmarks/c06_cross_attention.py [SEED ...]    (0 to 9 if none is named; 40 s each on one core)

Writes the result `cross_attention`. A model is trained on 1,000 numbers of all lengths up to six digits. Each row is
one seed and one kind of place in held-out numbers: those where *hundred* is right, before or after the comma or in a
number without one, and the *thousand* after the first word of a number like 2,456, where *hundred* would be wrong. A
row has the means over these places

- of the probability of *hundred*, given the right words so far (p),
- of the weight of its query, in the second block and as a mean of four heads, on the two symbols after the digit that
  was read last (weight),
- of how much the probability falls if this digit or one of the two symbols is replaced by another digit from 1 to 9
  (changed; where *hundred* is right),
- of its probability if only this query may not attend to the memory vectors of the two symbols (hidden),
- and if the cross-attention of this query adds nothing to the stream (off).

`right` is the fraction of held-out numbers that are read without a mistake, `wrong_readings` the fraction of the
mistakes that are the right reading of another number.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import common
import torch
from table import Table, each, run, seeds
from torch import Tensor
from torch.nn import Module

from lecture21.data import numbers
from lecture21.layers import attention_maps
from lecture21.transformer import Transformer, TransformerConfig, greedy_decode

STEPS, BATCH, PEAK, WARMUP = 600, 32, 2e-3, 100
N_TRAIN, N_TEST, N_MEASURED = 1000, 400, 100
VOCABULARY = numbers.VOCABULARY
TOKENS = {"bos": VOCABULARY.bos, "eos": VOCABULARY.eos, "max_new": 16}
DIGITS = torch.tensor(VOCABULARY.encode("123456789"))  # with 0 as its digit, hundred is wrong
HUNDRED = VOCABULARY.ids["hundred"]
RUNS = Table("cross_attention", key=("seed",))


def fit(model: Transformer, data: tuple[Tensor, ...], seed: int) -> None:
    """Train as in the paper: Adam with 100 steps of warm-up and then an inverse square-root decay."""
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, STEPS + 1):
        optimizer.param_groups[0]["lr"] = PEAK * min(step / WARMUP, (WARMUP / step) ** 0.5)
        rows = torch.randint(len(data[0]), (BATCH,), generator=generator)
        optimizer.zero_grad()
        model.loss(*(side[rows] for side in data)).backward()
        optimizer.step()


def trained(seed: int) -> tuple[Transformer, list[int]]:
    """Return a trained model, and the numbers that were held out."""
    drawn = numbers.sample(N_TEST + N_TRAIN, seed=seed)
    test_numbers, train_numbers = drawn[:N_TEST], drawn[N_TEST:]
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(source_vocab_size=len(VOCABULARY), block_size=16))
    fit(model, numbers.pairs(train_numbers), seed)
    return model.eval(), test_numbers


def is_a_reading(words: str) -> bool:
    """Return whether these words are the reading of a number."""
    groups = {numbers.to_words(n) for n in range(1000)}
    head, thousand, rest = words.partition(" thousand")
    if not thousand:
        return head in groups
    return head in groups - {"zero"} and (not rest or rest[1:] in groups - {"zero"})


def places(n: int) -> Iterator[tuple[str, int, int]]:
    """Yield each place of a number where *hundred* can be read: its kind, the position t, and that of its digit."""
    digits, words = numbers.to_digits(n), numbers.to_words(n).split()
    for t, (word, (own, *_)) in enumerate(zip(words, numbers.origins(n), strict=True)):
        if word == "hundred":
            yield "after" if "," in digits[:own] else "before" if "," in digits else "none", t, own
        elif word == "thousand" and digits[1] == ",":
            yield "thousand", t, 0


def changed(source: Tensor, places: list[int]) -> Tensor:
    """Return the sources with one of the digits at these places replaced by another one, from 1 to 9."""
    rows = []
    for place in places:
        others = DIGITS[source[place] != DIGITS]
        copies = source.repeat(len(others), 1)
        copies[:, place] = others
        rows.append(copies)
    return torch.cat(rows)


@contextmanager
def hidden(model: Transformer, t: int, places: list[int]) -> Iterator[None]:
    """Keep the query at position t from attending to the memory vectors at these places, in every block."""

    def hide(_: Module, args: tuple[Tensor, ...], given: dict[str, Tensor]) -> tuple[tuple[Tensor, ...], dict]:
        mask = torch.ones(args[0].shape[1], given["memory"].shape[1], dtype=torch.bool)
        mask[t, places] = False
        return args, given | {"mask": mask}

    with ExitStack() as hooks:
        for block in model.decoder.blocks:
            hooks.callback(block.cross_attention.register_forward_pre_hook(hide, with_kwargs=True).remove)
        yield


@contextmanager
def off(model: Transformer, t: int) -> Iterator[None]:
    """Let the cross-attention of the query at position t add nothing to the stream, in any block."""

    def silence(_module: Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone()
        output[:, t] = 0
        return output

    with ExitStack() as hooks:
        for block in model.decoder.blocks:
            hooks.callback(block.cross_attention.register_forward_hook(silence).remove)
        yield


@torch.no_grad()
def measure(model: Transformer, n: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each place of a number, and what is measured there."""
    pair = numbers.pairs([n])
    maps = attention_maps(model, pair.source, pair.target_in)
    for kind, t, own in places(n):

        def probability(sources: Tensor, t: int = t) -> Tensor:
            return model(sources, pair.target_in.expand(len(sources), -1))[:, t].softmax(dim=-1)[:, HUNDRED]

        p, two = probability(pair.source)[0], [own + 1, own + 2]
        weights = maps["decoder.blocks.1.cross_attention"][0, :, t].mean(dim=0)  # (S,)
        found = {"p": p, "weight": weights[two].sum()}
        if kind != "thousand":
            found["changed"] = p - probability(changed(pair.source[0], [own, *two])).mean()
        with hidden(model, t, two):
            found["hidden"] = probability(pair.source)[0]
        with off(model, t):
            found["off"] = probability(pair.source)[0]
        yield kind, {name: float(value) for name, value in found.items()}


def measured(seed: int) -> list[dict[str, object]]:
    """Train one model, and return a row for each kind of place."""
    model, held_out = trained(seed)
    said = greedy_decode(model, numbers.pairs(held_out).source, **TOKENS).ids
    said = [" ".join(VOCABULARY.decode(row)) for row in said]
    wrong = [words for words, n in zip(said, held_out, strict=True) if words != numbers.to_words(n)]
    scores = {
        "right": round(1 - len(wrong) / len(said), 4),
        "wrong_readings": round(sum(map(is_a_reading, wrong)) / len(wrong), 4) if wrong else "",
    }
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for n in held_out[:N_MEASURED]:
        for kind, values in measure(model, n):
            found[kind].append(values)
    return [
        {**scores, "place": kind, "n": len(values)} | {"changed": ""} | common.means(values)
        for kind, values in sorted(found.items())
    ]


def main() -> None:
    """Run every seed."""
    each(lambda seed: RUNS.rows(measured, seed=seed), seeds(10))


if __name__ == "__main__":
    run(main)
