"""What heads find: subjects that they look for, or need not look for, and searches both ways.

Usage: python benchmarks/c03_heads.py       (about 10 minutes on one core)

The task is the running task, with the models, the batches and the training of `c01_agreement`.

Result `found`: heads trained at a distance of 40 words, at the rate that `c01_agreement` has chosen for them, so these
are the heads of its table. A row for each seed and subject, measured on 2,400 sentences: `weight`, the mean weight that
the last word gives to the subject, `right`, the fraction of right verbs, and `are`, the fraction of plural verbs if
*old* is in the place of the subject.

Result `forms`: heads of which one matrix makes the keys, trained and tested at a distance of 13 words. Arms: the same
matrix makes the queries, so that M is positive semidefinite; or it makes them, and the signs of half of their
components are reversed, so that M is symmetric and indefinite. A row for each seed, the fraction of right verbs.

Held-out seeds, from 100 on, choose the learning rate of each arm of `forms` (the mean score); 0 to 9 are reported.
"""

from collections.abc import Callable

import c01_agreement as running
import torch
from jaxtyping import Float
from table import Table, each, run
from torch import Tensor, nn

from lecture21.course.chapters import results
from lecture21.data.agreement import VOCABULARY, verb_is_plural
from lecture21.training import TrainConfig, minimize

SEEDS = range(10)
WIDTH = 32
FAR, NEAR = 40, 13
FORM_RATES = (3e-3, 1e-2, 3e-2, 1e-1)
SIGNS = {"W_q = W_k": 1.0, "W_q = S W_k": -1.0}


class OneMatrix(running.Head):
    """A head whose queries are its keys, or its keys with half of their signs reversed."""

    def __init__(self, sign: float):
        super().__init__()
        self.signs = torch.cat([torch.ones(WIDTH // 2), torch.full((WIDTH // 2,), sign)])

    def gather(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        k = self.head.key(x)
        return running.attention(k[:, -1:] * self.signs, k, self.head.value(x))


def trained(build: Callable[[int], nn.Module], distance: int, learning_rate: float) -> dict[int, nn.Module]:
    """Train a model for each seed at one distance of the running task, all side by side."""
    all_seeds = (*running.SEEDS, *running.HELD_OUT)
    together, n = running.Together([build(seed) for seed in all_seeds]), len(all_seeds)
    seed = len(str(distance)) + distance  # the batches of c01_agreement
    config = TrainConfig(steps=running.STEPS, learning_rate=learning_rate, schedule="cosine", seed=seed)
    minimize(
        together,
        lambda generator: n * running.TASK.loss(together, [distance], batch=n * running.BATCH, generator=generator),
        config,
    )
    return dict(zip(all_seeds, together.each(), strict=True))


def found(learning_rate: float) -> list[dict[str, object]]:
    """Train the heads of `c01_agreement`, and measure each by subject."""
    words, plural = running.TASK.beginnings(2400, FAR, generator=torch.Generator().manual_seed(3))
    rows = []
    for seed, head in trained(lambda seed: running.build("head", seed), FAR, learning_rate).items():
        with torch.no_grad():
            weights = head.gather(head.vectors[words])[1][:, 0, 1]
            right = (verb_is_plural(head(words)) == plural).float()
            replaced = words.clone()
            replaced[:, 1] = VOCABULARY.ids["old"]
            are = verb_is_plural(head(replaced)).float()
        for number, subject in enumerate(VOCABULARY.tokens[:24]):
            of_subject = words[:, 1] == number
            row = {"weight": weights[of_subject], "right": right[of_subject], "are": are[of_subject]}
            row = {name: round(values.mean().item(), 4) for name, values in row.items()}
            rows += [{"seed": seed, "subject": subject, **row}] if seed in SEEDS else []
    return rows


def forms(arm: str, learning_rate: float) -> list[dict[str, object]]:
    """Train heads with one matrix, and score them."""

    def build(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return OneMatrix(SIGNS[arm])

    models = trained(build, NEAR, learning_rate)
    return [{"seed": seed, "score": round(running.TASK.score(model, NEAR), 4)} for seed, model in models.items()]


FOUND, FORMS = Table("found", key=("learning_rate",)), Table("forms", key=("arm", "learning_rate"))


def main() -> None:
    """Tune every arm, and train it."""
    runs = results.load("agreement")
    chosen = runs[(runs.arm == "head") & (runs.trained.astype(str) == str(FAR)) & runs.chosen]
    FOUND.rows(found, learning_rate=float(chosen.learning_rate.item()))
    each(lambda key: FORMS.rows(forms, arm=key[0], learning_rate=key[1]), [(a, r) for a in SIGNS for r in FORM_RATES])


if __name__ == "__main__":
    run(main)
