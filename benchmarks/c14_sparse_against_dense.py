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

Writes the result `sparse_against_dense` after every run, and skips the runs that it already contains:
    part (search, run or ngram), model, seed, steps, characters, factor, parameters, active (those used for one
    character), flops (training, for one character), nats: loss per character, of a run on the entire validation split
    in windows of 32, of a search on the last tenth of the training text; seconds: process time of the
    training, of which a part is the optimizer's; load_entropy: the smallest of the layers, and max_violation: the
    largest.
The row `5-gram` is the Witten-Bell 5-gram, counted on the whole training text, in the same windows.
"""

import time

import common
import torch

from lecture21 import GPT, presets
from lecture21.accounting import flops_per_token, parameters
from lecture21.baselines import NGram
from lecture21.moe import statistics_of
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
COLUMNS = (
    "part", "model", "seed", "steps", "characters", "factor", "parameters", "active", "flops", "nats", "seconds",
    "load_entropy", "max_violation",
)  # fmt: skip


def run(
    model: GPT, seed: int, steps: int, factor: float, tokens: torch.Tensor, val: torch.Tensor, *, load: bool = True
) -> dict[str, object]:
    """Train a model, score it on `val`, and return its row, with the load of its experts if `load` is set."""
    config = model.config
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
    row = dict.fromkeys(COLUMNS, "") | {
        "seed": seed,
        "steps": steps,
        "characters": steps * settings.batch_size * config.block_size,
        "factor": factor,
        "parameters": model.num_parameters(),
        "active": parameters(config).active,
        "flops": flops_per_token(config).training,
        "nats": round(evaluate(model, val), 5),
        "seconds": round(seconds, 1),
    }
    if config.moe is None or not load:
        return row
    size = model.block_size
    statistics = statistics_of(model, val[: len(val) // size * size].view(-1, size))
    return row | {
        "load_entropy": round(min(s.load_entropy for s in statistics), 4),
        "max_violation": round(max(s.max_violation for s in statistics), 4),
    }


def main() -> None:
    """Tune the models, make every run that is missing, and write the table after each."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    held_out = len(tokens) // 10
    rows = common.stored(NAME)

    def nats(part: str, model: str, seed: int, steps: int, factor: float) -> float:
        """Return the loss of a run, which is made if the table does not have it."""
        for row in rows:
            if (row["part"], row["model"], row["seed"], row["steps"], row["factor"]) == (
                part, model, seed, steps, factor,
            ):  # fmt: skip
                return row["nats"]
        texts = (tokens, val) if part == "run" else (tokens[:-held_out], tokens[-held_out:])
        torch.manual_seed(seed)
        row = run(GPT(MODELS[model]), seed, steps, factor, *texts) | {"part": part, "model": model}
        print(*row.values(), sep="  ", flush=True)
        rows.append(row)
        common.save(NAME, rows, arguments=False)
        return row["nats"]

    def search(model: str, steps: int) -> float:
        def score(factor: float) -> float:
            return nats("search", model, SEARCH_SEED, steps, factor)

        return next(iter(common.tune(score, (2.0,), FACTORS)))

    if not any(row["part"] == "ngram" for row in rows):
        loss = evaluate(NGram(5, tokenizer.vocab_size).fit(tokens), val, MODELS["dense"].block_size)
        actual = {"part": "ngram", "model": "5-gram", "characters": len(tokens), "nats": round(loss, 5)}
        rows.append(dict.fromkeys(COLUMNS, "") | actual)
    for steps in BUDGETS:
        best = {model: search(model, steps) for model in MODELS}
        for seed in seeds:
            for model, factor in best.items():
                nats("run", model, seed, steps, factor)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
