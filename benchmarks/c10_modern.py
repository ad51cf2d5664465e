"""The recipes of `modern` and `modern-gpt0` against nanoGPT's recipe for a CPU, and against counting.

Usage: python benchmarks/c10_modern.py [EDITION]  (plays, or char-rnn with a network; about 40 minutes on one core)
       python benchmarks/c10_modern.py search     (the shapes of `small modern`; about 20 minutes on one core)

`nanogpt` follows nanoGPT's published command for a CPU (README and config/train_shakespeare_char.py: 4 layers of width
128, windows of 64, batches of 12, 2,000 steps of AdamW at 0.001 with 100 steps of warm-up and a cosine to 0.0001, betas
0.9 and 0.99, weight decay 0.1, gradients clipped at 1, no dropout), with this package's model of that shape.
Its learning rate is that of the command, and, in the arms `nanogpt, RATE`, one tuned for this text: from TUNED outwards
until the best has a worse neighbor on both sides, by the loss of seed 0 on the validation split itself, which favors
nanoGPT; the best has all seeds.
`modern` is `recipe("modern")`, which reads as many characters. `small modern` has about an eighth of nanoGPT's time:
the number of steps follows from the times of 20 steps of each, taken in turn at the start. It is `modern` with GELU,
which is better in `c10_modern_ablation.py` (in its tanh form), and with LayerNorm and without the logit cap, which
change nothing there, in the best of the shapes, batches and factors on all learning rates that `search` tries in this
time: trained with seed 100 on the first nine tenths of the plays' training part, and scored on the next 20,000
characters. `small nanogpt, RATE` is nanoGPT's recipe in this shape, with this batch and in this time, with its rate
tuned as above and a twentieth of its steps as warm-up.
`modern-gpt0` is that preset with its recipe. Each has seeds 0, 1 and 2, and is scored on the whole validation split in
windows of its block size.

Writes the result `modern`, or `modern_char_rnn`, after every run, and skips the runs that it already contains:
    edition, arm, seed; window: the block size; parameters, steps, characters (of the training batches);
    seconds: process time of training; nats per character on the validation split. Rows of n-grams have only nats; their
    contexts begin with the window, as those of the networks do.
And `modern_search`, in the same way: n_layer, d_model, batch_size, factor, seed, steps, seconds, and nats on the
    20,000 characters.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import common
import torch
from c10_modern_ablation import FACTORS, HELD_OUT, SEARCH_SEED, scaled

from lecture21 import GPT, GPTConfig, presets
from lecture21.baselines import NGram
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, evaluate, learning_rate, recipe, sample_windows, train

NAMES = {"plays": "modern", "char-rnn": "modern_char_rnn"}
SEARCH, SEEDS = "modern_search", (0, 1, 2)
Fit = Callable[[GPT, torch.Tensor, TrainConfig], object]
NANOGPT = GPTConfig(
    block_size=64, d_model=128, bias=False, tied_head=True, activation="gelu", initialization="gpt2"
)  # fmt: skip
NANOGPT_RUN = TrainConfig(2000, 12, learning_rate=1e-3, warmup=100, schedule="cosine", device="cpu")
TUNED = (4e-3,)
SHARE = 1 / 8  # of nanoGPT's time
SHAPES = (  # blocks, width and windows in a batch, in the search
    *((4, 128, batch) for batch in (4, 8)),
    (4, 96, 8),
    *((4, 64, batch) for batch in (8, 12)),
    (3, 64, 8),
    (2, 128, 8),
    *((2, 96, batch) for batch in (4, 8)),
    *((2, 64, batch) for batch in (8, 12, 16, 24)),
    (2, 48, 8),
    (1, 128, 8),
    *((1, 64, batch) for batch in (8, 12, 16)),
)
FLOOR = 0.1  # nanoGPT's cosine ends at a tenth of its peak


def train_nanogpt(model: GPT, tokens: torch.Tensor, config: TrainConfig) -> None:
    """Train as nanoGPT's train.py does; its cosine does not end at 0, so that `train` cannot repeat it."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    generator = torch.Generator().manual_seed(config.seed)
    model.train()
    for step in range(config.steps):
        rate = learning_rate(step, config)
        for group in optimizer.param_groups:
            floor = 0.0 if step < config.warmup else FLOOR
            group["lr"] = floor * config.learning_rate + (1 - floor) * rate
        ids, targets = sample_windows(tokens, model.block_size, config.batch_size, generator)
        optimizer.zero_grad()
        model.loss(ids, targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def seconds(config: GPTConfig, run: TrainConfig, fit: Fit, tokens: torch.Tensor, model: GPT | None = None) -> float:
    """Train one model and return the process time that this took."""
    model = GPT(config) if model is None else model
    start = time.process_time()
    fit(model, tokens, run)
    return time.process_time() - start


def steps_of(config: GPTConfig, run: TrainConfig, fit: Fit, tokens: torch.Tensor, rounds: int = 7) -> int:
    """Return how many steps take the share of nanoGPT's time, by the median over rounds, taken in turn."""
    few = {"steps": 20, "eval_every": 20}
    nanogpt = NANOGPT.changed(vocab_size=config.vocab_size)
    pairs = ((nanogpt, NANOGPT_RUN, train_nanogpt), (config, run, fit))
    times = [[seconds(shape, replace(run, **few), fit, tokens) for shape, run, fit in pairs] for _ in range(rounds)]
    ratio = torch.tensor([b / a for a, b in times]).median().item()
    return round(SHARE * NANOGPT_RUN.steps / ratio)


def small_modern(n_layer: int, width: int, vocab_size: int) -> GPTConfig:
    """Return `modern` of another shape, with GELU and LayerNorm and without the logit cap."""
    parts = {"activation": "gelu", "norm": "layernorm", "logit_cap": None}
    return presets.get("modern", n_layer=n_layer, d_model=width, vocab_size=vocab_size, **parts)


def search() -> None:
    """Tune the factor of every shape, on the training part of the plays, and write the table after each run."""
    tokenizer, tokens, _ = common.encoded_plays()
    cut = len(tokens) * 9 // 10

    def score(key: dict[str, object], config: GPTConfig, run: TrainConfig, factor: float) -> float:
        point = {**key, "factor": factor}
        for row in common.stored(SEARCH):
            if all(row[name] == value for name, value in point.items()):
                return row["nats"]
        torch.manual_seed(SEARCH_SEED)
        model = GPT(config)
        took = seconds(config, scaled(run, factor), train, tokens[:cut], model)
        nats = round(evaluate(model, tokens[cut : cut + HELD_OUT + 1]), 5)
        row = {**point, "seed": SEARCH_SEED, "steps": run.steps, "seconds": round(took, 1), "nats": nats}
        print(*row.values(), sep="  ", flush=True)
        common.save(SEARCH, [*common.stored(SEARCH), row], arguments=False)
        return nats

    for n_layer, width, batch_size in SHAPES:
        config = small_modern(n_layer, width, tokenizer.vocab_size)
        key = {"n_layer": n_layer, "d_model": width, "batch_size": batch_size}
        known = [row["steps"] for row in common.stored(SEARCH) if all(row[k] == v for k, v in key.items())]
        run = recipe("modern", batch_size=batch_size, device="cpu", seed=SEARCH_SEED)
        steps = known[0] if known else steps_of(config, run, train, tokens)
        common.tune(partial(score, key, config, replace(run, steps=steps, eval_every=steps)), FACTORS[:2])


def found(vocab_size: int) -> tuple[GPTConfig, TrainConfig, Fit]:
    """Return the best model of the search and its run, with the recipe's number of steps."""
    best = min(common.stored(SEARCH), key=lambda row: row["nats"])
    run = recipe("modern", batch_size=best["batch_size"], device="cpu")
    return small_modern(best["n_layer"], best["d_model"], vocab_size), scaled(run, best["factor"]), train


def small_nanogpt(rate: float, vocab_size: int) -> tuple[GPTConfig, TrainConfig, Fit]:
    """Return nanoGPT's recipe, with another learning rate, in the shape and the batch that the search found."""
    shape, run, _ = found(vocab_size)
    config = NANOGPT.changed(d_model=shape.d_model, n_layer=shape.n_layer, vocab_size=vocab_size)
    return config, replace(NANOGPT_RUN, batch_size=run.batch_size, learning_rate=rate), train_nanogpt


def main() -> None:
    """Time the steps, run every arm that is missing, and write the table after each."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["search"]:
        search()
        return
    edition = sys.argv[1] if len(sys.argv) > 1 else "plays"
    text = shakespeare(edition)
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    size = {"vocab_size": tokenizer.vocab_size}
    modern, small = presets.get("modern", **size), presets.get("modern-gpt0", **size)
    name = NAMES[edition]
    rows = common.stored(name)
    arms = {
        "nanogpt": (NANOGPT.changed(**size), NANOGPT_RUN, train_nanogpt),
        "modern": (modern, recipe("modern"), train),
        "small modern": found(tokenizer.vocab_size),
        "modern-gpt0": (small, recipe("modern-gpt0"), train),
    }
    # The numbers of steps that follow from the share of nanoGPT's time.
    timed = {row["arm"].split(",")[0]: int(row["steps"]) for row in rows if row["arm"].startswith("small")}

    def in_time(name: str) -> None:
        config, run, fit = arms[name]
        kind = name.split(",")[0]  # one number for all learning rates
        if kind not in timed:
            timed[kind] = steps_of(config, run, fit, tokens)
        warmup = timed[kind] * run.warmup // run.steps
        arms[name] = (config, replace(run, steps=timed[kind], warmup=warmup), fit)

    in_time("small modern")

    def missing(**columns: object) -> bool:
        return not any(all(row[name] == value for name, value in columns.items()) for row in rows)

    def add(**columns: object) -> None:
        blank = dict.fromkeys(("edition", "arm", "seed", "window", "parameters", "steps", "characters", "seconds"), "")
        rows.append({**blank, "edition": edition, **columns})
        print(*columns.values(), sep="  ", flush=True)
        common.save(name, rows)

    for window in (32, 64):
        for order in range(1, 6):
            if missing(arm=f"{order}-gram", window=window):
                nats = evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, window)
                add(arm=f"{order}-gram", window=window, nats=round(nats, 5))

    def fitted(arm: str, seed: int) -> float:
        config, run, fit = arms[arm]
        if missing(arm=arm, seed=seed):
            run = replace(run, seed=seed, device="cpu", eval_every=max(run.steps, 1))
            torch.manual_seed(seed)
            model = GPT(config)
            took = seconds(config, run, fit, tokens, model)
            add(
                arm=arm, seed=seed, window=config.block_size, parameters=model.num_parameters(), steps=run.steps,
                characters=run.steps * run.batch_size * config.block_size, seconds=round(took, 1),
                nats=round(evaluate(model, val), 5),
            )  # fmt: skip
        return next(row["nats"] for row in rows if (row["arm"], row["seed"]) == (arm, seed))

    published = list(arms)

    def tuned(rate: float) -> str:
        name = f"nanogpt, {rate:g}"
        arms[name] = (arms["nanogpt"][0], replace(NANOGPT_RUN, learning_rate=rate), train_nanogpt)
        return name

    def tuned_small(rate: float) -> str:
        name = f"small nanogpt, {rate:g}"
        arms[name] = small_nanogpt(rate, tokenizer.vocab_size)
        in_time(name)
        return name

    best = [
        arm_of(next(iter(common.tune(lambda rate, arm_of=arm_of: fitted(arm_of(rate), 0), TUNED))))
        for arm_of in (tuned, tuned_small)
    ]
    for seed in SEEDS:
        for arm in (*published, *best):
            fitted(arm, seed)


if __name__ == "__main__":
    main()
