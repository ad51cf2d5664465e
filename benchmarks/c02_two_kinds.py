"""Can the last word find a person among things and a thing among people, with one vector for each word? (chapter 02)

Usage: python benchmarks/c02_two_kinds.py        (about a minute on one core)

Trains the models of two arms of `c01_agreement.py` again, at 13 words and with the rates that it chose: `basic`, basic
self-attention on learned word vectors, and `head`, with learned queries, keys and values.

Writes the result `two_kinds`, a row for each arm and seed: `score` is the share of 600 sentences in which the verb gets
the right number. `person` and `thing` are the mean attention weights that the last word gives to the subject, over
those of 3,000 new sentences whose subject is a person, or a thing.
"""

import c01_agreement as task
import torch
from table import Table, run
from torch import nn

from lecture21.data.agreement import VOCABULARY
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

DISTANCE, N_SENTENCE = 13, 3000
ARMS = ("basic", "head")
TABLE = Table("two_kinds", key=("arm",))


def weights_of_subject(model: nn.Module) -> dict[str, float]:
    """Return the mean weight that the last word gives to subjects of either kind."""
    generator = torch.Generator().manual_seed(1)
    words, _ = task.TASK.beginnings(N_SENTENCE, DISTANCE, generator=generator)
    with torch.no_grad():
        _, weights = model.gather(model.vectors[words])  # (B, 1, T)
    found, is_person = weights[:, 0, 1], words[:, 1] < VOCABULARY.ids["window"]
    return {
        "person": round(found[is_person].mean().item(), 4),
        "thing": round(found[~is_person].mean().item(), 4),
    }


def measure(arm: str) -> list[dict[str, object]]:
    """Train the models of one arm, and return a row for each seed."""
    (chosen,) = task.RUNS.select(arm=arm, trained=str(DISTANCE), steps=task.STEPS, chosen=True)
    models = [task.build(arm, seed) for seed in (*task.SEEDS, *task.HELD_OUT)]  # draws depend on how many there are
    together, n, seed = task.Together(models), len(models), len(str(DISTANCE)) + DISTANCE
    config = TrainConfig(steps=task.STEPS, learning_rate=chosen["learning_rate"], schedule="cosine", seed=seed)
    minimize(
        together,
        lambda generator: n * task.TASK.loss(together, [DISTANCE], batch=n * task.BATCH, generator=generator),
        config,
    )
    return [
        {"seed": seed, "score": round(task.TASK.score(model, DISTANCE), 5), **weights_of_subject(model)}
        for seed, model in zip(task.SEEDS, together.each()[: len(task.SEEDS)], strict=True)
    ]


def main() -> None:
    """Train both arms."""
    for arm in ARMS:
        TABLE.rows(measure, arm=arm)


if __name__ == "__main__":
    run(main)
