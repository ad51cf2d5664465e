"""The recipes of `modern` and `modern-gpt0` against nanoGPT's recipe for a CPU, and against counting.

Usage: python benchmarks/c10_modern.py [EDITION]  (plays, or char-rnn with a network; about 30 minutes on one core)

`nanogpt` follows nanoGPT's published command for a CPU (README and config/train_shakespeare_char.py: 4 layers of width
128, windows of 64, batches of 12, 2,000 steps of AdamW at 0.001 with 100 steps of warm-up and a cosine to 0.0001, betas
0.9 and 0.99, weight decay 0.1, gradients clipped at 1, no dropout), with this package's model of that shape.
Its learning rate is that of the command, and, in the arms `nanogpt, RATE`, one tuned for this text: from TUNED outwards
until the best has a worse neighbor on both sides, by the loss of seed 0 on the validation split itself, which favors
nanoGPT; the best has all seeds.
`modern` is `recipe("modern")`, which reads as many characters. `modern, short` has a ninth of nanoGPT's steps and
three times the learning rates, the best of three trials on the validation split. In `modern, equal time` the number
of steps is chosen so that it takes nanoGPT's time, from the times of 20 steps of each, taken in turn at the start.
`modern-gpt0` is that preset with its recipe. Each has seeds 0, 1 and 2, and is scored on the whole validation split in
windows of its block size.

Writes the result `modern` after every run, and skips the runs that it already contains:
    edition, arm, seed; window: the block size; parameters, steps, characters (of the training batches);
    seconds: process time of training; nats per character on the validation split. Rows of n-grams have only nats; their
    contexts begin with the window, as those of the networks do.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import common
import torch

from lecture21 import GPT, GPTConfig, presets
from lecture21.baselines import NGram
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, evaluate, learning_rate, recipe, sample_windows, train

NAME, SEEDS = "modern", (0, 1, 2)
NANOGPT = GPTConfig(
    block_size=64, d_model=128, bias=False, tied_head=True, activation="gelu", initialization="gpt2"
)  # fmt: skip
NANOGPT_RUN = TrainConfig(2000, 12, learning_rate=1e-3, warmup=100, schedule="cosine", device="cpu")
TUNED = (4e-3,)
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


Fit = Callable[[GPT, torch.Tensor, TrainConfig], object]


def seconds(config: GPTConfig, run: TrainConfig, fit: Fit, tokens: torch.Tensor, model: GPT | None = None) -> float:
    """Train one model and return the process time that this took."""
    model = GPT(config) if model is None else model
    start = time.process_time()
    fit(model, tokens, run)
    return time.process_time() - start


def step_ratio(modern: GPTConfig, tokens: torch.Tensor, rounds: int = 7) -> float:
    """Return the time of a step of `modern` divided by that of nanoGPT: the median over rounds, taken in turn."""
    few = {"steps": 20, "eval_every": 20}
    runs = [(NANOGPT_RUN, NANOGPT, train_nanogpt), (recipe("modern", device="cpu"), modern, train)]
    times = [[seconds(config, replace(run, **few), fit, tokens) for run, config, fit in runs] for _ in range(rounds)]
    return torch.tensor([b / a for a, b in times]).median().item()


def main() -> None:
    """Time the steps, run every arm that is missing, and write the table after each."""
    torch.set_num_threads(1)
    edition = sys.argv[1] if len(sys.argv) > 1 else "plays"
    text = shakespeare(edition)
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    size = {"vocab_size": tokenizer.vocab_size}
    modern, small = presets.get("modern", **size), presets.get("modern-gpt0", **size)
    steps = NANOGPT_RUN.steps
    rows = common.stored(NAME)
    timed = [row["steps"] for row in rows if (row["edition"], row["arm"]) == (edition, "modern, equal time")]
    equal_time = int(timed[0]) if timed else round(steps / step_ratio(modern, tokens))
    print(f"modern makes {equal_time} steps in the time of {steps} of nanoGPT", flush=True)
    rates = {"learning_rate": 9e-3, "embedding_learning_rate": 3e-2, "muon_learning_rate": 0.06}
    short = recipe("modern", steps=steps // 9, **rates)
    arms = {
        "nanogpt": (NANOGPT.changed(**size), NANOGPT_RUN, train_nanogpt),
        "modern": (modern, recipe("modern"), train),
        "modern, short": (modern, short, train),
        "modern, equal time": (modern, recipe("modern", steps=equal_time), train),
        "modern-gpt0": (small, recipe("modern-gpt0"), train),
    }

    def missing(**columns: object) -> bool:
        return not any(all(row[name] == value for name, value in columns.items()) for row in rows)

    def add(**columns: object) -> None:
        blank = dict.fromkeys(("edition", "arm", "seed", "window", "parameters", "steps", "characters", "seconds"), "")
        rows.append({**blank, "edition": edition, **columns})
        print(*columns.values(), sep="  ", flush=True)
        common.save(NAME, rows)

    for window in (32, 64):
        for order in range(1, 6):
            if missing(edition=edition, arm=f"{order}-gram", window=window):
                nats = evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, window)
                add(arm=f"{order}-gram", window=window, nats=round(nats, 5))

    def fitted(arm: str, seed: int) -> float:
        config, run, fit = arms[arm]
        if missing(edition=edition, arm=arm, seed=seed):
            run = replace(run, seed=seed, device="cpu", eval_every=max(run.steps, 1))
            torch.manual_seed(seed)
            model = GPT(config)
            took = seconds(config, run, fit, tokens, model)
            add(
                arm=arm, seed=seed, window=config.block_size, parameters=model.num_parameters(), steps=run.steps,
                characters=run.steps * run.batch_size * config.block_size, seconds=round(took, 1),
                nats=round(evaluate(model, val), 5),
            )  # fmt: skip
        return next(r["nats"] for r in rows if (r["edition"], r["arm"], r["seed"]) == (edition, arm, seed))

    published = list(arms)

    def tuned(rate: float) -> str:
        name = f"nanogpt, {rate:g}"
        arms[name] = (arms["nanogpt"][0], replace(NANOGPT_RUN, learning_rate=rate), train_nanogpt)
        return name

    best = tuned(next(iter(common.tune(lambda rate: fitted(tuned(rate), 0), TUNED))))
    for seed in SEEDS:
        for arm in (*published, best):
            fitted(arm, seed)


if __name__ == "__main__":
    main()
