"""Which of several people is the subject? GPTs with and without positions, on the running task with rivals of one kind.

Usage: python benchmarks/c05_positions.py      (about 7 minutes on one core)

GPTs of width 32 with one head, trained for 500 updates of 32 sentences of `Agreement("people")`, whose distances are
1, 4, 7, 10 and 13 words, and scored on 600 sentences of each of DISTANCES. Adam as in `TrainConfig`, with a constant
learning rate. Seeds 0 to 9 are reported; three more, 100 to 102, choose the rate among RATES for each arm, by their
mean score at the distances of the training.

Writes the result `positions`, after every run, and skips the runs that are there: arm, learning_rate, seed, distance
and score.

What did the models with positions learn, so that it fails in longer sentences? The result `positions_attention` has the
attention of the last word, with the longest training distance of 13 words and of 19: the mean weight on the subject,
the word back that has the largest mean weight (peak_back, peak), the weight on the person ALIAS places after the
subject, the score, and the score if the last word may not attend to this person (hidden). After ALIAS places, the hands
of the three fastest clocks of the sinusoids are nearly back (9.07, 5.10 and 2.87 turns).
"""

from collections.abc import Sequence
from itertools import product

import common
import pandas as pd
import torch

from lecture21 import GPT, GPTConfig
from lecture21.data.agreement import VOCABULARY, Agreement, verb_is_plural
from lecture21.layers import attention_maps
from lecture21.training import TrainConfig, minimize

RESULT, ATTENTION = "positions", "positions_attention"
TASK = Agreement(rivals="people")
TRAINED, DISTANCES = (1, 4, 7, 10, 13), (1, 4, 7, 10, 13, 28, 100)
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SEEDS, HELD_OUT = range(10), (100, 101, 102)
LONGEST, PROBED, ALIAS = (13, 19), (13, 28, 61, 100), 57
ARMS = {
    "none": {"position": "none"},
    "sinusoidal": {"position": "sinusoidal"},
    "rotary": {"position": "rotary"},
    "two blocks": {"position": "none", "n_layer": 2},
    "two blocks, no mask": {"position": "none", "n_layer": 2, "causal": False},
}


def train(arm: str, rate: float, seed: int, distances: Sequence[int] = TRAINED) -> GPT:
    """Return a trained model."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": len(VOCABULARY), "block_size": 104, "d_model": 32, "n_head": 1, "n_layer": 1}
    gpt = GPT(GPTConfig(**sizes | ARMS[arm]))
    config = TrainConfig(steps=500, learning_rate=rate, seed=seed)
    minimize(gpt, lambda generator: TASK.loss(gpt, distances, generator=generator), config)
    return gpt


@torch.no_grad()
def attention(gpt: GPT, distance: int) -> dict[str, float]:
    """Return what the last word attends to, and the score without and with the person at ALIAS hidden from it."""
    ids, plural = TASK.beginnings(600, distance, generator=torch.Generator().manual_seed(distance))
    subject, last = 1, ids.shape[1] - 1
    row = attention_maps(gpt, ids)["blocks.0.attention"][:, 0, last].mean(dim=0)  # (T,)
    hidden, alias = torch.ones(last + 1, last + 1, dtype=torch.bool), subject + ALIAS
    found = {"subject": row[subject].item(), "peak_back": last - row.argmax().item(), "peak": row.max().item()}
    found["alias"] = row[alias].item() if alias < last else 0.0
    if alias < last:
        hidden[last, alias] = False

    def score() -> float:
        return (verb_is_plural(gpt(ids)[:, -1]) == plural).float().mean().item()

    found["score"] = score()
    hook = gpt.blocks[0].attention.register_forward_pre_hook(
        lambda _, args, given: (args, given | {"mask": hidden}), with_kwargs=True
    )
    found["hidden"] = score()
    hook.remove()
    return {name: round(value, 5) for name, value in found.items()}


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
        gpt = train(arm, rate, seed)
        scores = {distance: TASK.score(gpt, distance) for distance in DISTANCES}
        rows.extend(where | {"distance": d, "score": round(score, 5)} for d, score in scores.items())
        common.save(RESULT, rows, arguments=False)
        print(arm, rate, seed, *(f"{score:.2f}" for score in scores.values()), flush=True)

    for arm in ARMS:
        for seed in HELD_OUT:
            for rate in RATES:
                run(arm, rate, seed)
        for seed in SEEDS:
            run(arm, best_rate(rows, arm), seed)

    seen = common.stored(ATTENTION)
    for arm, longest, seed in product(("sinusoidal", "rotary"), LONGEST, SEEDS):
        where = {"arm": arm, "longest": longest, "seed": seed}
        if not any(row.items() >= where.items() for row in seen):
            gpt = train(arm, best_rate(rows, arm), seed, range(1, longest + 1, 3))
            seen += [where | {"distance": distance} | attention(gpt, distance) for distance in PROBED]
            common.save(ATTENTION, seen, arguments=False)
            print(seen[-2], flush=True)


if __name__ == "__main__":
    main()
