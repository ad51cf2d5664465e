"""Does it matter whether the experts share one softmax or are scored one by one, with sigmoids?

Usage: python benchmarks/c14_sigmoid_gates.py [SEED ...]   (0 1 2 if none is named; about 4 minutes on one core)

The sparse model of `c14_sparse_against_dense` at 500 steps (256 thousand characters), with its recipe, batches and
seeds: 8 experts of width 128, of which a character uses 2. Its gates are a softmax over the experts, or sigmoids as in
DeepSeek-V3; both are divided by their sum over the two selected experts. A selection bias balances the load. The runs
with a softmax and the bias step 0.01 are those of that script, so its table comes first.

Two numbers are tuned for each gate, with seed 100 on the last tenth of the training text, each until it is worse on
both sides: the factor on the learning rates of the recipe, from 2, with the step of the selection bias in `FIRST`;
then that step, by factors of 4. The first steps are 8 % of what a gate is at the beginning, 1/8 or 1/2.

Writes the result `sigmoid_gates` after every run, and skips the runs that it already contains:
    part (search or run), gates, bias_rate, factor, seed; the other columns of `sparse_against_dense`.
"""

import time

import c14_sparse_against_dense as sweep
import common
import torch

from lecture21 import GPT, presets
from lecture21.chapters import results

NAME, STEPS = "sigmoid_gates", 500
FIRST = {"softmax": 0.01, "sigmoid": 0.04}
KEYS = ("part", "gates", "bias_rate", "factor", "seed")
OTHERS = [name for name in sweep.COLUMNS if name not in ("model", *KEYS)]


def built(gates: str, bias_rate: float, seed: int) -> GPT:
    """Return a model with the weights of a seed, which do not depend on the gates."""
    moe = {"n_expert": 8, "top_k": 2, "gates": gates, "balance": "bias", "bias_rate": bias_rate}
    torch.manual_seed(seed)
    return GPT(presets.get(sweep.PRESET, n_layer=2, d_ff=128, moe=moe))


def row_of(key: tuple, measured: dict) -> dict[str, object]:
    """Return a row of the result."""
    return dict(zip(KEYS, key, strict=True)) | {name: measured[name] for name in OTHERS}


def main() -> None:
    """Tune both gates, make their runs, and write the table after each run."""
    seeds = common.start(3)
    _, tokens, val = common.encoded_plays()
    held_out = len(tokens) // 10
    rows = common.stored(NAME)
    if not rows:
        before = results.load(sweep.NAME).query("model == 'sparse' and steps == @STEPS").to_dict("records")
        rows = [row_of((row["part"], "softmax", FIRST["softmax"], row["factor"], row["seed"]), row) for row in before]

    def nats(*key: object) -> float:
        """Return the loss of a run, which is made if the table does not have it."""
        for row in rows:
            if tuple(row[name] for name in KEYS) == key:
                return row["nats"]
        part, gates, bias_rate, factor, seed = key
        texts = (tokens, val) if part == "run" else (tokens[:-held_out], tokens[-held_out:])
        row = row_of(key, sweep.run(built(gates, bias_rate, seed), seed, STEPS, factor, *texts))
        print(*row.values(), sep="  ", flush=True)
        rows.append(row)
        common.save(NAME, rows, arguments=False)
        return row["nats"]

    for gates, first in FIRST.items():

        def of_factor(factor: float, gates: str = gates, rate: float = first) -> float:
            return nats("search", gates, rate, factor, sweep.SEARCH_SEED)

        factor = next(iter(common.tune(of_factor, (2.0,), sweep.FACTORS)))

        def of_step(rate: float, gates: str = gates, factor: float = factor) -> float:
            return nats("search", gates, rate, factor, sweep.SEARCH_SEED)

        rate = next(iter(common.tune(of_step, (first,), 4.0)))
        for seed in seeds:
            nats("run", gates, rate, factor, seed)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
