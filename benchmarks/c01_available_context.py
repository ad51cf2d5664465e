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
the passage that ends in PASSAGE.

Writes the result `available_context`. Column `part`:
    search:  loss of a trial on the 20,000 characters
    run:     loss on the entire validation split in windows of 64 that do not overlap; for n-grams that of the 5-gram
    context: loss at the last position given only the last `context` characters, on the same 5,167 targets of the
             validation split for all; `gain` is the loss with half the context minus this one
    letter:  loss at the letter after PASSAGE given only the last `context` characters: minus the log of its probability
"""

from functools import cache

import common
import torch
from jaxtyping import Float, Int
from table import Table, each, run, seeds
from torch import Tensor, nn

from lecture21 import GPT, presets
from lecture21.baselines import RNN, RNNConfig
from lecture21.data import shakespeare, split
from lecture21.training import TrainConfig, evaluate, recipe, train

RUNS = Table("available_context", key=("model", "seed", "learning_rate", "steps"))
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
    """Return the mean loss by context, and what it gains over half the context."""
    rows = []
    for context, values in losses.items():
        row = {"context": context, "nats": round(values.mean().item(), 5)}
        if context // 2 in losses and context > 1 and context % 2 == 0:
            row["gain"] = round((losses[context // 2] - values).mean().item(), 5)
        rows.append(row)
    return rows


def letter(model: nn.Module, val: Int[Tensor, " M"], end: int, context: int) -> dict[str, object]:
    """Return the row of one context for the letter at place `end`."""
    nats = last_losses(model, val, context, torch.tensor([end])).item()
    return {"context": context, "nats": round(nats, 5)}


def count(model: str, seed: int | None = None) -> list[dict[str, object]]:
    """Score the n-gram models on the characters that a seed has seen, or, without one, on all of the training part."""
    size, tokens, val, end = texts()
    seen = torch.ones(len(tokens), dtype=torch.bool)
    if seed is not None:
        seen = common.seen_by(seed, len(tokens), STEPS, WINDOW, BATCH)
    models = {order: common.CountedNGram(order, tokens, seen, size) for order in ORDERS}
    losses = {order - 1: last_losses(counted, val, max(order - 1, 1)) for order, counted in models.items()}
    rows = [{"part": "context", **row} for row in gains(losses)]
    rows.append({"part": "run", "nats": round(evaluate(models[5], val, WINDOW), 5)})
    if seed == LETTER_SEED:
        contexts = [context for context in CONTEXTS if context < max(ORDERS)]
        counted = [common.CountedNGram(context + 1, tokens, seen, size) for context in contexts]
        rows += [{"part": "letter", **letter(m, val, end, c)} for m, c in zip(counted, contexts, strict=True)]
    return rows


@cache
def texts() -> tuple[int, Tensor, Tensor, int]:
    """Return the number of symbols, training and validation split, and the place of the letter after the passage."""
    tokenizer, tokens, val = common.encoded_plays()
    return tokenizer.vocab_size, tokens, val, split(shakespeare())[1].index(PASSAGE) + len(PASSAGE)


def searched(model: str, seed: int, learning_rate: float, steps: int) -> dict[str, object]:
    """Train on the training part without its end, and score on 20,000 characters of that."""
    _, tokens, *_ = texts()
    cut = len(tokens) * 9 // 10
    network, columns = trained(model, learning_rate, seed, steps, tokens[:cut])
    return {"part": "search", **columns, "nats": round(evaluate(network, tokens[cut : cut + 20_001]), 5)}


def measure(model: str, seed: int, learning_rate: float, steps: int) -> list[dict[str, object]]:
    """Train a network, and score it as a whole, by context, and, with one seed, at the letter."""
    _, tokens, val, end = texts()
    network, columns = trained(model, learning_rate, seed, steps, tokens)
    rows = [{"part": "letter", **columns, **letter(network, val, end, c)} for c in CONTEXTS if seed == LETTER_SEED]
    rows.append({"part": "run", **columns, "nats": round(evaluate(network, val), 5)})
    losses = {context: last_losses(network, val, context) for context in CONTEXTS}
    return rows + [{"part": "context", **columns, **row} for row in gains(losses)]


def compare(name: str) -> None:
    """Search the learning rate of a network, and run it with every seed."""
    search = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": seeds(3)}
    first = MUON_RATES if name == MODERN else RATES
    rate = RUNS.tune(searched, "learning_rate", first, **search, model=name, steps=SEARCH_STEPS)
    for seed in seeds(3):
        RUNS.rows(measure, model=name, seed=seed, learning_rate=rate, steps=STEPS)


def main() -> None:
    """Count, and compare the networks."""
    RUNS.rows(count, model="ngram-all")
    for seed in seeds(3):
        RUNS.rows(count, model="ngram-seen", seed=seed)
    each(compare, (*WIDTHS, *PRESETS))


if __name__ == "__main__":
    run(main)
