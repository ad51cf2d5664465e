"""The cost of unused experts on a task of pure memorization: a random table.

Usage: python benchmarks/memory_task.py [SEED ...]        (0 to 9 if none is named; about 3 minutes on one core)

Each of the 4,096 pairs of two symbols out of 64 has one of 64 answers, drawn once. The model adds the two embeddings
(width 32), passes them through one layer with a residual connection, and gives the logits of the answers. The layer is
sparse, 8 experts of width 16 and top-1, or dense with the width of one expert or of all eight. 800 updates of 256
random pairs by Adam with learning rate 0.01 and a cosine decay to 0. The router is initialized with zeros, so it begins
collapsed, with every pair routed to the same expert; in `none, drawn` it has the initialization of `torch.nn.Linear`.
Width, rate and batch size were chosen in four trials with one or two seeds, so that the table is learned partly,
neither completely nor barely.

Writes results/memory_task.csv in the package: setting, seed, nats and accuracy over all 4,096 pairs, and the router's
load_entropy, max_violation and dead over all pairs.
"""

import common
import torch
import torch.nn.functional as F
from torch import nn

from lecture21.layers.feed_forward import FeedForward
from lecture21.moe import MoEConfig, Router, SparseMoE, describe, routings

SYMBOLS, WIDTH, STEPS, BATCH, RATE = 64, 32, 800, 256, 1e-2
SPARSE = {"n_expert": 8, "top_k": 1, "d_hidden": 16}
SETTINGS = {
    "none": {**SPARSE, "balance": "none"},
    "none, drawn": {**SPARSE, "balance": "none"},
    "z 0.001": {**SPARSE, "balance": "none", "z_loss": 0.001},
    "aux 0.1": {**SPARSE, "balance": "aux", "aux_weight": 0.1},
    "bias 0.01": {**SPARSE, "balance": "bias", "bias_rate": 0.01},
    "dense, width 16": {"d_hidden": 16},
    "dense, width 128": {"d_hidden": 128},
}


class Table(nn.Module):
    """A model that memorizes an answer for each pair of symbols."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.first, self.second = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(SYMBOLS, WIDTH)
        self.layer = layer
        self.head = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, V) of the answers to pairs (B, 2)."""
        x = (self.first(pairs[:, 0]) + self.second(pairs[:, 1]))[None]  # (1, B, C): each pair is a token
        return self.head(x + self.layer(x))[0]


def run(setting: str, seed: int) -> dict[str, object]:
    """Train one setting on the table of one seed."""
    torch.manual_seed(seed)
    answers = torch.randint(SYMBOLS, (SYMBOLS, SYMBOLS))
    shape = dict(SETTINGS[setting])
    width = shape.pop("d_hidden")
    model = Table(SparseMoE(WIDTH, width, MoEConfig(**shape)) if shape else FeedForward(WIDTH, width))
    routers = [module for module in model.modules() if isinstance(module, Router)]
    if "drawn" not in setting:
        for router in routers:
            nn.init.zeros_(router.weight)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        pairs = torch.randint(SYMBOLS, (BATCH, 2))
        with routings(model) as routed:
            loss = F.cross_entropy(model(pairs), answers[pairs[:, 0], pairs[:, 1]])
        loss = loss + sum(router.loss(routing) for router, routing in routed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    pairs = torch.cartesian_prod(torch.arange(SYMBOLS), torch.arange(SYMBOLS))
    with torch.no_grad(), routings(model.eval()) as routed:
        logits = model(pairs)
    statistics = describe(routed[0][1]) if routed else None
    names = ("load_entropy", "max_violation", "dead")
    return {
        "nats": round(F.cross_entropy(logits, answers.flatten()).item(), 4),
        "accuracy": round((logits.argmax(-1) == answers.flatten()).float().mean().item(), 4),
        **{name: round(getattr(statistics, name), 4) if statistics else "" for name in names},
    }


def main() -> None:
    """Run every setting and seed, and write the table."""
    seeds = common.start(10)
    rows = []
    for setting in SETTINGS:
        for seed in seeds:
            rows.append({"setting": setting, "seed": seed, **run(setting, seed)})
            print(*rows[-1].values(), sep="  ", flush=True)
    common.save("memory_task", rows, arguments=False)


if __name__ == "__main__":
    main()
