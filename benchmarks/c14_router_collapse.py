"""A sparse layer in a small character model: when does the router collapse, what prevents it, and what does that cost?

Usage: python benchmarks/c14_router_collapse.py [SEED ...]        (0 1 2 if none is named; about 6 minutes on one core)

The shape of `gpt0` with two blocks. In each, 8 experts of width 64 replace the feed-forward layer, and each character
is processed by one of them, weighted by its probability (top-1). 200 updates of 16 windows of 32 characters by AdamW,
with linear decay of the learning rate to 0 and no warm-up. `none` balances nothing. The other settings add one thing: a
`warm-up` of 50 steps, an auxiliary loss (`aux 0.01`), selection biases (`bias 0.01`), a `z-loss 0.001`, or `jitter
0.1`, which multiplies the router's input in training by uniform numbers between 0.9 and 1.1. `dense, width 64` and
`dense, width 512` have the width of one expert and of all eight and no router; `dense, width 64, warm-up` adds the
warm-up to the first. A seed determines weights and batches.

The learning rate is tuned for each setting: trained on the first nine tenths of the training text with another seed
(100), scored on its last tenth; from 0.01 to the neighbors in `RATES` until both are worse. Each setting runs with its
tuned rate, and all but the widest also with 0.06, at which the router of `none` collapses; `none` runs with two smaller
rates as well, to show how the collapse depends on the rate.

Writes the result `router_collapse`:
    tuned: whether this rate is the setting's best; nats per character, of a run on the entire validation split, no
    character dropped, of a search on the last tenth of the training text; for layers 1 and 2 of a run, over the entire
    validation split at once, dead: see `lecture21.moe.describe`, busiest: the largest load; with a capacity factor
    of 1.25, set in the trained model, in batches of 16 windows: nats_1.25, and dropped_1.25, the mean fraction over
    layers and batches.
And `router_load`: the fraction of characters routed to each of 8 experts (expert_1 ...) in the training batches of the
    last 10 steps; at step 1, in the first batch.
"""

from functools import cache

import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, GPTConfig, presets
from lecture21.moe import Router, Routing, describe, routings, statistics_of
from lecture21.training import TrainConfig, evaluate, train

STEPS, BATCH, EVERY, CAPACITY = 200, 16, 10, 1.25
RATES = (0.001, 0.002, 0.003, 0.006, 0.01, 0.02, 0.03, 0.06, 0.1)
SHOWN, HIGH, SEARCH_SEED = (0.003, 0.02, 0.06), 0.06, 100
KEY = ("part", "setting", "learning_rate", "seed")
WITH_CAPACITY = ("none", "aux 0.01", "bias 0.01")
"""Settings whose best models are scored with a capacity, too."""
RUNS = Table("router_collapse", KEY, details={"router_load": ("setting", "learning_rate", "seed")})


def sparse(**fields: object) -> GPTConfig:
    """Return the model with top-1 experts, without balancing by default."""
    moe = {"n_expert": 8, "top_k": 1, "balance": "none", **fields}
    return presets.get("gpt0", n_layer=2, d_ff=64, moe=moe)


SETTINGS = {
    "none": sparse(),
    "warm-up": sparse(),
    "aux 0.01": sparse(balance="aux", aux_weight=0.01),
    "bias 0.01": sparse(balance="bias", bias_rate=0.01),
    "z-loss 0.001": sparse(z_loss=0.001),
    "jitter 0.1": sparse(),
    "dense, width 64": presets.get("gpt0", n_layer=2, d_ff=64),
    "dense, width 512": presets.get("gpt0", n_layer=2, d_ff=512),
    "dense, width 64, warm-up": presets.get("gpt0", n_layer=2, d_ff=64),
}


