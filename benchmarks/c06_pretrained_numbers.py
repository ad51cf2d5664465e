"""Train and publish an encoder-decoder that reads numbers aloud, the one that chapter 06 looks into.

Usage: python benchmarks/c06_pretrained_numbers.py        (about 15 s on one core)

Training gives other weights on another processor, so what is said of one model is said of one that ships. It is trained
as those of `c06_cross_attention.py`.

Stores the pretrained model `numbers`, whose tokens are those of `lecture21.data.numbers`.
"""

import common
import torch
from c06_cross_attention import TOKENS, trained

from lecture21.data import numbers
from lecture21.transformer import Transformer, greedy_decode

NAME = "numbers"
SEED = 1  # neither the best nor the worst of the ten


def main() -> None:
    """Train and publish the model."""
    torch.set_num_threads(1)
    model, held_out = trained(SEED)

    def score(model: Transformer) -> float:
        pairs = numbers.pairs(held_out)
        decoded = greedy_decode(model, pairs.source, **TOKENS).ids
        readings = [" ".join(numbers.VOCABULARY.decode(row)) for row in decoded]
        return sum(words == numbers.to_words(n) for words, n in zip(readings, held_out, strict=True)) / len(held_out)

    common.publish(NAME, model, None, score=score, on=f"of {len(held_out)} held-out numbers are read without a mistake")


if __name__ == "__main__":
    main()
