"""A sparse layer in a small character model: does the router collapse, what prevents it, and does that lower the loss?

Usage: python benchmarks/router_collapse.py [SEED ...]        (0 to 4 if none is named; about 15 minutes on one core)

Two blocks of width 64 with four heads have windows of 64 characters; 400 updates of 16 windows by Adam at 0.002 with
decay 0.01, 20 steps of warm-up and a cosine to 0. In each block 8 experts of width 64 (or 32 of width 32) replace the
feed-forward layer, and each character is processed by one of them, weighted by its probability (top-1). Runs differ in
how the experts are balanced; the two dense models have the width of one expert and of all eight. A seed determines
weights and batches, and all runs share the seeds.

Writes the result `router_collapse` after every run, and skips the runs that it already contains:
    setting, seed, parameters; nats: loss per character on the entire validation split, no character dropped;
    for layers 1 and 2, over the entire validation split at once, the fields of `lecture21.moe.RouterStatistics`, and
    drop_1.25: the fraction of characters that would be dropped at a capacity factor of 1.25;
    at capacity factors 2, 1.25 and 1, set in the trained model, in batches of 16 windows: nats_CF, and dropped_CF,
    the mean fraction over layers and batches. Columns that do not apply to a dense model are empty.

And `router_course`, for the first seed: setting, seed, step, layer, and the fraction of characters routed to each
of 8 experts (expert_1 ...) in the training batches of the last 10 steps; at step 1, in the first batch.
"""

import common
import torch

from lecture21 import GPT, GPTConfig
from lecture21.moe import Router, Routing, describe, routings, statistics_of
from lecture21.training import TrainConfig, evaluate, train

NAME, COURSE = "router_collapse", "router_course"
BATCH, EVERY, FACTORS = 16, 10, (2.0, 1.25, 1.0)
SHAPE = {"n_layer": 2, "block_size": 64}
RECIPE = {"steps": 400, "learning_rate": 2e-3, "weight_decay": 0.01, "warmup": 20, "schedule": "cosine"}


def sparse(n_expert: int = 8, width: int = 64, **fields: object) -> GPTConfig:
    """Return a GPT with top-1 experts, without balancing by default."""
    return GPTConfig(**SHAPE, d_ff=width, moe={"n_expert": n_expert, "top_k": 1, "balance": "none", **fields})


SETTINGS = {
    "none": sparse(),
    "aux 0.001": sparse(balance="aux", aux_weight=0.001),
    "aux 0.01": sparse(balance="aux", aux_weight=0.01),
    "aux 0.1": sparse(balance="aux", aux_weight=0.1),
    "z 0.001": sparse(z_loss=0.001),
    "aux 0.01, z 0.001": sparse(balance="aux", aux_weight=0.01, z_loss=0.001),
    "bias 0.01": sparse(balance="bias", bias_rate=0.01),
    "32 experts, none": sparse(32, 32),
    "32 experts, aux 0.01": sparse(32, 32, balance="aux", aux_weight=0.01),
    "dense, width 64": GPTConfig(**SHAPE, d_ff=64),
    "dense, width 512": GPTConfig(**SHAPE, d_ff=512),
}
BY_LAYER = (
    "load_entropy", "max_violation", "dead", "router_entropy", "logsumexp", "information", "drop_1.25"
)  # fmt: skip


def layer_statistics(model: GPT, val: torch.Tensor) -> dict[str, float]:
    """Return the statistics of both layers over the complete windows of the validation split."""
    whole = len(val) // model.block_size * model.block_size
    found = {}
    for layer, s in enumerate(statistics_of(model, val[:whole].view(-1, model.block_size)), start=1):
        over = (s.load - 1.25 / len(s.load)).clamp(min=0).sum().item()
        numbers = [over if name == "drop_1.25" else getattr(s, name) for name in BY_LAYER]
        found |= {f"{name}_{layer}": round(number, 4) for name, number in zip(BY_LAYER, numbers, strict=True)}
    return found


def with_capacity(model: GPT, factor: float, val: torch.Tensor) -> tuple[float, float]:
    """Return loss and dropped fraction of a trained model at a capacity factor."""
    served = GPT(model.config.changed(moe={"eval_capacity_factor": factor}))
    served.load_state_dict(model.state_dict())
    with routings(served) as routed:
        nats = evaluate(served, val, batch_size=BATCH)
    dropped = [1 - routing.kept.float().mean().item() for _, routing in routed]
    return nats, sum(dropped) / len(dropped)


def run(config: GPTConfig, seed: int, tokens: torch.Tensor, val: torch.Tensor) -> tuple[dict, list[dict]]:
    """Train one setting and score it; return its row and the loads during training."""
    torch.manual_seed(seed)
    model = GPT(config)
    loads_of = {}
    for module in model.modules():
        if isinstance(module, Router):
            loads = loads_of[len(loads_of) + 1] = []

            def keep(router: Router, _: object, routing: Routing, loads: list[torch.Tensor] = loads) -> None:
                if router.training:
                    loads.append(describe(routing).load)

            module.register_forward_hook(keep)
    train(model, tokens, TrainConfig(**RECIPE, batch_size=BATCH, seed=seed, device="cpu"))
    row = {"parameters": model.num_parameters(), "nats": round(evaluate(model, val), 5)}
    blank = [f"{name}_{layer}" for layer in (1, 2) for name in BY_LAYER]
    row |= layer_statistics(model, val) if config.moe else dict.fromkeys(blank, "")
    for factor in FACTORS:
        nats, dropped = with_capacity(model, factor, val) if config.moe else ("", "")
        row |= {f"nats_{factor:g}": nats and round(nats, 5), f"dropped_{factor:g}": dropped and round(dropped, 4)}
    course = []
    for layer, loads in loads_of.items():
        stops = [1, *range(EVERY, len(loads) + 1, EVERY)]
        for stop in stops:
            mean = torch.stack(loads[max(stop - EVERY, 0) : stop]).mean(0).tolist()
            shares = {f"expert_{i}": round(share, 4) for i, share in enumerate(mean, start=1)}
            course.append({"step": stop, "layer": layer, **shares})
    return row, course


def main() -> None:
    """Run every setting and seed that is missing, and write both tables after each."""
    seeds = common.start(5)
    _, tokens, val = common.encoded_plays()
    rows, course = (common.stored(name) for name in (NAME, COURSE))
    for seed in seeds:
        for setting, config in SETTINGS.items():
            if any((row["setting"], row["seed"]) == (setting, seed) for row in rows):
                continue
            row, steps = run(config, seed, tokens, val)
            print(setting, seed, *row.values(), sep="  ", flush=True)
            rows.append({"setting": setting, "seed": seed, **row})
            rows.sort(key=lambda row: (list(SETTINGS).index(row["setting"]), row["seed"]))
            common.save(NAME, rows, arguments=False)
            if seed == 0 and config.moe and config.moe.n_expert == 8:
                course += [{"setting": setting, "seed": 0, **step} for step in steps]
                course.sort(key=lambda row: (list(SETTINGS).index(row["setting"]), row["layer"], row["step"]))
                common.save(COURSE, course, arguments=False)


if __name__ == "__main__":
    main()