class Watch:
    """Hooks on the routers of a model: the load in training, and jitter.

    Args:
        model: the model; without routers nothing is watched.
        jitter: half the range of the factors in training.
    """

    def __init__(self, model: GPT, jitter: float = 0.0):
        self.jitter = jitter
        self.routers = [module for module in model.modules() if isinstance(module, Router)]
        self.loads: dict[Router, list[torch.Tensor]] = {router: [] for router in self.routers}
        for router in self.routers:
            router.register_forward_pre_hook(self.before)
            router.register_forward_hook(self.after)

    def before(self, router: Router, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
        """Change the inputs in training."""
        (x,) = inputs
        jitters = self.jitter and router.training
        return (x * (1 + self.jitter * (2 * torch.rand_like(x) - 1)),) if jitters else None

    def after(self, router: Router, _: object, routing: Routing) -> None:
        """Keep the load of a training batch."""
        if router.training:
            self.loads[router].append(describe(routing).load)

    def rows(self) -> list[dict[str, object]]:
        """Return the loads during training."""
        actual = []
        for layer, loads in enumerate(self.loads.values(), start=1):
            for stop in (1, *range(EVERY, len(loads) + 1, EVERY)):
                mean = torch.stack(loads[max(stop - EVERY, 0) : stop]).mean(0).tolist()
                shares = {f"expert_{i}": round(share, 4) for i, share in enumerate(mean, start=1)}
                actual.append({"step": stop, "layer": layer, **shares})
        return actual


def layer_statistics(model: GPT, val: torch.Tensor) -> dict[str, float]:
    """Return the statistics of both layers over the complete windows of the validation split."""
    whole = len(val) // model.block_size * model.block_size
    actual = {}
    for layer, s in enumerate(statistics_of(model, val[:whole].view(-1, model.block_size)), start=1):
        numbers = {"dead": s.dead, "busiest": s.load.max().item()}
        actual |= {f"{name}_{layer}": round(number, 4) for name, number in numbers.items()}
    return actual


def with_capacity(model: GPT, val: torch.Tensor) -> dict[str, float]:
    """Return loss and dropped fraction of a trained model with a capacity."""
    served = GPT(model.config.changed(moe={"eval_capacity_factor": CAPACITY}))
    served.load_state_dict(model.state_dict())
    with routings(served) as routed:
        nats = evaluate(served, val, batch_size=BATCH)
    dropped = [1 - routing.kept.float().mean().item() for _, routing in routed]
    return {f"nats_{CAPACITY}": round(nats, 5), f"dropped_{CAPACITY}": round(sum(dropped) / len(dropped), 4)}


def trained(setting: str, rate: float, seed: int, tokens: torch.Tensor) -> tuple[GPT, Watch]:
    """Train one setting."""
    torch.manual_seed(seed)
    model = GPT(SETTINGS[setting])
    watch = Watch(model, jitter=0.1 if setting == "jitter 0.1" else 0.0)
    warmup = 50 if setting.endswith("warm-up") else 0
    recipe = {"steps": STEPS, "batch_size": BATCH, "schedule": "linear", "warmup": warmup, "device": "cpu"}
    train(model, tokens, TrainConfig(learning_rate=rate, seed=seed, **recipe))
    return model, watch


@cache
def count(part: str, setting: str) -> tuple[dict[str, float], list]:
    """Score the 5-gram."""
    return {"nats": common.ngram_loss(5, 32)}, []


def measure(part: str, setting: str, learning_rate: float, seed: int) -> tuple[dict[str, object], list]:
    """Train one setting; return what is measured of a run, and the load of its experts in training."""
    tokens, val = common.texts(part)
    model, watch = trained(setting, learning_rate, seed, tokens)
    row = {"nats": round(evaluate(model, val), 5)}
    if part == "search":
        return row, []
    if watch.routers:
        row |= layer_statistics(model, val)
    if setting in WITH_CAPACITY and learning_rate == tuned(setting):
        row |= with_capacity(model, val)
    return row, watch.rows()


def tuned(setting: str) -> float:
    """Return the best learning rate of a setting."""
    search = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": seeds(3)}
    return RUNS.tune(measure, "learning_rate", (0.01,), RATES, **search, part="search", setting=setting)


def compare(setting: str) -> None:
    """Tune a setting, and run it at its best rate, and at those that are shown besides."""
    best = tuned(setting)
    shown = SHOWN if setting == "none" else () if setting == "dense, width 512" else (HIGH,)
    for rate in sorted({best, *shown}):
        for seed in seeds(3):
            RUNS.row(measure, part="run", setting=setting, learning_rate=rate, seed=seed)
    RUNS.label("tuned", lambda row: row["learning_rate"] == best, part="run", setting=setting)


def main() -> None:
    """Count, and compare all settings."""
    RUNS.row(count, part="ngram", setting="5-gram")
    each(compare, SETTINGS)


if __name__ == "__main__":
    run(main)
