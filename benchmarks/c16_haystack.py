"""Train small GPTs to retrieve a fact from 64 symbols, and test them on up to 512 symbols, at every distance.

Usage: python benchmarks/c16_haystack.py [SEED ...]    (0 to 8 if none is named; about 75 seconds each on one core)

Two layers, width 64, four heads, rotary positions or none; 700 updates of 32 texts by Adam with learning rate 0.003, a
warm-up, a cosine decay to 0 and gradient clipping. Steps and rate were chosen in four trials with one seed, so that
models with either kind of positions learn the task. Then the block size becomes 512 and, without further training, the
attention window 64, or rotary positions are interpolated by a factor of 8.

Writes the result `haystack`: by distance of the needle, the fraction of 100 texts with the correct answer. Every seed
and distance has its own texts; all changes of a model are tested on the same ones. Random guessing gives 1/6.
"""

from itertools import product

import torch
from table import Table, each, run, seeds

from lecture21 import GPT, GPTConfig
from lecture21.data.retrieval import Haystack
from lecture21.training import TrainConfig, minimize

TASK = Haystack()
TRAINED, LONG = 64, 512
NEAR, FAR = (1, 32, 63), (1, 32, 63, 96, 128, 192, 256, 384, 511)
CHANGES = {
    "rotary": {
        "as trained": {},
        "window 64": {"window": TRAINED},
        "interpolation 8": {"rotary_scaling": "interpolation", "rotary_factor": 8.0},
    },
    "none": {"as trained": {}},
}


def trained(kind: str, seed: int) -> GPT:
    """Train one kind of positions on texts of 64 symbols."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab_size=TASK.vocab_size, block_size=TRAINED, n_layer=2, d_model=64, position=kind))
    config = TrainConfig(steps=700, learning_rate=3e-3, warmup=50, schedule="cosine", clip=1.0, seed=seed)
    minimize(model, TASK.loss_function(model, TRAINED), config)
    return model.eval()


RESULT = Table("haystack", key=("position", "seed"))


def measure(position: str, seed: int) -> list[dict[str, object]]:
    """Train one kind of positions, and test it as it is and with every change."""
    model = trained(position, seed)
    tests = [("as trained", model, TRAINED, NEAR)]
    tests += [(name, model.extend_context(LONG, **change), LONG, FAR) for name, change in CHANGES[position].items()]
    return [
        {
            "change": name,
            "length": length,
            "distance": distance,
            "right": round(TASK.score(reader, length, distance, n_text=100, seed=1000 * seed + distance), 4),
        }
        for name, reader, length, distances in tests
        for distance in distances
    ]


def main() -> None:
    """Run every kind of positions with every seed."""
    each(lambda key: RESULT.rows(measure, seed=key[0], position=key[1]), product(seeds(9), CHANGES))


if __name__ == "__main__":
    run(main)
