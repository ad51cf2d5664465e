"""What each part of the modern recipe is worth: one part at a time replaced by what GPT-0 or GPT-2 has instead.

Usage: python benchmarks/c10_modern_ablation.py        (about an hour on one core)

GPT-0's shape with `presets.get("modern-gpt0")`; 204,800 characters (400 updates of 16 windows of 32), except where the
batch itself is the change. For every arm all learning rates together are multiplied by 1, 2 or 4, and the best
factor is chosen by one run with seed 100 on the first nine tenths of the training part, scored on the next 20,000
characters; if the best is at the edge, the grid goes on. Then seeds 0, 1 and 2 are trained on the whole training part
and scored on the whole validation split, in windows of 32. The arms in `MORE_SEEDS`, which differ by little,
have more.

The rates of the recipe were chosen for Muon and rotary positions. So AdamW and learned positions also get a rate of
embeddings that is tuned apart from the others; the complete recipe does not.

Squared ReLU is compared with ReLU, with leaky ReLU (slope 1/2) and its square, and with GELU and its square; and with
GELU also after 1,600 updates. GELU is the tanh formula of GPT-1 and GPT-2, `gelu_tanh`.

Why is GELU better? After training (seed 0), the nonlinearity's inputs have negative means, but for the leaky ReLU in
one block: most inputs are on the left. There GELU, from its minimum at -0.75, and the squared leaky ReLU rise again,
so that a unit responds to both signs. ReLU and its square are 0, the square of GELU nearly so, and the leaky ReLU
falls. The one cause that we test is this rise. Prediction, written before these two arms ran: `V`, which is -x/4 to
the left of 0 and has a kink there, is better than ReLU by at least 0.005, and `GELU, flat on the left`, which is
smooth and stays at its minimum, loses at least half of GELU's 0.011 before ReLU.

The recipe begins the last matrix of each layer and the output layer at 0. Both are replaced together, each alone, and
both by twice PyTorch's values.

Writes the result `modern_ablation`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import common
import torch
import torch.nn.functional as F
from table import Table, each, run
from torch import Tensor, nn

from lecture21 import GPT, presets
from lecture21.gpt.initialization import RESIDUAL
from lecture21.layers.feed_forward import ACTIVATIONS
from lecture21.training import TrainConfig, evaluate, recipe, train

SEEDS, SEARCH_SEED, HELD_OUT = (0, 1, 2), 100, 20_000
MORE_SEEDS = dict.fromkeys(
    ("modern-gpt0", "GELU", "ReLU", "squared leaky ReLU", "SwiGLU", "grouped queries", "V"), range(10)
) | {"GELU, flat on the left": range(5)}
"""The seeds of the arms that differ by little."""
FACTORS = (1.0, 2.0, 4.0)
RUNS = Table("modern_ablation", key=("part", "arm", "factor", "seed"))
BASE = recipe("modern-gpt0", steps=400, batch_size=16, device="cpu", eval_every=400)
ADAMW = {"optimizer": "adamw"}

# The changes of the model, and those of the training.
ARMS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "modern-gpt0": ({}, {}),
    "AdamW": ({}, ADAMW),
    "constant rate": ({}, {"schedule": "constant"}),
    "constant rate, averaged weights": ({}, {"schedule": "constant"}),
    "batches of 32": ({}, {"batch_size": 32, "steps": 200}),
    "learned positions": ({"position": "learned"}, {}),
    "no QK-norm": ({"qk_norm": False}, {}),
    "dropout 0.1": ({"dropout": 0.1}, {}),
    "batches of 8": ({}, {"batch_size": 8, "steps": 800}),
    "LayerNorm": ({"norm": "layernorm"}, {}),
    "GELU": ({"activation": "gelu_tanh"}, {}),
    "ReLU": ({"activation": "relu"}, {}),
    "leaky ReLU": ({}, {}),
    "squared leaky ReLU": ({}, {}),
    "squared GELU": ({}, {}),
    "V": ({}, {}),
    "GELU, flat on the left": ({}, {}),
    "SwiGLU": ({"activation": "swiglu", "d_ff": 171}, {}),
    "grouped queries": ({"n_kv_head": 2}, {}),
    "modern-gpt0, 1,600 updates": ({}, {"steps": 1600}),
    "GELU, 1,600 updates": ({"activation": "gelu_tanh"}, {"steps": 1600}),
    "initialization of torch": ({"initialization": "torch"}, {}),
    "no logit cap": ({"logit_cap": None}, {}),
    "output layer of torch": ({}, {}),
    "blocks of torch": ({"initialization": "torch"}, {}),
    "twice torch": ({"initialization": "torch"}, {}),
}
APART = {
    f"{arm}, embeddings {times:g}": (arm, times)
    for arm in ("AdamW", "learned positions")
    for times in (0.25, 0.5, 2.0, 4.0, 8.0)
}
"""The two arms that lose most, with a rate of embeddings that is tuned apart from the others."""
ARMS |= {
    name: (ARMS[arm][0], ARMS[arm][1] | {"embedding_learning_rate": times * BASE.embedding_learning_rate})
    for name, (arm, times) in APART.items()
}


def _double(model: GPT) -> None:
    """Double the matrices that the recipe begins at 0."""
    for name, weight in model.named_parameters():
        if name == "head.weight" or name.removesuffix(".weight").endswith(RESIDUAL):
            weight *= 2


def _leaky(x: Tensor) -> Tensor:
    """Return ReLU that lets half of the negative inputs through."""
    return F.leaky_relu(x, negative_slope=0.5)


def _flat_gelu(x: Tensor) -> Tensor:
    """Return GELU, but its minimum for all inputs below that; it is moved up, to end at 0 as ReLU does."""
    lowest = -0.7525
    return F.gelu(x.clamp(min=lowest), approximate="tanh") - F.gelu(torch.tensor(lowest), approximate="tanh")


def _activate(function: Callable[[Tensor], Tensor], model: GPT) -> None:
    """Give every feed-forward network a function that the package does not have."""
    for block in model.blocks:
        block.feed_forward.activation = block.feed_forward.activation._replace(function=function)


AFTER: dict[str, Callable[[GPT], object]] = {
    "output layer of torch": lambda model: model.head.reset_parameters(),
    "blocks of torch": lambda model: nn.init.zeros_(model.head.weight),
    "twice torch": _double,
    "leaky ReLU": partial(_activate, _leaky),
    "squared leaky ReLU": partial(_activate, lambda x: _leaky(x).square()),
    "V": partial(_activate, partial(F.leaky_relu, negative_slope=-0.25)),
    "GELU, flat on the left": partial(_activate, _flat_gelu),
    "squared GELU": partial(_activate, lambda x: ACTIVATIONS["gelu_tanh"].function(x).square()),
}
"""What is done to the model after its initialization, where a part of it is the change."""
AVERAGED = 0.3  # the last fraction of the run whose weights are averaged


def scaled(run: TrainConfig, factor: float) -> TrainConfig:
    """Multiply all learning rates of a run."""
    rates = ("learning_rate", "embedding_learning_rate", "muon_learning_rate")
    return replace(run, **{name: getattr(run, name) and factor * getattr(run, name) for name in rates})


def fit(
    arm: str, factor: float, seed: int, tokens: torch.Tensor, vocab_size: int, **settings: object
) -> tuple[GPT, float]:
    """Train one model, with other settings of the training where given; return it and the process time."""
    shape, changes = ARMS[arm]
    run = scaled(replace(BASE, seed=seed, **changes, **settings), factor)
    torch.manual_seed(seed)
    model = GPT(presets.get("modern-gpt0", vocab_size=vocab_size, **shape))
    if arm in AFTER:
        with torch.no_grad():
            AFTER[arm](model)
    average = torch.optim.swa_utils.AveragedModel(model)

    def update_average(step: int, trained: GPT, history: object) -> None:
        if step >= (1 - AVERAGED) * run.steps:
            average.update_parameters(trained)

    start = time.process_time()
    if arm == "constant rate, averaged weights":
        train(model, tokens, replace(run, eval_every=10), on_evaluation=update_average)
        model = average.module
    else:
        train(model, tokens, run)
    return model, time.process_time() - start


def measure(part: str, arm: str, factor: float, seed: int) -> dict[str, float]:
    """Train one model and score it: of a search, on the end of the training part."""
    tokenizer, tokens, val = common.encoded_plays()
    if part == "search":
        cut = len(tokens) * 9 // 10
        tokens, val = tokens[:cut], tokens[cut : cut + HELD_OUT + 1]
    model, seconds = fit(arm, factor, seed, tokens, tokenizer.vocab_size)
    nats = round(evaluate(model, val), 5)
    return {"parameters": model.num_parameters(), "seconds": round(seconds, 1), "nats": nats}


def count(part: str, arm: str) -> dict[str, float]:
    """Score the 5-gram."""
    return {"nats": common.ngram_loss(5, 32)}


def search(arm: str, first: tuple[float, ...] = FACTORS) -> float:
    """Return the best factor of an arm."""
    seeds = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": MORE_SEEDS.get(arm, SEEDS)}
    return RUNS.tune(measure, "factor", first, **seeds, part="search", arm=arm)


def compare(arm: str) -> None:
    """Search the factor of an arm, and run it with its seeds."""
    best = search(arm)
    for seed in MORE_SEEDS.get(arm, SEEDS):
        RUNS.row(measure, part="run", arm=arm, factor=best, seed=seed)


def compare_apart(arm: str) -> None:
    """Search the rate of an arm's embeddings too, at the best factor of each, and run the best of them."""

    def named(times: float) -> str:
        return arm if times == 1 else f"{arm}, embeddings {times:g}"

    def score(times: float) -> float:
        (row,) = RUNS.select(part="search", arm=named(times), factor=search(named(times), FACTORS[1:]))
        return row["nats"]

    best = named(next(iter(common.tune(score, (1.0, 2.0)))))
    for seed in SEEDS:
        RUNS.row(measure, part="run", arm=best, factor=search(best, FACTORS[1:]), seed=seed)


def main() -> None:
    """Count, and compare all arms."""
    RUNS.row(count, part="run", arm="5-gram")
    each(compare, [arm for arm in ARMS if arm not in APART])
    each(compare_apart, dict.fromkeys(arm for arm, _ in APART.values()))


if __name__ == "__main__":
    run(main)
