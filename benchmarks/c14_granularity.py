"""Are many narrow experts better than few wide ones?

Usage: python benchmarks/c14_granularity.py [SEED ...]   (0 1 2 if none is named; about 3 minutes on one core)

The sparse model of `c14_sparse_against_dense` at 500 steps (256 thousand characters), with its recipe, batches and
seeds, cut finer: 32 experts of width 32, of which each character uses 8, instead of 8 of width 128, of which it uses 2.
Both perform the same arithmetic for a character and have the same parameters, up to the router. The runs of the latter
are those of the result `sparse_against_dense`. The step of the selection bias is 0.08 / E, since it is added to
probabilities whose mean is 1 / E: 0.01 for 8 experts, as there.

The learning rates of the recipe are multiplied by one factor, which is tuned for each model as there: seed 100, last
tenth of the training text, from 2 to the neighbors in `FACTORS` until both are worse.

Writes the result `granularity` after every run, and skips the runs that it already contains:
    part (search or run), model, factor, seed; the columns of `sparse_against_dense`; of a run also, for each layer on
    the first `MEASURED` characters of the validation split, sets: number of different sets of experts that a character
    was sent to; even_sets: exp of the entropy of the sets, so the number of equally frequent sets that would be as
    varied. The load is that on these characters.
"""

import time

import c14_sparse_against_dense as sweep
import common
import torch
from torch import Tensor

from lecture21 import GPT, presets
from lecture21.moe import describe, routings

NAME, STEPS = "granularity", 500
MODELS = {"32 x 32": (32, 8)}
"""Number of experts and how many a character uses."""
COLUMNS = (*sweep.COLUMNS, "sets_1", "even_sets_1", "sets_2", "even_sets_2")
MEASURED = 32_000


def built(name: str, seed: int) -> GPT:
    """Return a model with the weights of a seed."""
    n_expert, top_k = MODELS[name]
    moe = {"n_expert": n_expert, "top_k": top_k, "balance": "bias", "bias_rate": 0.08 / n_expert}
    torch.manual_seed(seed)
    return GPT(presets.get(sweep.PRESET, n_layer=2, d_ff=1024 // n_expert, moe=moe))


@torch.no_grad()
def routing_of(model: GPT, ids: Tensor) -> dict[str, object]:
    """Return the load and the sets of experts, as the columns of the result describe them."""
    found: dict[str, object] = {}
    with routings(model.eval()) as collected:
        model(ids.view(-1, model.block_size))
    loads = [describe(routing) for _, routing in collected]
    found["load_entropy"] = round(min(each.load_entropy for each in loads), 4)
    found["max_violation"] = round(max(each.max_violation for each in loads), 4)
    for layer, (_, routing) in enumerate(collected, start=1):
        chosen = routing.experts.flatten(0, 1).sort(-1).values
        share = chosen.unique(dim=0, return_counts=True)[1] / len(chosen)
        found[f"sets_{layer}"] = len(share)
        found[f"even_sets_{layer}"] = round(torch.special.entr(share).sum().exp().item(), 1)
    return found


def main() -> None:
    """Tune each model, make its runs, and write the table after each run."""
    seeds = common.start(3)
    _, tokens, val = common.encoded_plays()
    held_out = len(tokens) // 10
    rows = common.stored(NAME)

    def nats(part: str, name: str, seed: int, factor: float) -> float:
        """Return the loss of a run, which is made if the table does not have it."""
        for row in rows:
            if (row["part"], row["model"], row["seed"], row["factor"]) == (part, name, seed, factor):
                return row["nats"]
        texts = (tokens, val) if part == "run" else (tokens[:-held_out], tokens[-held_out:])
        model = built(name, seed)
        row = dict.fromkeys(COLUMNS, "") | sweep.run(model, seed, STEPS, factor, *texts, load=False)
        row |= {"part": part, "model": name} | (routing_of(model, val[:MEASURED]) if part == "run" else {})
        print(*row.values(), sep="  ", flush=True)
        rows.append(row)
        common.save(NAME, rows, arguments=False)
        return row["nats"]

    for name in MODELS:

        def score(factor: float, name: str = name) -> float:
            return nats("search", name, sweep.SEARCH_SEED, factor)

        factor = next(iter(common.tune(score, (2.0,), sweep.FACTORS)))
        for seed in seeds:
            nats("run", name, seed, factor)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
