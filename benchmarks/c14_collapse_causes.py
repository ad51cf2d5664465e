"""Details of `router_collapse`: what the bias does in each batch, and what the balance loss does at other weights.

Question: does a selection bias balance each batch, or only their mean? How large must the weight of the balance loss
be? And which loss has a dense model of an expert's width at the two rates?

Design: models, recipe, batches and seeds of `c14_router_collapse`, at its tuned rate of the sparse models (0.01) and at
the rate at which the router collapses (0.06); only the weight of the balance loss (`aux`) has further values.

Usage: python benchmarks/c14_collapse_causes.py [SEED ...]     (0 1 2 if none is named; about 3 minutes on one core)

Writes the result `collapse_causes`:
    nats per character on the validation split; for sparse layers also the load of the busiest expert: busiest, on the
    validation split; batch, in each of the last ten training batches, averaged; ten, in these ten batches together.
The arms in PLAIN are in `router_collapse` as well, from runs with another processor's arithmetic, and so with other
numbers: these are three more runs of each, and only what is measured nowhere else is read from them.
"""

from itertools import product

import c14_router_collapse as collapse
import common
import torch
from table import Table, each, run, seeds

from lecture21.moe import statistics_of
from lecture21.training import evaluate

RATES = (0.01, collapse.HIGH)
STRENGTHS = (0.001, 0.1)  # 0.01 is in `router_collapse`
PLAIN = ("bias 0.01", "dense, width 64", "dense, width 64, warm-up")
RUNS = Table("collapse_causes", ("setting", "learning_rate", "seed"))


def measured(setting: str, learning_rate: float, seed: int) -> dict[str, object]:
    """Train one setting and return its row."""
    _, tokens, val = common.encoded_plays()
    if setting not in collapse.SETTINGS:
        collapse.SETTINGS[setting] = collapse.sparse(balance="aux", aux_weight=float(setting.removeprefix("aux ")))
    model, watch = collapse.trained(setting, learning_rate, seed, tokens)
    windows = val[: len(val) // model.block_size * model.block_size].view(-1, model.block_size)
    row = {"nats": round(evaluate(model, val), 5)}
    if watch.routers:
        for n, statistics in enumerate(statistics_of(model, windows), start=1):
            row[f"busiest_{n}"] = round(statistics.load.max().item(), 4)
        for n, loads in enumerate(watch.loads.values(), start=1):
            last = torch.stack(loads[-10:])
            row[f"batch_{n}"] = round(last.amax(1).mean().item(), 4)
            row[f"ten_{n}"] = round(last.mean(0).max().item(), 4)
    return row


def main() -> None:
    """Make every run."""
    settings = (*PLAIN, *(f"aux {strength:g}" for strength in STRENGTHS))
    each(
        lambda key: RUNS.row(measured, **dict(zip(RUNS.key, key, strict=True))),
        product(settings, reversed(RATES), seeds(3)),
    )


if __name__ == "__main__":
    run(main)
