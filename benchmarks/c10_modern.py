"""The recipes of `modern` and `modern-gpt0` against nanoGPT's recipe for a CPU, and against counting.

Usage: python benchmarks/c10_modern.py [EDITION]  (plays, or char-rnn with a network; about 40 minutes on one core)
       python benchmarks/c10_modern.py search     (the shapes of `small modern`; about 20 minutes on one core)
       python benchmarks/c10_modern.py search equal [SHAPE...]     (those of `equal time`; about 40 minutes on one core)

`nanogpt` follows nanoGPT's published command for a CPU (README and config/train_shakespeare_char.py: 4 layers of width
128, windows of 64, batches of 12, 2,000 steps of AdamW at 0.001 with 100 steps of warm-up and a cosine to 0.0001, betas
0.9 and 0.99, weight decay 0.1, gradients clipped at 1, no dropout), with this package's model of that shape.
Its learning rate is that of the command, and, in the arms `nanogpt, RATE`, one tuned for this text: from TUNED outwards
until the best has a worse neighbor on both sides, by the loss of seed 0 on the validation split itself, which favors
nanoGPT; the best has all seeds.
`modern` is `recipe("modern")`, which reads as many characters. `small modern` has about an eighth of nanoGPT's time,
and `equal time` all of it: the number of steps follows from the times of 20 steps of each, taken in turn at the start.
They are `modern` with GELU, which is better in `c10_modern_ablation.py` (in its tanh form), and with LayerNorm and
without the logit cap, which change nothing there, in the best of the shapes, batches and factors on all learning rates
that `search` tries in this time: trained with seed 100 on the first nine tenths of the plays' training part, and scored
on the next 20,000 characters. `equal time`, which reads the text more than once, reads it in shuffled passes, and has
heads of width 32, as `modern` does. `small nanogpt, RATE` is nanoGPT's recipe in the shape of `small modern`, with its
batch and in its time, with its rate tuned as above and a twentieth of its steps as warm-up.
`modern-gpt0` is that preset with its recipe. Each has seeds 0, 1 and 2, and is scored on the whole validation split in
windows of its block size.

Of the validation text, *The Tempest* is a play that is not in the training text, and the rest belongs to a play that
is. The losses on the rest, on the speakers' names in The Tempest (with the colon and the line's end) and on what they
say there are stored apart, and that on the names if its speakers are called as those of the training text.

Writes the result `modern`, or `modern_char_rnn`, after every run, and skips the runs that it already contains:
    edition, arm, seed; window: the block size; parameters, steps, characters (of the training batches);
    seconds: process time of training; nats per character on the validation split; known, names, speech, renamed: those
    of its parts (not in the earlier rows of the plays). Rows of n-grams have only nats; their contexts begin with the
    window, as those of the networks do.
And `modern_search` and `modern_equal_time`, in the same way: n_layer, d_model, batch_size, factor, seed, steps,
    seconds, and nats on the 20,000 characters.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import common
import torch
from c09_new_play import BEGINNING
from c10_modern_ablation import FACTORS, HELD_OUT, SEARCH_SEED, scaled
from torch.nn.functional import cross_entropy

from lecture21 import GPT, GPTConfig, presets
from lecture21.baselines import NGram
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, evaluate, learning_rate, recipe, sample_windows, train

NAMES = {"plays": "modern", "char-rnn": "modern_char_rnn"}
SEEDS, ROUNDS = (0, 1, 2), 15
COLUMNS = (
    "edition", "arm", "seed", "window", "parameters", "steps", "characters", "seconds",
    "nats", "known", "names", "speech", "renamed",
)  # fmt: skip
Fit = Callable[[GPT, torch.Tensor, TrainConfig], object]
NANOGPT = GPTConfig(
    block_size=64, d_model=128, bias=False, tied_head=True, activation="gelu", initialization="gpt2"
)  # fmt: skip
NANOGPT_RUN = TrainConfig(2000, 12, learning_rate=1e-3, warmup=100, schedule="cosine", device="cpu")
TUNED = (4e-3,)
FLOOR = 0.1  # nanoGPT's cosine ends at a tenth of its peak

SPEAKER = re.compile(r"(?:^|(?<=\n\n))([^\n]+):\n")


@dataclass(frozen=True)
class Search:
    """The shapes that are tried in a share of nanoGPT's time, each of blocks, width, and windows in a batch."""

    table: str
    share: float
    shapes: tuple[tuple[int, int, int], ...]
    d_head: int | None = None
    """Width of a head; that of four heads if not given."""
    shuffle: bool = False

    def model(self, n_layer: int, width: int, vocab_size: int) -> GPTConfig:
        """Return `modern` of another shape, with GELU and LayerNorm and without the logit cap."""
        parts = {"activation": "gelu", "norm": "layernorm", "logit_cap": None}
        heads = width // self.d_head if self.d_head else 4
        shape = {"n_layer": n_layer, "d_model": width, "n_head": heads, "n_kv_head": heads, "d_head": width // heads}
        return presets.get("modern", **shape, vocab_size=vocab_size, **parts)

    def run(self, batch_size: int, factor: float = 1.0, seed: int = 0) -> TrainConfig:
        """Return the recipe of `modern` with other batches, and a factor on all learning rates."""
        changes = {"batch_size": batch_size, "shuffle": self.shuffle, "device": "cpu", "seed": seed}
        return scaled(recipe("modern", **changes), factor)

    def found(self, vocab_size: int) -> tuple[GPTConfig, TrainConfig, Fit]:
        """Return the best model of the search and its run, with the recipe's number of steps."""
        best = min(common.stored(self.table), key=lambda row: row["nats"])
        return (
            self.model(best["n_layer"], best["d_model"], vocab_size),
            self.run(best["batch_size"], best["factor"]),
            train,
        )


SMALL = Search(
    "modern_search",
    1 / 8,
    (
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
    ),
)
EQUAL = Search(
    "modern_equal_time",
    1.0,
    (
        *((2, 96, batch) for batch in (16, 24)),
        (2, 128, 16),
        *((3, 96, batch) for batch in (12, 16, 24)),
        (3, 128, 16),
        (4, 96, 16),
    ),
    d_head=32,
    shuffle=True,
)


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


def steps_of(share: float, config: GPTConfig, run: TrainConfig, fit: Fit, tokens: torch.Tensor) -> int:
    """Return how many steps take a share of nanoGPT's time, by the median over rounds, taken in turn."""
    few = {"steps": 20, "eval_every": 20}
    nanogpt = NANOGPT.changed(vocab_size=config.vocab_size)
    pairs = ((nanogpt, NANOGPT_RUN, train_nanogpt), (config, run, fit))
    times = [[seconds(shape, replace(run, **few), fit, tokens) for shape, run, fit in pairs] for _ in range(ROUNDS)]
    ratio = torch.tensor([b / a for a, b in times]).median().item()
    return round(share * NANOGPT_RUN.steps / ratio)


def matches(row: dict[str, object], columns: dict[str, object]) -> bool:
    """Return whether a row has these values."""
    return all(row[name] == value for name, value in columns.items())


def search(kind: Search, shapes: Iterable[tuple[int, int, int]]) -> None:
    """Tune the factor of shapes, on the training part of the plays, and write the table after each run."""
    tokenizer, tokens, _ = common.encoded_plays()
    cut = len(tokens) * 9 // 10

    def score(shape: dict[str, int], steps: int, factor: float) -> float:
        point = {**shape, "factor": factor, "seed": SEARCH_SEED, "steps": steps}
        if known := [row["nats"] for row in common.stored(kind.table) if matches(row, point)]:
            return known[0]
        run = replace(kind.run(shape["batch_size"], factor, SEARCH_SEED), steps=steps, eval_every=steps)
        torch.manual_seed(SEARCH_SEED)
        model = GPT(kind.model(shape["n_layer"], shape["d_model"], tokenizer.vocab_size))
        took = seconds(model.config, run, train, tokens[:cut], model)
        nats = round(evaluate(model, tokens[cut : cut + HELD_OUT + 1]), 5)
        row = {**point, "seconds": round(took, 1), "nats": nats}
        print(*row.values(), sep="  ", flush=True)
        common.save(kind.table, [*common.stored(kind.table), row], arguments=False)
        return nats

    for n_layer, width, batch_size in shapes:
        shape = {"n_layer": n_layer, "d_model": width, "batch_size": batch_size}
        known = [row["steps"] for row in common.stored(kind.table) if matches(row, shape)]
        config = kind.model(n_layer, width, tokenizer.vocab_size)
        steps = known[0] if known else steps_of(kind.share, config, kind.run(batch_size), train, tokens)
        common.tune(partial(score, shape, steps), FACTORS[:2])


class Comparison:
    """The arms on one edition, and the table of their runs."""

    def __init__(self, edition: str):
        self.edition, self.name = edition, NAMES[edition]
        text = shakespeare(edition)
        self.tokenizer = CharTokenizer.from_text(text)
        size = {"vocab_size": self.tokenizer.vocab_size}
        self.train_text, self.val_text = split(text)
        self.tokens, self.val = (torch.tensor(self.tokenizer.encode(part)) for part in (self.train_text, self.val_text))
        self.rows = [{**dict.fromkeys(COLUMNS, ""), **row} for row in common.stored(self.name)]
        self.arms: dict[str, tuple[GPTConfig, TrainConfig, Fit]] = {
            "nanogpt": (NANOGPT.changed(**size), NANOGPT_RUN, train_nanogpt),
            "modern": (presets.get("modern", **size), recipe("modern"), train),
            "modern-gpt0": (presets.get("modern-gpt0", **size), recipe("modern-gpt0"), train),
        }
        # The numbers of steps that follow from a share of nanoGPT's time: one for all learning rates.
        self.timed = {
            row["arm"].split(",")[0]: int(row["steps"])
            for row in self.rows
            if row["arm"].startswith(("small", "equal"))
        }

    def add_in_time(self, name: str, share: float, arm: tuple[GPTConfig, TrainConfig, Fit]) -> None:
        """Add an arm with as many steps as a share of nanoGPT's time has."""
        config, run, fit = arm
        kind = name.split(",")[0]
        if kind not in self.timed:
            self.timed[kind] = steps_of(share, config, run, fit, self.tokens)
        warmup = self.timed[kind] * run.warmup // run.steps
        self.arms[name] = (config, replace(run, steps=self.timed[kind], warmup=warmup), fit)

    def missing(self, **columns: object) -> bool:
        """Return whether no stored row has these values."""
        return not any(matches(row, columns) for row in self.rows)

    def add(self, **columns: object) -> None:
        """Add a row and write the table."""
        self.rows.append({**dict.fromkeys(COLUMNS, ""), "edition": self.edition, **columns})
        print(*columns.values(), sep="  ", flush=True)
        common.save(self.name, self.rows)

    def count(self) -> None:
        """Add the rows of the n-grams."""
        for window in (32, 64):
            for order in range(1, 6):
                if self.missing(arm=f"{order}-gram", window=window):
                    ngram = NGram(order, self.tokenizer.vocab_size).fit(self.tokens)
                    self.add(arm=f"{order}-gram", window=window, nats=round(evaluate(ngram, self.val, window), 5))

    def fitted(self, arm: str, seed: int) -> float:
        """Return the loss of an arm, which is trained if it has no row."""
        config, run, fit = self.arms[arm]
        if self.missing(arm=arm, seed=seed):
            run = replace(run, seed=seed, device="cpu", eval_every=max(run.steps, 1))
            torch.manual_seed(seed)
            model = GPT(config)
            took = seconds(config, run, fit, self.tokens, model)
            self.add(
                arm=arm, seed=seed, window=config.block_size, parameters=model.num_parameters(), steps=run.steps,
                characters=run.steps * run.batch_size * config.block_size, seconds=round(took, 1),
                nats=round(evaluate(model, self.val), 5), **self.losses_of_parts(model),
            )  # fmt: skip
        return next(row["nats"] for row in self.rows if matches(row, {"arm": arm, "seed": seed}))

    def losses_of_parts(self, model: GPT) -> dict[str, float]:
        """Return the losses on the known play, on names and speech of the new one, and on names that are replaced."""
        cut = self.val_text.index(BEGINNING)
        known, new = self.val_text[:cut], self.val_text[cut:]
        names, speech = self.losses(model, new)
        renamed, _ = self.losses(model, with_known_names(new, self.train_text))
        every = torch.cat(self.losses(model, known))
        parts = {"known": every, "names": names, "speech": speech, "renamed": renamed}
        return {name: round(losses.mean().item(), 5) for name, losses in parts.items()}

    def losses(self, model: GPT, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses on the characters of speakers' names, and on all others, in windows of the block size."""
        T = model.block_size
        n = (len(text) - 1) // T * T
        ids = torch.tensor(self.tokenizer.encode(text))
        with torch.no_grad():
            logits = torch.cat([model(batch) for batch in ids[:n].view(-1, T).split(64)])
        losses = cross_entropy(logits.flatten(0, 1), ids[1 : n + 1], reduction="none")
        is_name = torch.zeros(len(text), dtype=torch.bool)
        for line in SPEAKER.finditer(text):
            is_name[line.start() : line.end()] = True
        is_name = is_name[1 : n + 1]
        return losses[is_name], losses[~is_name]

    def tune(self, add: Callable[[float], str]) -> str:
        """Return the arm with the best learning rate, from TUNED outwards, by the loss of seed 0."""
        return add(next(iter(common.tune(lambda rate: self.fitted(add(rate), 0), TUNED))))

    def nanogpt_at(self, rate: float) -> str:
        """Add nanoGPT's recipe with another learning rate."""
        name = f"nanogpt, {rate:g}"
        config, run, fit = self.arms["nanogpt"]
        self.arms[name] = (config, replace(run, learning_rate=rate), fit)
        return name

    def small_nanogpt_at(self, rate: float) -> str:
        """Add nanoGPT's recipe with another learning rate, in shape, batch and time of the small model."""
        name = f"small nanogpt, {rate:g}"
        self.add_in_time(name, SMALL.share, small_nanogpt(rate, self.tokenizer.vocab_size))
        return name


def with_known_names(text: str, train_text: str) -> str:
    """Replace the speaker with the most lines by the one of the training text, and so on down both lists."""
    casts = [[name for name, _ in Counter(SPEAKER.findall(t)).most_common()] for t in (text, train_text)]
    new_names = dict(zip(casts[0], casts[1], strict=False))
    return SPEAKER.sub(lambda line: f"{new_names[line[1]]}:\n", text)


def small_nanogpt(rate: float, vocab_size: int) -> tuple[GPTConfig, TrainConfig, Fit]:
    """Return nanoGPT's recipe, with another learning rate, in the shape and the batch of the small model."""
    shape, run, _ = SMALL.found(vocab_size)
    config = NANOGPT.changed(d_model=shape.d_model, n_layer=shape.n_layer, vocab_size=vocab_size)
    return config, replace(NANOGPT_RUN, batch_size=run.batch_size, learning_rate=rate), train_nanogpt


def main() -> None:
    """Run the search, or every arm that is missing."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["search"]:
        kind = EQUAL if sys.argv[2:3] == ["equal"] else SMALL
        shapes = [tuple(int(n) for n in shape.split(",")) for shape in sys.argv[3:]]
        search(kind, shapes or kind.shapes)
        return
    comparison = Comparison(sys.argv[1] if len(sys.argv) > 1 else "plays")
    for name, kind in (("small modern", SMALL), ("equal time", EQUAL)):
        comparison.add_in_time(name, kind.share, kind.found(comparison.tokenizer.vocab_size))
    comparison.count()
    arms = list(comparison.arms)
    arms += [comparison.tune(comparison.nanogpt_at), comparison.tune(comparison.small_nanogpt_at)]
    for seed in SEEDS:
        for arm in arms:
            comparison.fitted(arm, seed)


if __name__ == "__main__":
    main()
