"""Does it matter whether the experts share one softmax or are scored one by one, with sigmoids?

Usage: python benchmarks/c14_sigmoid_gates.py [SEED ...]   (0 1 2 if none is named; about 4 minutes on one core)

The sparse model of `c14_sparse_against_dense` at 500 steps (256 thousand characters), with its recipe, batches and
seeds: 8 experts of width 128, of which a character uses 2. Its gates are a softmax over the experts, or sigmoids as in
DeepSeek-V3; both are divided by their sum over the two selected experts. A selection bias balances the load. The runs
with a softmax and the bias step 0.01 are those of that script, so its table comes first.

Two numbers are tuned for each gate, with seed 100 on the last tenth of the training text, each until it is worse on
both sides: the factor on the learning rates of the recipe, from 2, with the step of the selection bias in `FIRST`;
then that step, by factors of 4. The first steps are 8 % of what a gate is at the beginning, 1/8 or 1/2.

Writes the result `sigmoid_gates`, with the columns of `sparse_against_dense`.
"""

from functools import partial

import c14_sparse_against_dense as sweep
import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, presets

STEPS = 500
FIRST = {"softmax": 0.01, "sigmoid": 0.04}
RUNS = Table("sigmoid_gates", key=("part", "gates", "bias_rate", "factor", "seed", "steps"))


def built(gates: str, bias_rate: float, seed: int) -> GPT:
    """Return a model with the weights of a seed, which do not depend on the gates."""
    moe = {"n_expert": 8, "top_k": 2, "gates": gates, "balance": "bias", "bias_rate": bias_rate}
    torch.manual_seed(seed)
    return GPT(presets.get(sweep.PRESET, n_layer=2, d_ff=128, moe=moe))


def measure(part: str, gates: str, bias_rate: float, factor: float, seed: int, steps: int) -> dict[str, object]:
    """Train a model, and return what is measured; that of `c14_sparse_against_dense` is not trained again."""
    if (gates, bias_rate) == ("softmax", FIRST["softmax"]):
        for row in sweep.RUNS.select(part=part, model="sparse", seed=seed, steps=steps, factor=factor):
            return {name: value for name, value in row.items() if name not in sweep.KEY}
    return sweep.trained(built(gates, bias_rate, seed), seed, steps, factor, *common.texts(part))


def compare(gates: str) -> None:
    """Tune the learning rates and then the step of the bias for one kind of gates, and run it with every seed."""
    tune = partial(RUNS.tune, measure, by="nats", seeds=(sweep.SEARCH_SEED,), reported=seeds(3), part="search")
    factor = tune("factor", (2.0,), sweep.FACTORS, gates=gates, steps=STEPS, bias_rate=FIRST[gates])
    bias_rate = tune("bias_rate", (FIRST[gates],), 4.0, gates=gates, steps=STEPS, factor=factor)
    for step in {bias_rate, FIRST["softmax"]} if gates == "softmax" else {bias_rate}:
        for seed in seeds(3):
            RUNS.row(measure, part="run", gates=gates, bias_rate=step, factor=factor, seed=seed, steps=STEPS)


def main() -> None:
    """Compare both kinds of gates."""
    each(compare, FIRST)


if __name__ == "__main__":
    run(main)
