"""Counting tables, RNN, GRU, LSTM and GPT-0 on one axis: equal parameters, equal tokens, equal windows.

Usage: python benchmarks/rnn_against_gpt.py [SEED ...]        (0 1 2 if none is named; about 10 minutes on one core)

Every network has GPT-0's 209,729 parameters within 1 %, is trained on the same windows of 32 characters in the same
order (1,500 batches of 16: 768,000 characters, as GPT-0 in chapter 07), and uses the same Adam: 100 steps of warm-up, a
cosine decay to 0, and gradients clipped at norm 1. All have torch's default initialization.

The remaining hyperparameters are chosen for each network by one search with seed 100: the peak learning rate, and for a
recurrent network one layer or two. The search trains for 300 steps on the first nine tenths of the training part, and
scores the next 20,000 characters, so that no choice depends on the validation split.

Writes results/rnn_against_gpt.csv in the package: every run of the search, the chosen runs before and after training
on the entire validation split in windows of 32, and for recurrent networks also the loss when the state is passed from
window to window in 64 long streams (`carried`).

Writes results/rnn_gradient.csv beside it: for each chosen run, untrained and trained, the norm of
d logits / d embedding for the last of 32 characters against the one s positions before it (columns s = 0 ... 31), as
`influence_by_distance` gives it over 64 windows of the validation split.
"""

import math
import time

import common
import torch

from lecture21 import GPT, presets
from lecture21.layers.influence import influence_by_distance
from lecture21.ngram import NGram
from lecture21.rnn import RNN, RNNConfig
from lecture21.training import TrainConfig, evaluate, train

# Widths of the embedding and the state, by kind and number of layers: the nearest to GPT-0's count.
WIDTHS = {
    "rnn": {1: 292, 2: 213},
    "gru": {1: 176, 2: 126},
    "lstm": {1: 153, 2: 110},
}
RATES = (2e-3, 4e-3, 8e-3, 16e-3, 32e-3)
STEPS, SEARCH_STEPS, SEARCH_SEED = 1500, 300, 100


def build(name: str, n_layer: int, seed: int) -> RNN | GPT:
    """Return an untrained network by its name, initialized with a seed."""
    torch.manual_seed(seed)
    if name == "gpt0":
        return GPT(presets.get("gpt0"))
    return RNN(RNNConfig(kind=name, n_layer=n_layer, d_model=WIDTHS[name][n_layer]))


def recipe(rate: float, seed: int, steps: int) -> TrainConfig:
    """Return the training settings that all networks share, with one learning rate."""
    return TrainConfig(
        steps=steps,
        learning_rate=rate,
        warmup=100,
        schedule="cosine",
        clip=1.0,
        eval_every=steps,
        seed=seed,
        device="cpu",
    )


@torch.no_grad()
def carried(model: RNN, tokens: torch.Tensor, streams: int = 64) -> float:
    """Return the loss in nats over a few long streams, with the state passed from window to window."""
    length = (len(tokens) - 1) // streams
    ids, targets = (tokens[i : i + streams * length].view(streams, length) for i in (0, 1))
    return model.eval().loss(ids, targets).item()


def main() -> None:
    """Search, run the seeds and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    cut = len(tokens) * 9 // 10
    windows = val[: 64 * 32].view(64, 32)
    rows, gradients = [], []

    def gradient(name: str, model: RNN | GPT, seed: int, step: int) -> None:
        norms = influence_by_distance(model, windows).tolist()
        distances = {str(s): f"{norm:.4g}" for s, norm in enumerate(norms)}
        gradients.append({"model": name, "seed": seed, "step": step, **distances})

    def add(part: str, name: str, nats: float, **columns: object) -> None:
        blank = dict.fromkeys(
            ("seed", "n_layer", "d_model", "parameters", "learning_rate", "steps", "step", "train_loss", "carried"), ""
        )
        rows.append({"part": part, "model": name, **blank, **columns, "nats": round(nats, 5)})

    add("run", "uniform", math.log(tokenizer.vocab_size))
    for name, order in {"unigram": 1, "5-gram": 5}.items():
        add("run", name, evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, block_size=32))

    chosen = {}
    shapes = {**{name: tuple(widths) for name, widths in WIDTHS.items()}, "gpt0": (4,)}
    for name, depths in shapes.items():
        tried = {}
        for n_layer in depths:
            for rate in RATES:
                model = build(name, n_layer, SEARCH_SEED)
                train(model, tokens[:cut], recipe(rate, SEARCH_SEED, SEARCH_STEPS))
                tried[n_layer, rate] = evaluate(model, tokens[cut : cut + 20_001])
                shape = {"n_layer": n_layer, "d_model": model.config.d_model, "parameters": model.num_parameters()}
                run = {"seed": SEARCH_SEED, "learning_rate": rate, "steps": SEARCH_STEPS, "step": SEARCH_STEPS}
                add("search", name, tried[n_layer, rate], **shape, **run)
        chosen[name] = min(tried, key=tried.get)
        found = ", ".join(f"{n} x {rate:g}: {nats:.3f}" for (n, rate), nats in tried.items())
        print(f"{name}: {found}", flush=True)

    for name, (n_layer, rate) in chosen.items():
        last = []
        for seed in seeds:
            model = build(name, n_layer, seed)
            gradient(name, model, seed, 0)
            history = train(model, tokens, recipe(rate, seed, STEPS), val=val)
            gradient(name, model, seed, STEPS)
            shape = {"n_layer": n_layer, "d_model": model.config.d_model, "parameters": model.num_parameters()}
            for step, train_loss, nats in zip(history.step, history.train_loss, history.val_loss, strict=True):
                run = {"seed": seed, "learning_rate": rate, "steps": STEPS, "step": step}
                end = {"carried": round(carried(model, val), 5)} if name != "gpt0" and step == STEPS else {}
                training = {"train_loss": round(train_loss, 5)} if step else {}  # nothing before the first update
                add("run", name, nats, **shape, **run, **training, **end)
            last.append(history.val_loss[-1])
        ends = torch.tensor(last)
        print(f"{name}, {n_layer} layers, rate {rate:g}, {shape['parameters']:,} parameters: ", end="")
        print(f"mean {ends.mean():.4f}, standard deviation {ends.std():.4f}", flush=True)
        for result, table in {"rnn_against_gpt": rows, "rnn_gradient": gradients}.items():
            common.save(result, table, arguments=False)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
