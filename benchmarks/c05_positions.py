"""Which of several people is the subject? GPTs with and without positions, on the running task with rivals of one kind.

Usage: python benchmarks/c05_positions.py      (about 7 minutes on one core)

GPTs of width 32 with one head, trained for 500 updates of 32 sentences of `Agreement("people")`, whose distances are
1, 4, 7, 10 and 13 words, and scored on 600 sentences of each of DISTANCES. Adam as in `TrainConfig`, with a constant
learning rate. Seeds 0 to 9 are reported; three more, 100 to 102, choose the rate among RATES for each arm, by their
mean score at the distances of the training.

Writes the result `positions`, after every run, and skips the runs that are there: arm, learning_rate, seed, distance
and score.
"""

import common
import pandas as pd
import torch

from lecture21 import GPT, GPTConfig
from lecture21.data.agreement import VOCABULARY, Agreement
from lecture21.training import TrainConfig, minimize

RESULT = "positions"
TASK = Agreement(rivals="people")
TRAINED, DISTANCES = (1, 4, 7, 10, 13), (1, 4, 7, 10, 13, 28, 100)
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SEEDS, HELD_OUT = range(10), (100, 101, 102)
ARMS = {
    "none": {"position": "none"},
    "sinusoidal": {"position": "sinusoidal"},
    "rotary": {"position": "rotary"},
    "two blocks": {"position": "none", "n_layer": 2},
    "two blocks, no mask": {"position": "none", "n_layer": 2, "causal": False},
}


def train(arm: str, rate: float, seed: int) -> dict[int, float]:
    """Return the score of a trained model at each distance."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": len(VOCABULARY), "block_size": 104, "d_model": 32, "n_head": 1, "n_layer": 1}
    gpt = GPT(GPTConfig(**sizes | ARMS[arm]))
    config = TrainConfig(steps=500, learning_rate=rate, seed=seed)
    minimize(gpt, lambda generator: TASK.loss(gpt, TRAINED, generator=generator), config)
    return {distance: TASK.score(gpt, distance) for distance in DISTANCES}


def best_rate(rows: list[dict[str, object]], arm: str) -> float:
    """Return the rate with the highest mean score of the held-out seeds at the distances of the training."""
    table = pd.DataFrame(rows)
    held_out = table[(table.arm == arm) & table.seed.isin(HELD_OUT) & table.distance.isin(TRAINED)]
    return float(held_out.groupby("learning_rate").score.mean().idxmax())


def main() -> None:
    """Choose the rate of every arm, and train it with the other seeds."""
    torch.set_num_threads(1)
    rows = common.stored(RESULT)

    def run(arm: str, rate: float, seed: int) -> None:
        where = {"arm": arm, "learning_rate": rate, "seed": seed}
        if any(row.items() >= where.items() for row in rows):
            return
        scores = train(arm, rate, seed)
        rows.extend(where | {"distance": d, "score": round(score, 5)} for d, score in scores.items())
        common.save(RESULT, rows, arguments=False)
        print(arm, rate, seed, *(f"{score:.2f}" for score in scores.values()), flush=True)

    for arm in ARMS:
        for seed in HELD_OUT:
            for rate in RATES:
                run(arm, rate, seed)
        for seed in SEEDS:
            run(arm, best_rate(rows, arm), seed)


if __name__ == "__main__":
    main()
