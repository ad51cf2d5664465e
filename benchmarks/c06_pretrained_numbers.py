"""Train and publish an encoder-decoder that reads numbers aloud, the one that chapter 06 looks into.

Usage: python benchmarks/c06_pretrained_numbers.py        (about 15 s on one core)

Training gives other weights on another processor, so what is said of one model is said of one that ships. It is trained
as those of `c06_cross_attention.py`, with the most typical of its ten seeds: what the
two tables measure for this seed is nearest to the means over all ten, in standard deviations (`typical_seed`).

Stores the pretrained model `numbers`, whose tokens are those of `lecture21.data.numbers`.
"""

import common
import pandas as pd
import torch
from c06_cross_attention import trained
from c06_transformer_numbers import TOKENS

from lecture21.course.chapters import results
from lecture21.data import numbers
from lecture21.transformer import Transformer, greedy_decode

NAME = "numbers"
MEASURED = ["own_2", "right_2", "cut", "blocked"]  # of cross_attention, for each place of *hundred*


def typical_seed() -> int:
    """Return the seed whose score, attention and probabilities are nearest to the means over all seeds."""
    attention = results.load("cross_attention")
    measured = pd.concat(
        [
            attention.groupby("seed")[["right"]].first(),
            attention.pivot_table(index="seed", columns="comma", values=MEASURED),
            results.load("default_word").pivot_table(index="seed", columns="place", values=["blocked", "off"]),
        ],
        axis=1,
    )
    return int((((measured - measured.mean()) / measured.std()) ** 2).sum(axis=1).idxmin())


def main() -> None:
    """Train and publish the model."""
    torch.set_num_threads(1)
    model, held_out = trained(typical_seed())

    def score(model: Transformer) -> float:
        pairs = numbers.pairs(held_out)
        decoded = greedy_decode(model, pairs.source, **TOKENS).ids
        readings = [" ".join(numbers.VOCABULARY.decode(row)) for row in decoded]
        return sum(words == numbers.to_words(n) for words, n in zip(readings, held_out, strict=True)) / len(held_out)

    common.publish(NAME, model, None, score=score, on=f"of {len(held_out)} held-out numbers are read without a mistake")


if __name__ == "__main__":
    main()
