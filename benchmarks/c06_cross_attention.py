"""Train an encoder-decoder to read numbers aloud, and measure what the word *hundred* looks at and what it depends on.

Usage: python benchmarks/c06_cross_attention.py [SEED ...]    (0 to 9 if none is named; 40 s each on one core)

Writes the result `cross_attention`. A model is trained on 1,000 numbers of all lengths up to six digits, as in the
chapter. Each row is one seed and one place of *hundred*, before or after the comma, or in a number without one: the
means over its occurrences in held-out numbers

- of its probability, given the right words so far (p),
- of its cross-attention in the second block, mean of four heads, on its own digit (own_2) and on the two symbols after
  it (right_2),
- of how much its probability falls if the digit is replaced by another one, or one of the two after it,
- of its probability if the two are removed from the number (cut),
- and, with the number as it is, if only this query may not attend to the memory vectors of the two (blocked).

And the result `default_word`: is *hundred* what the decoder says after a digit unless its attention finds a reason
against it? A row is one of these models and one kind of place in held-out numbers: those of *hundred*, and the
*thousand* after the first word of a number like 2,456, where *hundred* is wrong. It has the means of the probability of
*hundred* as the model is (p), if this query may not attend to the two memory vectors after the digit that was read last
(blocked), and if its cross-attention adds nothing to the stream (off).

`right` is the fraction of held-out numbers that are read without a mistake, `wrong_readings` the fraction of the
mistakes that are the right reading of another number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache

import common
import torch
from c06_transformer_numbers import N_TEST, TOKENS, fit
from table import Table, each, run, seeds
from torch import Tensor
from torch.nn import Module

from lecture21.data import numbers
from lecture21.layers import attention_maps
from lecture21.transformer import Transformer, TransformerConfig, greedy_decode

N_TRAIN, N_MEASURED = 1000, 100
VOCABULARY = numbers.VOCABULARY
DIGITS = torch.tensor(VOCABULARY.encode("123456789"))  # with 0 as its digit, hundred is wrong: see the chapter's 58,002
RUNS = Table("cross_attention", key=("seed", "trained_on"))
DEFAULT = Table("default_word", key=("seed",))
HUNDRED = VOCABULARY.ids["hundred"]


def is_a_reading(words: str) -> bool:
    """Return whether these words are the reading of a number."""
    groups = {numbers.to_words(n) for n in range(1000)}
    head, thousand, rest = words.partition(" thousand")
    if not thousand:
        return head in groups
    return head in groups - {"zero"} and (not rest or rest[1:] in groups - {"zero"})


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
def blocked(model: Transformer, t: int, places: list[int]) -> Iterator[None]:
    """Keep the query at position t from attending to the memory vectors at these places, in every block."""

    def block(_: Module, args: tuple[Tensor, ...], given: dict[str, Tensor]) -> tuple[tuple[Tensor, ...], dict]:
        mask = torch.ones(args[0].shape[1], given["memory"].shape[1], dtype=torch.bool)
        mask[t, places] = False
        return args, given | {"mask": mask}

    with ExitStack() as hooks:
        for each in model.decoder.blocks:
            hooks.callback(each.cross_attention.register_forward_pre_hook(block, with_kwargs=True).remove)
        yield


@torch.no_grad()
def measure(model: Transformer, n: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield, for each *hundred* of a number, its place and what is measured."""
    pair = numbers.pairs([n])
    maps = attention_maps(model, pair.source, pair.target_in)
    for kind, t, own in places(n):
        if kind == "thousand":
            continue

        def probability(sources: Tensor, t: int = t) -> Tensor:
            logits = model(sources, pair.target_in.expand(len(sources), -1))[:, t]
            return logits.softmax(dim=-1)[:, pair.target_out[0, t]]

        p, right = probability(pair.source)[0], [own + 1, own + 2]
        weights = maps["decoder.blocks.1.cross_attention"][0, :, t].mean(dim=0)  # (S,)
        found = {"p": p, "own_2": weights[own], "right_2": weights[right].sum()}
        for name, digits in (("own", [own]), ("right", right)):
            found[f"change_{name}"] = p - probability(changed(pair.source[0], digits)).mean()
        kept = [place for place in range(pair.source.shape[1]) if place not in right]
        found["cut"] = probability(pair.source[:, kept])[0]
        with blocked(model, t, right):
            found["blocked"] = probability(pair.source)[0]
        yield kind, {name: float(value) for name, value in found.items()}


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
def probabilities(model: Transformer, n: int) -> Iterator[tuple[str, dict[str, float]]]:
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


@cache
def trained(seed: int) -> tuple[Transformer, list[int]]:
    """Return a trained model, and the numbers that were held out."""
    drawn = numbers.sample(N_TEST + N_TRAIN, seed=seed)
    test_numbers, train_numbers = drawn[:N_TEST], drawn[N_TEST:]
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(source_vocab_size=len(VOCABULARY), block_size=16))
    fit(model, numbers.pairs(train_numbers), seed)
    return model.eval(), test_numbers


def measured(seed: int, trained_on: str) -> list[dict[str, object]]:
    """Train one model, and return a row for each place of *hundred*."""
    model, test_numbers = trained(seed)
    said = greedy_decode(model, numbers.pairs(test_numbers).source, **TOKENS).ids
    said = [" ".join(VOCABULARY.decode(row)) for row in said]
    wrong = [words for words, n in zip(said, test_numbers, strict=True) if words != numbers.to_words(n)]
    scores = {
        "right": round(1 - len(wrong) / len(said), 4),
        "wrong_readings": round(sum(map(is_a_reading, wrong)) / len(wrong), 4) if wrong else "",
    }
    return [{**scores, "comma": place} | row for place, row in by_place(measure, model, test_numbers)]


def by_place(
    measure: Callable[[Transformer, int], Iterator[tuple[str, dict[str, float]]]],
    model: Transformer,
    held_out: list[int],
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each place with the number of its occurrences and the means of what is measured there."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for n in held_out[:N_MEASURED]:
        for place, values in measure(model, n):
            found[place].append(values)
    for place, values in sorted(found.items()):
        yield place, {"n": len(values)} | common.means(values)


def default_word(seed: int) -> list[dict[str, object]]:
    """Train a model, and return a row for each kind of place."""
    return [{"place": kind} | row for kind, row in by_place(probabilities, *trained(seed))]


def main() -> None:
    """Run every seed."""
    each(lambda seed: RUNS.rows(measured, seed=seed, trained_on="1 to 6 digits"), seeds(10))
    each(lambda seed: DEFAULT.rows(default_word, seed=seed), seeds(10))


if __name__ == "__main__":
    run(main)
