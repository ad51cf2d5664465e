"""How much of the context do an RNN, an LSTM and a GPT use? The loss at the last position when the context is cut.

Usage: python benchmarks/c01_available_context.py [SEED ...]   (0 1 2 if none is named; about 12 minutes on one core)

The recurrent networks have two layers, as char-rnn, and the 209,729 parameters of GPT-0 within 1 %. `gpt` is GPT-0 with
a window of 64 characters. All are trained on the same windows in the same order (800 batches of 16: 819,200
characters drawn), by the same Adam: 100 steps of warm-up, a cosine decay to 0, gradients clipped at norm 1, torch's
default initialization. `gpt-rotary` is GPT-0 with rotary instead of learned positions. `gpt-modern` is the preset
modern-gpt0 with a window of 64, trained on the same windows by its
own recipe (Muon, linear decay; 2 % fewer parameters). It shows what a better trained GPT does, and is no comparison of
architectures, since the recurrent networks are not trained with Muon.

The search chooses the peak learning rate of each network among RATES (for gpt-modern, Muon's among MUON_RATES). A trial
takes 400 steps, half of a run, on the first nine tenths of the training part, with seed 100, and is scored on the next
20,000 characters, so that no choice depends on the validation split. (Trials of 150 steps chose rates at which GPT-0's
seeds differ by 0.09 nats after 800.) While the best rate is at an edge of the grid, the grid grows by a factor of 2.

The n-gram models (Witten-Bell) are counted on all characters that a network has seen with a seed (`seen`, about 54 % of
the training part), each once, and on the whole training part (`all`). A separator keeps apart what was not read
together.

`letter` is one example for the figure in the lab: how probable the networks and n-grams of seed 0 find the letter after
the passage that ends in PASSAGE. The run of a network is repeated where the table has it without these rows.

Writes the result `available_context` after every run, and skips the runs that it already contains. Column `part`:
    search:  loss of a trial on the 20,000 characters
    run:     loss on the entire validation split in windows of 64 that do not overlap; for n-grams that of the 5-gram
    context: loss at the last position given only the last `context` characters, on the same 5,167 targets of the
             validation split for all; an n-gram of order n has a context of n - 1. `gain` is the loss with half the
             context minus this one, `gain_error` its standard error over the targets.
    letter:  loss at the letter after PASSAGE given only the last `context` characters: minus the log of its probability
"""

import math
import time

import common
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21 import GPT, presets
from lecture21.baselines import RNN, RNNConfig
from lecture21.data import shakespeare, split
from lecture21.training import TrainConfig, evaluate, recipe, train

NAME = "available_context"
WIDTHS = {"rnn": 213, "lstm": 110}
"""Widths of embedding and state with which a recurrent network of two layers has GPT-0's parameters."""
PRESETS = {"gpt": "gpt0", "gpt-rotary": "gpt0", "gpt-modern": "modern-gpt0"}
ROTARY, MODERN = "gpt-rotary", "gpt-modern"
RATES = (4e-3, 8e-3, 16e-3)
MUON_RATES = (1e-2, 2e-2, 4e-2)
WINDOW, BATCH = 64, 16
STEPS, SEARCH_STEPS, SEARCH_SEED = 800, 400, 100
CONTEXTS = (1, 2, 4, 8, 16, 32, 64)
ORDERS = range(1, 10)
STRIDE = 23
"""Every 23rd character of the validation split is a target."""
PASSAGE = "We are such stuff\nAs drea"
"""The Tempest, act 4, scene 1, in the validation split; the next letter is m."""
LETTER_SEED = 0


def build(name: str, seed: int) -> RNN | GPT:
    """Return an untrained network by its name, initialized with a seed."""
    torch.manual_seed(seed)
    if name in PRESETS:
        changed = {"position": "rotary"} if name == ROTARY else {}
        return GPT(presets.get(PRESETS[name], block_size=WINDOW, **changed))
    return RNN(RNNConfig(kind=name, block_size=WINDOW, n_layer=2, d_model=WIDTHS[name]))


def settings(name: str, rate: float, seed: int, steps: int) -> TrainConfig:
    """Return the training settings of a network, with one learning rate."""
    shared = {"steps": steps, "batch_size": BATCH, "eval_every": steps, "seed": seed, "device": "cpu"}
    if name == MODERN:
        return recipe(PRESETS[name], **shared, muon_learning_rate=rate)
    return TrainConfig(**shared, learning_rate=rate, warmup=100, schedule="cosine", clip=1.0)


def trained(name: str, rate: float, seed: int, steps: int, tokens: Tensor) -> tuple[RNN | GPT, dict]:
    """Train a network, and return it with the columns that describe the run."""
    model = build(name, seed)
    train(model, tokens, settings(name, rate, seed, steps))
    shape = {"n_layer": model.config.n_layer, "d_model": model.config.d_model, "parameters": model.num_parameters()}
    return model.eval(), {"model": name, "seed": seed, **shape, "learning_rate": rate, "steps": steps}


@torch.no_grad()
def last_losses(
    model: nn.Module, val: Int[Tensor, " M"], context: int, ends: Int[Tensor, " N"] | None = None
) -> Float[Tensor, " N"]:
    """Return the loss at each place of `ends` (the targets), predicted from the `context` characters before it."""
    ends = torch.arange(WINDOW, len(val), STRIDE) if ends is None else ends
    losses = []
    for end in ends.split(256):
        logits = model(val[end[:, None] + torch.arange(-context, 0)])[:, -1]  # (B, V)
        losses.append(nn.functional.cross_entropy(logits, val[end], reduction="none"))
    return torch.cat(losses)


