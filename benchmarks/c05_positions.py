"""Which noun does the verb agree with, if every noun is a person: with and without positions, one block and two.

Usage: python benchmarks/c05_positions.py [SEED ...]        (0 to 9 if none is named; about 5 minutes on one core)

GPTs of width 32 with one head are trained for 500 updates of 32 sentences by Adam on the verb of sentences in which the
subject is 1, 4, ..., 13 words away from it, and scored on 600 sentences of each distance in SCORED. The learning rate
is constant. It is tuned for every arm with seed 100 by the mean score, on rates that differ by a factor of 2, with a
worse one on both sides.

Writes, after every run, and skips the runs that are there already:
    positions: part (search, run), arm, n_layer, learning_rate, seed, distance, score.
"""

import common
import torch

from lecture21 import GPT, GPTConfig
from lecture21.data.agreement import DISTANCES, VOCABULARY, Agreement
from lecture21.training import TrainConfig, minimize

TRAINED, SCORED = DISTANCES[:5], (1, 4, 7, 10, 13, 28, 49, 100)
ARMS = (("none", 1), ("sinusoidal", 1), ("none", 2), ("learned", 1), ("rotary", 1))
FIRST, SEARCH_SEED = (5e-3, 1e-2, 2e-2), 100


def scores(position: str, n_layer: int, rate: float, seed: int) -> list[float]:
    """Train a model and return its score at each distance in SCORED."""
    task = Agreement("people")
    torch.manual_seed(seed)
    size = {"vocab_size": len(VOCABULARY), "block_size": DISTANCES[-1] + 3, "d_model": 32, "n_head": 1}
    model = GPT(GPTConfig(**size, n_layer=n_layer, position=position))
    config = TrainConfig(steps=500, learning_rate=rate, seed=seed)
    minimize(model, lambda generator: task.loss(model, TRAINED, generator=generator), config)
    return [task.score(model, distance) for distance in SCORED]


def main() -> None:
    """Tune and run every arm."""
    seeds = common.start(10)
    rows = common.stored("positions")

    def run(part: str, position: str, n_layer: int, rate: float, seed: int) -> float:
        """Train unless the run is stored, and return the mean error."""
        key = {"part": part, "arm": position, "n_layer": n_layer, "learning_rate": rate, "seed": seed}
        found = [row["score"] for row in rows if all(row[name] == value for name, value in key.items())]
        if not found:
            found = scores(position, n_layer, rate, seed)
            rows.extend(key | {"distance": d, "score": round(s, 4)} for d, s in zip(SCORED, found, strict=True))
            common.save("positions", rows, arguments=False)
            print(*key.values(), *(f"{score:.2f}" for score in found), flush=True)
        return 1 - sum(found) / len(found)

    for position, n_layer in ARMS:

        def error(rate: float, position: str = position, n_layer: int = n_layer) -> float:
            return run("search", position, n_layer, rate, SEARCH_SEED)

        best = next(iter(common.tune(error, FIRST)))
        for seed in seeds:
            run("run", position, n_layer, best, seed)


if __name__ == "__main__":
    main()
