"""Which of several people is the subject? GPTs with and without positions, on the running task with rivals of one kind.

Usage: python benchmarks/c05_positions.py      (about 7 minutes on one core)

GPTs of width 32 with one head, trained for 500 updates of 32 sentences of `Agreement("people")`, whose distances are
1, 4, 7, 10 and 13 words, and scored on 600 sentences of each of DISTANCES. Adam as in `TrainConfig`, with a constant
learning rate. The bag of words has vectors of the same width. Seeds 0 to 9 are reported; three more, 100 to 102, choose
the rate for each arm, by their mean score at the distances of the training: among FIRST, and beyond while the best one
is at an end. See the result `positions`.

What did the models with positions learn, so that it fails in longer sentences? The result `positions_attention` has the
attention of the last word, with the longest training distance of 13 words and of 19: the mean weight on the subject,
the word back that has the largest mean weight (peak_back), the score, and the score if the last word may not attend to
the person ALIAS places after the subject (hidden). After ALIAS places, the hands of the three fastest clocks of the
sinusoids are nearly back (9.07, 5.10 and 2.87 turns).
"""

from collections.abc import Sequence
from itertools import product

import torch
from table import Table, each, run
from torch import Tensor, nn

from lecture21 import GPT, GPTConfig
from lecture21.data.agreement import VOCABULARY, Agreement, verb_is_plural
from lecture21.layers import attention_maps
from lecture21.training import TrainConfig, minimize

TASK = Agreement(rivals="people")
TRAINED, DISTANCES = (1, 4, 7, 10, 13), (1, 4, 7, 10, 13, 28, 100)
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
FIRST = RATES[:5]
SEEDS, HELD_OUT = range(10), (100, 101, 102)
LONGEST, PROBED, ALIAS = (13, 19), (13, 28, 61, 100), 57
ARMS = {
    "none": {"position": "none"},
    "sinusoidal": {"position": "sinusoidal"},
    "rotary": {"position": "rotary"},
    "two blocks": {"position": "none", "n_layer": 2},
    "two blocks, no mask": {"position": "none", "n_layer": 2, "causal": False},
    "bag of words": {},
}

RUNS = Table("positions", key=("arm", "learning_rate", "seed"))
ATTENTION = Table("positions_attention", key=("arm", "longest", "seed"))


class Bag(nn.Module):
    """The mean of the word vectors so far, and a linear layer: it does not attend."""

    def __init__(self, vocab_size: int, d_model: int):
        super().__init__()
        self.token, self.head = nn.Embedding(vocab_size, d_model), nn.Linear(d_model, vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits of shape (B, T, V)."""
        count = torch.arange(1, ids.shape[1] + 1)[:, None]
        return self.head(self.token(ids).cumsum(dim=1) / count)


def train(arm: str, rate: float, seed: int, distances: Sequence[int] = TRAINED) -> GPT | Bag:
    """Return a trained model."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": len(VOCABULARY), "block_size": 104, "d_model": 32, "n_head": 1, "n_layer": 1}
    gpt = Bag(len(VOCABULARY), 32) if arm == "bag of words" else GPT(GPTConfig(**sizes | ARMS[arm]))
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
    found = {"subject": row[subject].item(), "peak_back": last - row.argmax().item()}
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


def measure(arm: str, learning_rate: float, seed: int) -> list[dict[str, float]]:
    """Train a model, and score it at every distance."""
    gpt = train(arm, learning_rate, seed)
    return [{"distance": distance, "score": round(TASK.score(gpt, distance), 5)} for distance in DISTANCES]


def look(arm: str, longest: int, seed: int) -> list[dict[str, float]]:
    """Train a model on distances up to the longest, and return what its last word attends to."""
    gpt = train(arm, best_rate(arm), seed, range(1, longest + 1, 3))
    return [{"distance": distance} | attention(gpt, distance) for distance in PROBED]


def error(rows: list[dict[str, float]]) -> float:
    """Return minus the mean score at the distances of the training."""
    return -sum(row["score"] for row in rows if row["distance"] in TRAINED) / len(TRAINED)


def best_rate(arm: str) -> float:
    """Return the rate with the highest mean score of the held-out seeds at the distances of the training."""
    return RUNS.tune(measure, "learning_rate", FIRST, RATES, by=error, seeds=HELD_OUT, reported=SEEDS, arm=arm)


def compare(arm: str) -> None:
    """Choose the rate of an arm, and train it with the other seeds."""
    for seed in SEEDS:
        RUNS.rows(measure, arm=arm, learning_rate=best_rate(arm), seed=seed)


def main() -> None:
    """Compare all arms, and look at those with positions."""
    each(compare, ARMS)
    each(
        lambda key: ATTENTION.rows(look, **dict(zip(ATTENTION.key, key, strict=True))),
        product(("sinusoidal", "rotary"), LONGEST, SEEDS),
    )


if __name__ == "__main__":
    run(main)