def gains(losses: dict[int, Float[Tensor, " N"]]) -> list[dict[str, object]]:
    """Return mean loss by context, and what twice the context gains, with the standard error over the targets."""
    rows = []
    for context, values in losses.items():
        row = {"context": context, "nats": round(values.mean().item(), 5)}
        if context // 2 in losses and context > 1 and context % 2 == 0:
            gain = losses[context // 2] - values
            row["gain"] = round(gain.mean().item(), 5)
            row["gain_error"] = round(gain.std().item() / math.sqrt(len(gain)), 5)
        rows.append(row)
    return rows


def letter(model: nn.Module, val: Int[Tensor, " M"], end: int, context: int) -> dict[str, object]:
    """Return the row of one context for the letter at place `end`."""
    nats = last_losses(model, val, context, torch.tensor([end])).item()
    return {"context": context, "nats": round(nats, 5)}


class Table:
    """The rows of the result, saved whenever some are added."""

    COLUMNS = ("part", "model", "seed", "n_layer", "d_model", "parameters", "learning_rate", "steps")
    MEASURED = ("context", "nats", "gain", "gain_error")

    def __init__(self) -> None:
        self.rows = common.stored(NAME)

    def select(self, **values: object) -> list[dict[str, object]]:
        """Return the rows with these values."""
        return [row for row in self.rows if all(row[key] == value for key, value in values.items())]

    def add(self, *rows: dict[str, object]) -> None:
        """Add rows, with empty cells for what they lack, and save the table."""
        self.rows += [{column: row.get(column, math.nan) for column in self.COLUMNS + self.MEASURED} for row in rows]
        common.save(NAME, pd.DataFrame(self.rows).convert_dtypes(), arguments=False)  # whole numbers stay whole


def count(table: Table, tokens: Tensor, val: Tensor, seeds: list[int], vocab_size: int) -> None:
    """Score the n-gram models on the characters that each seed has seen, and on all of the training part."""
    texts = {("ngram-seen", seed): common.seen_by(seed, len(tokens), STEPS, WINDOW, BATCH) for seed in seeds}
    texts["ngram-all", math.nan] = torch.ones(len(tokens), dtype=torch.bool)
    for (name, seed), seen in texts.items():
        label = {"model": name, "seed": seed}
        models = {order: common.CountedNGram(order, tokens, seen, vocab_size) for order in ORDERS}
        losses = {order - 1: last_losses(model, val, max(order - 1, 1)) for order, model in models.items()}
        table.add(*({"part": "context", **label, **row} for row in gains(losses)))
        table.add({"part": "run", **label, "nats": round(evaluate(models[5], val, WINDOW), 5)})
        print(
            f"{name}, seed {seed}: {seen.float().mean():.1%} of the training part, 5-gram {table.rows[-1]['nats']}",
            flush=True,
        )


def count_letter(table: Table, tokens: Tensor, val: Tensor, end: int, vocab_size: int) -> None:
    """Score the n-gram models at the letter after the passage."""
    seen = common.seen_by(LETTER_SEED, len(tokens), STEPS, WINDOW, BATCH)
    orders = [context + 1 for context in CONTEXTS if context < max(ORDERS)]
    models = [common.CountedNGram(order, tokens, seen, vocab_size) for order in orders]
    rows = [letter(model, val, end, order - 1) for model, order in zip(models, orders, strict=True)]
    table.add(*({"part": "letter", "model": "ngram-seen", "seed": LETTER_SEED, **row} for row in rows))


def search(table: Table, name: str, tokens: Tensor) -> float:
    """Return the learning rate that scores best on the end of the training part."""
    cut = len(tokens) * 9 // 10

    def score(rate: float) -> float:
        key = {"part": "search", "model": name, "learning_rate": rate}
        if not table.select(**key):
            model, columns = trained(name, rate, SEARCH_SEED, SEARCH_STEPS, tokens[:cut])
            table.add({"part": "search", **columns, "nats": round(evaluate(model, tokens[cut : cut + 20_001]), 5)})
        return table.select(**key)[0]["nats"]

    tried = common.tune(score, MUON_RATES if name == MODERN else RATES)
    print(f"{name}: {', '.join(f'{rate:g}: {nats:.3f}' for rate, nats in tried.items())}", flush=True)
    return next(iter(tried))


def main() -> None:
    """Count, search, run the seeds and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    end = split(shakespeare())[1].index(PASSAGE) + len(PASSAGE)
    table = Table()
    if not table.select(model="ngram-all"):
        count(table, tokens, val, seeds, tokenizer.vocab_size)
    if not table.select(part="letter", model="ngram-seen"):
        count_letter(table, tokens, val, end, tokenizer.vocab_size)
    for name in (*WIDTHS, *PRESETS):
        rate = search(table, name, tokens)
        for seed in seeds:
            key = {"model": name, "seed": seed}
            complete = bool(table.select(part="run", **key))
            lettered = seed != LETTER_SEED or bool(table.select(part="letter", **key))
            if complete and lettered:
                continue
            model, columns = trained(name, rate, seed, STEPS, tokens)
            if not lettered:
                table.add(*({"part": "letter", **columns, **letter(model, val, end, c)} for c in CONTEXTS))
            if complete:
                continue
            losses = {context: last_losses(model, val, context) for context in CONTEXTS}
            scored = {"part": "run", **columns, "nats": round(evaluate(model, val), 5)}
            table.add(scored, *({"part": "context", **columns, **row} for row in gains(losses)))
            by_context = ", ".join(f"{context}: {values.mean():.3f}" for context, values in losses.items())
            print(f"{name}, seed {seed}: {scored['nats']:.4f}; by context {by_context}", flush=True)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
