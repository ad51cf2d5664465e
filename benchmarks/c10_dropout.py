"""When does dropout lower the loss? The modern recipe with and without it, on plentiful and on scarce text.

Usage: python benchmarks/c10_dropout.py        (about 2 minutes on one core)

The arms `modern-gpt0` and `dropout 0.1` of `c10_modern_ablation.py`. On `all` of the training text they have 400
updates, the factors that were tuned there, and seeds 0, 1 and 2, and are scored on the first 19,200 characters of the
validation split. On its first 20,000 characters (`scarce`), dropout has 250 and 500 updates at the recipe's learning
rates and seed 100, and is scored on the first 19,200 characters of the training text's last tenth.

Writes the result `dropout`, in nats per character: the score (`nats`), and, in the first 120,000 characters of the
training text, in windows of 32, the loss of the characters that the batches contained (`read`) and of all others
(`unread`).
"""

import common
import torch
from c10_modern_ablation import BASE, SEARCH_SEED, SEEDS, fit
from table import Table, run

from lecture21 import GPT
from lecture21.objectives import token_log_probabilities
from lecture21.training import evaluate

SCARCE, TESTED = 20_000, 120_000
RESULT = Table("dropout", key=("text", "arm", "steps", "factor", "seed"))
TUNED = {"modern-gpt0": 2.0, "dropout 0.1": 4.0}  # of the result modern_ablation
WINDOW, BATCH, SCORED = 32, BASE.batch_size, 19_201


@torch.no_grad()
def read_and_unread(model: GPT, tokens: torch.Tensor, seen: torch.Tensor) -> list[float]:
    """Return the mean loss of the characters that training has seen, and of the others, in whole windows."""
    ids, targets = (tokens[i : i + TESTED].view(-1, WINDOW) for i in (0, 1))
    parts = zip(ids.split(128), targets.split(128), strict=True)
    losses = -torch.cat([token_log_probabilities(model(x), y) for x, y in parts]).flatten()
    seen = torch.cat([seen, seen.new_zeros(max(TESTED + 1 - len(seen), 0))])[1 : TESTED + 1]
    return [round(losses[seen].mean().item(), 5), round(losses[~seen].mean().item(), 5)]


def measure(text: str, arm: str, steps: int, factor: float, seed: int) -> dict[str, float]:
    """Train one model on a text, and return its losses."""
    tokenizer, tokens, val = common.encoded_plays()
    tenth = len(tokens) // 10
    read_text, held_out = (tokens, val) if text == "all" else (tokens[:SCARCE], tokens[-tenth:])
    model, _ = fit(arm, factor, seed, read_text, tokenizer.vocab_size, steps=steps, eval_every=steps)
    seen = common.seen_by(seed, len(read_text), steps, WINDOW, BATCH)
    read, unread = read_and_unread(model.eval(), tokens, seen)
    return {"nats": round(evaluate(model, held_out[:SCORED]), 5), "read": read, "unread": unread}


def main() -> None:
    """Run both arms on all of the text, and dropout on the scarce one."""
    for seed in SEEDS:
        for arm, factor in TUNED.items():
            RESULT.row(measure, text="all", arm=arm, steps=BASE.steps, factor=factor, seed=seed)
    for steps in (250, 500):
        RESULT.row(measure, text="scarce", arm="dropout 0.1", steps=steps, factor=1.0, seed=SEARCH_SEED)


if __name__ == "__main__":
    run(main)
