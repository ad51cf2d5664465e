"""Does a sparse layer help at equal active compute, and from which training budget on?

Usage: python benchmarks/c14_sparse_against_dense.py [SEED ...]   (0 1 2 if none is named; about 30 minutes on one core)

Three models of the shape of `modern-gpt0` with two blocks, trained with its recipe (Muon, linear decay to 0), but with
batches of 16 windows of 32 characters. They differ in the feed-forward layer: `dense` has the width 256; `sparse` has 8
experts of width 128, of which each character uses 2, so that both do the same arithmetic for a character, up to the
router. `dense, equal total` has the width of all experts, 1,024. Selection biases balance the load, without a term in
the loss. Each budget is a run of its own, with its own decay: 125 to 2,000 steps, 64 thousand to 1.02 million
characters. All models read the same batches.

The learning rates of the recipe are multiplied by one factor, which is tuned for each model at each budget: trained on
the first nine tenths of the training text with another seed (100), scored on its last tenth; from 2 to the neighbors
in `FACTORS` until both are worse.

Writes the result `sparse_against_dense`: active, the parameters used for one character; nats per character, of a run on
the entire validation split in windows of 32, of a search on the last tenth of the training text; seconds of process
time of the training, of which a part is the optimizer's. The row `5-gram` is the Witten-Bell 5-gram, counted on the
whole training text, in the same windows.
"""

import time
from itertools import product

import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, presets
from lecture21.accounting import parameters
from lecture21.training import evaluate, recipe, train

NAME, PRESET = "sparse_against_dense", "modern-gpt0"
MODELS = {
    "dense": presets.get(PRESET, n_layer=2),
    "sparse": presets.get(
        PRESET, n_layer=2, d_ff=128, moe={"n_expert": 8, "top_k": 2, "balance": "bias", "bias_rate": 0.01}
    ),
    "dense, equal total": presets.get(PRESET, n_layer=2, d_ff=1024),
}
BUDGETS, SEARCH_SEED = (125, 250, 500, 1000, 2000), 100
BATCH = 16
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
KEY = ("part", "model", "seed", "steps", "factor")
RUNS = Table(NAME, KEY)


def trained(
    model: GPT, seed: int, steps: int, factor: float, tokens: torch.Tensor, val: torch.Tensor
) -> dict[str, object]:
    """Train a model, score it on `val`, and return what is measured."""
    plain = recipe(PRESET)
    settings = recipe(
        PRESET,
        steps=steps,
        batch_size=BATCH,
        learning_rate=factor * plain.learning_rate,
        embedding_learning_rate=factor * plain.embedding_learning_rate,
        muon_learning_rate=factor * plain.muon_learning_rate,
        seed=seed,
        device="cpu",
    )
    since = time.process_time()
    train(model, tokens, settings)
    seconds = time.process_time() - since
    return {
        "characters": steps * settings.batch_size * model.block_size,
        "parameters": model.num_parameters(),
        "active": parameters(model.config).active,
        "nats": round(evaluate(model, val), 5),
        "seconds": round(seconds, 1),
    }


def measure(part: str, model: str, seed: int, steps: int, factor: float) -> dict[str, object]:
    """Train a model, and return what is measured."""
    torch.manual_seed(seed)
    return trained(GPT(MODELS[model]), seed, steps, factor, *common.texts(part))


def count(part: str, model: str) -> dict[str, object]:
    """Score the 5-gram."""
    return {"characters": len(common.texts("run")[0]), "nats": common.ngram_loss(5, MODELS["dense"].block_size)}


def compare(budget: tuple[int, str]) -> None:
    """Tune a model at a budget, and run it with every seed."""
    where = dict(zip(("steps", "model"), budget, strict=True))
    search = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": seeds(3)}
    best = RUNS.tune(measure, "factor", (2.0,), FACTORS, **search, part="search", **where)
    for seed in seeds(3):
        RUNS.row(measure, part="run", **where, seed=seed, factor=best)


def main() -> None:
    """Count, and compare the models at every budget."""
    RUNS.row(count, part="ngram", model="5-gram")
    each(compare, product(BUDGETS, MODELS))


if __name__ == "__main__":
    run(main)
