"""Why does basic self-attention do worse than a bag of words at 22 words? (chapter 02)

Usage: python benchmarks/c02_fixed_weights.py        (about two minutes on one core)

Trains models as `c01_agreement.py` does, at 22 words and with the rate that it chose for basic self-attention:
    basic, bag: two arms of that script, with its 500 updates and with 2,000.
    fixed: basic self-attention whose attention weights stay as they are before training, while the averaged vectors and
        the linear layer learn.

Writes the result `fixed_weights`, a row for each arm, number of updates and seed: `score` is the share of 600 sentences
in which the verb gets the right number.
"""

import c01_agreement as task
import torch
from jaxtyping import Float, Int
from table import Table, run
from torch import Tensor, nn

from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

DISTANCE = 22
TABLE = Table("fixed_weights", key=("arm", "steps"))


class Fixed(task.Basic):
    """Basic self-attention whose weights come from the untrained word vectors."""

    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(self.vectors.detach().clone())  # a parameter, since `Together` passes no buffers

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        _, weights = self.gather(self.start.detach()[ids])
        return self.output((weights @ self.vectors[ids])[:, 0])


ARMS = {"basic": task.Basic, "bag": task.Bag, "fixed": Fixed}


def measure(arm: str, steps: int) -> list[dict[str, object]]:
    """Train the models of one arm, and return a row for each seed."""
    (chosen,) = task.RUNS.select(arm="basic", trained=str(DISTANCE), steps=task.STEPS, chosen=True)
    models, n = [], len(task.SEEDS)
    for seed in task.SEEDS:
        torch.manual_seed(seed)
        models.append(ARMS[arm]())
    together = task.Together(models)
    config = TrainConfig(steps=steps, learning_rate=chosen["learning_rate"], schedule="cosine", seed=DISTANCE)
    minimize(
        together,
        lambda generator: n * task.TASK.loss(together, [DISTANCE], batch=n * task.BATCH, generator=generator),
        config,
    )
    scores = [task.TASK.score(model, DISTANCE) for model in together.each()]
    return [{"seed": seed, "score": round(score, 5)} for seed, score in zip(task.SEEDS, scores, strict=True)]


def main() -> None:
    """Train all arms."""
    for arm, steps in (("basic", 500), ("fixed", 500), ("bag", 500), ("basic", 2000), ("bag", 2000)):
        TABLE.rows(measure, arm=arm, steps=steps)


if __name__ == "__main__":
    run(main)
