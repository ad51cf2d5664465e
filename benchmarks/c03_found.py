"""Which subjects the trained heads of `c03_heads.py` find, and which verbs they get right without.

Usage: python benchmarks/c03_found.py        (20 seconds on one core)

Trains the arm "learned head" of the part `subject` at its chosen learning rate, 0.03, with seeds 0 to 9, and measures
them on 2,400 sentences with 40 words from the subject to the verb. Writes the result `found`, a row for each seed and
subject: `weight`, the mean weight that the last word gives to the subject; `right`, the fraction of right verbs; and
`plural`, the fraction of plural verbs in 600 such sentences whose subject is replaced by "the".
"""

import torch
from c03_heads import HEAD_RATE, SEEDS, TASK, NextWord
from table import Table, each, run

from lecture21.data.agreement import VOCABULARY, verb_is_plural
from lecture21.training import TrainConfig, minimize

RESULT = Table("found", key=("seed",))


def measured(seed: int) -> list[dict[str, object]]:
    """Train one head, and measure it by subject."""
    torch.manual_seed(seed)
    head = NextWord(learned=True)
    config = TrainConfig(steps=500, learning_rate=HEAD_RATE, schedule="cosine", seed=seed, device="cpu")
    minimize(head, lambda generator: TASK.loss(head, [40], generator=generator), config)
    words, plural = TASK.beginnings(2400, 40, generator=torch.Generator().manual_seed(3))
    without, _ = TASK.beginnings(600, 40, generator=torch.Generator().manual_seed(5))
    without[:, 1] = VOCABULARY.ids["the"]
    with torch.no_grad():
        out, weights = head.attend(head.vectors[words])
        right = (verb_is_plural(head.read(out[:, -1])) == plural).float()
        default = verb_is_plural(head(without)).float().mean().item()
    rows = []
    for number, subject in enumerate(VOCABULARY.tokens[:12]):
        of_subject = words[:, 1] == number
        row = {"weight": weights[of_subject, -1, 1], "right": right[of_subject]}
        row = {name: round(values.mean().item(), 4) for name, values in row.items()}
        rows.append({"subject": subject, **row, "plural": round(default, 4)})
    return rows


def main() -> None:
    """Measure ten heads."""
    each(lambda seed: RESULT.rows(measured, seed=seed), SEEDS)


if __name__ == "__main__":
    run(main)
