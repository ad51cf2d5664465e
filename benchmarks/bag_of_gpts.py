"""A bag of GPT-0s against its average member, in nats per character of the whole validation split.

Usage: python benchmarks/bag_of_gpts.py        (about 30 minutes on one core)

Two experiments, both with GPT-0's 209,729 parameters and windows of 32 characters. Members differ in the seed of their
weights and of their batches.

`text`: eight members, each trained on the entire training part: 1,500 batches of 16, Adam with learning rate 0.008, 100
steps of warm-up and a cosine decay to 0. The eight members form a ring, and pools contain every m = 1 ... 8 neighbours,
so that each member occurs equally often. `long`: one member trained for 12,000 steps, the sum over all eight.

`pieces` and `whole`: so little text that a GPT-0 overfits: 1/32 of the training part (33,441 characters), a different
one in rounds 0 and 1. Each of eight members is trained on all of it (`whole`) or on 5/8 of it, one contiguous piece of
the text closed to a ring, shifted by 1/8 from member to member (`pieces`). Adam with learning rate 0.002, constant
after a warm-up of 100 steps; every 200 steps up to 1,600, each single member, members 0 and 1, and all eight are
scored.

Writes results/bag_of_gpts.csv in the package. `members` are the positions in the ring; `average` is their mean loss,
`linear` the loss of the mean of their distributions, `geometric` of their normalised geometric mean; `linear_gap` and
`ambiguity` are the differences from the average in the identities of `lecture21.ensembles`; `train_loss` is the
mean over the batches since the last evaluation (in `text` and `long`: over the last 500).
"""

import time
from collections.abc import Sequence

import common
import torch

from lecture21 import GPT, presets
from lecture21.ensembles import log_pool_decomposition, mixture_gap
from lecture21.training import TrainConfig, train

MEMBERS, STEPS, SHORT_STEPS, LOOK = 8, 1500, 1600, 200
RECIPE = {"warmup": 100, "clip": 1.0, "device": "cpu"}


@torch.no_grad()
def pools(
    models: Sequence[GPT], val: torch.Tensor, groups: Sequence[Sequence[int]], windows: int = 128
) -> list[dict[str, float]]:
    """Return average, pools and gaps of each group of models, over every character of `val` but the first."""
    size = models[0].block_size
    whole = (len(val) - 1) // size * size
    ids, targets = (list(val[i : i + whole].view(-1, size).split(windows)) for i in (0, 1))
    if whole < len(val) - 1:
        ids.append(val[None, whole:-1])
        targets.append(val[None, whole + 1 :])
    totals = torch.zeros(len(groups), 5, dtype=torch.float64)
    for x, y in zip(ids, targets, strict=True):
        logs = torch.stack([model.eval()(x).log_softmax(-1) for model in models], dim=-2)  # (B, T, M, V)
        for total, group in zip(totals, groups, strict=True):
            weights = torch.full((len(group),), 1 / len(group))
            mixture, pool = (split(logs[..., group, :], y, weights) for split in (mixture_gap, log_pool_decomposition))
            terms = (mixture.average, mixture.ensemble, pool.ensemble, mixture.ambiguity, pool.ambiguity)
            total += torch.stack([term.double().sum() for term in terms])
    names = ("average", "linear", "geometric", "linear_gap", "ambiguity")
    return [dict(zip(names, row, strict=True)) for row in (totals / (len(val) - 1)).tolist()]


def fit(tokens: torch.Tensor, config: TrainConfig) -> tuple[list[dict], list[float]]:
    """Train a GPT-0 and return its weights and its training loss at each evaluation but the one before training."""
    torch.manual_seed(config.seed)
    model, states = GPT(presets.get("gpt0")), []

    def keep(step: int, model: GPT, history: object) -> None:
        states.append({name: value.clone() for name, value in model.state_dict().items()})

    history = train(model, tokens, config, on_evaluation=keep)
    return states[1:], history.train_loss[1:]


def at(states: Sequence[dict]) -> list[GPT]:
    """Return models with these weights."""
    models = [GPT(presets.get("gpt0")) for _ in states]
    for model, state in zip(models, states, strict=True):
        model.load_state_dict(state)
    return models


def main() -> None:
    """Train both bags and write the table."""
    torch.set_num_threads(1)
    _, tokens, val = common.encoded_plays()
    rows = []

    def add(
        part: str,
        seeds: Sequence[int],
        groups: Sequence[Sequence[int]],
        models: Sequence[GPT],
        losses: Sequence[float],
        **columns: int,
    ) -> None:
        for group, measured in zip(groups, pools(models, val, groups), strict=True):
            named = {"members": len(group), "seed": " ".join(str(seeds[k]) for k in group)}
            loss = sum(losses[k] for k in group) / len(group)
            found = {name: round(value, 5) + 0.0 for name, value in {**measured, "train_loss": loss}.items()}
            rows.append({"part": part, "round": 0, "step": STEPS, **columns, **named, **found})
        last = rows[-1]
        print(f"{time.process_time():5.0f} s {part} {columns} {last['members']} members: ", end="")
        print(f"average {last['average']}, linear {last['linear']}, geometric {last['geometric']}", flush=True)
        common.save("bag_of_gpts", rows, arguments=False)

    each = [[k] for k in range(MEMBERS)]
    for number in range(2):
        size = len(tokens) // 32
        start = number * len(tokens) // 2
        whole = tokens[start : start + size]
        for part in ("pieces", "whole"):
            seeds = [100 * number + k for k in range(MEMBERS)]
            runs = []
            for k, seed in enumerate(seeds):
                ring = whole.roll(-k * size // MEMBERS)
                read = ring[: size * 5 // 8] if part == "pieces" else whole
                config = TrainConfig(steps=SHORT_STEPS, learning_rate=2e-3, eval_every=LOOK, seed=seed, **RECIPE)
                runs.append(fit(read, config))
            for n in range(SHORT_STEPS // LOOK):
                models, losses = at([states[n] for states, _ in runs]), [loss[n] for _, loss in runs]
                columns = {"round": number, "step": LOOK * (n + 1)}
                add(part, seeds, [*each, [0, 1], list(range(MEMBERS))], models, losses, **columns)

    def full(seed: int, steps: int) -> tuple[dict, float]:
        config = TrainConfig(steps=steps, learning_rate=8e-3, schedule="cosine", eval_every=500, seed=seed, **RECIPE)
        states, losses = fit(tokens, config)
        return states[-1], losses[-1]

    states, losses = zip(*[full(seed, STEPS) for seed in range(MEMBERS)], strict=True)
    rings = [[(k + j) % MEMBERS for j in range(m)] for m in range(1, MEMBERS) for k in range(MEMBERS)]
    add("text", range(MEMBERS), [*rings, list(range(MEMBERS))], at(states), losses)
    state, loss = full(0, MEMBERS * STEPS)
    add("long", [0], [[0]], at([state]), [loss], step=MEMBERS * STEPS)


if __name__ == "__main__":
    main()
