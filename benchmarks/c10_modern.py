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

Writes the result `modern`, or `modern_char_rnn`: nats per character on the validation split, and in its parts (known,
names, speech, renamed; not in the earlier rows of the plays). The contexts of n-grams begin with the window, as those
of the networks do. And `modern_search` and `modern_equal_time`, with the nats on the 20,000 characters.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import product
from typing import NamedTuple

import common
import torch
from c09_new_play import BEGINNING
from c10_modern_ablation import FACTORS, HELD_OUT, SEARCH_SEED, scaled
from table import OPTIONS, Table, each, run, stored
from torch import Tensor
from torch.nn.functional import cross_entropy

from lecture21 import GPT, GPTConfig, presets
from lecture21.baselines import NGram
from lecture21.course.speedrun import RECIPES
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, evaluate, learning_rate, recipe, sample_windows, train

Train = Callable[[GPT, Tensor, TrainConfig], object]
NANOGPT = RECIPES["nanogpt"].model
NANOGPT_RUN = TrainConfig(2000, 12, learning_rate=1e-3, warmup=100, schedule="cosine", device="cpu")
FLOOR = 0.1  # nanoGPT's cosine ends at a tenth of its peak
SEEDS, TUNED = (0, 1, 2), (4e-3,)
SHARES = {"small modern": 1 / 8, "small nanogpt": 1 / 8, "equal time": 1.0}
"""The arms whose steps are as many as take a share of nanoGPT's time."""
ROUNDS, TIMED_STEPS = 15, 20

KEY = ("edition", "arm", "seed", "window", "steps")
RUNS = {"plays": Table("modern", KEY), "char-rnn": Table("modern_char_rnn", KEY)}
SHAPE = ("n_layer", "d_model", "batch_size")

SPEAKER = re.compile(r"(?:^|(?<=\n\n))([^\n]+):\n")


class Arm(NamedTuple):
    """A model, the settings of its training, and the function that trains it."""

    model: GPTConfig
    run: TrainConfig
    train: Train = train


@dataclass(frozen=True)
class Search:
    """The shapes that are tried in a share of nanoGPT's time, each of blocks, width, and windows in a batch."""

    table: str
    share: float
    shapes: tuple[tuple[int, int, int], ...] = field(repr=False, compare=False)
    d_head: int | None = None
    """Width of a head; that of four heads if not given."""
    shuffle: bool = False

    def arm(self, n_layer: int, d_model: int, batch_size: int, factor: float, seed: int, vocab_size: int) -> Arm:
        """Return `modern` in another shape, with GELU and LayerNorm, without the logit cap, with scaled rates."""
        parts = {"activation": "gelu", "norm": "layernorm", "logit_cap": None}
        heads = d_model // self.d_head if self.d_head else 4
        shape = {
            "n_layer": n_layer,
            "d_model": d_model,
            "n_head": heads,
            "n_kv_head": heads,
            "d_head": d_model // heads,
        }
        config = recipe("modern", batch_size=batch_size, shuffle=self.shuffle, device="cpu", seed=seed)
        return Arm(presets.get("modern", **shape, vocab_size=vocab_size, **parts), scaled(config, factor))

    def found(self, vocab_size: int) -> Arm:
        """Return the best arm of the search, with the recipe's number of steps."""
        best = min(stored(self.table), key=lambda row: row["nats"])
        return self.arm(*(best[name] for name in SHAPE), best["factor"], 0, vocab_size)


SMALL = Search(
    "modern_search",
    SHARES["small modern"],
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
    SHARES["equal time"],
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
TRIED = {kind: Table(kind.table, (*SHAPE, "factor", "seed", "steps")) for kind in (SMALL, EQUAL)}


class Text:
    """An edition of the plays."""

    def __init__(self, text: str):
        self.tokenizer = CharTokenizer.from_text(text)
        self.train_text, self.val_text = split(text)
        self.train, self.val = (torch.tensor(self.tokenizer.encode(part)) for part in (self.train_text, self.val_text))


@cache
def text_of(edition: str) -> Text:
    """Return an edition."""
    return Text(shakespeare(edition))


def arm_of(name: str, vocab_size: int) -> Arm:
    """Return an arm by its name, "KIND" or "KIND, LEARNING RATE"; a share of the time has the recipe's steps."""
    kind, _, rate = name.partition(", ")
    if kind in ("modern", "modern-gpt0"):
        return Arm(presets.get(kind, vocab_size=vocab_size), recipe(kind, device="cpu"))
    if kind in ("small modern", "equal time"):
        return (SMALL if kind == "small modern" else EQUAL).found(vocab_size)
    model, run = NANOGPT.changed(vocab_size=vocab_size), NANOGPT_RUN
    if kind == "small nanogpt":
        small = SMALL.found(vocab_size)
        model = model.changed(d_model=small.model.d_model, n_layer=small.model.n_layer)
        run = replace(run, batch_size=small.run.batch_size)
    return Arm(model, replace(run, learning_rate=float(rate)) if rate else run, train_nanogpt)


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


def seconds(arm: Arm, tokens: Tensor, model: GPT | None = None) -> float:
    """Train one model and return the process time that this took."""
    model = GPT(arm.model) if model is None else model
    start = time.process_time()
    arm.train(model, tokens, arm.run)
    return time.process_time() - start


def steps_of(share: float, arm: Arm, tokens: Tensor) -> int:
    """Return how many steps take a share of nanoGPT's time, by the median over rounds, taken in turn."""
    pair = [
        each._replace(run=replace(each.run, steps=TIMED_STEPS, eval_every=TIMED_STEPS))
        for each in (arm_of("nanogpt", arm.model.vocab_size), arm)
    ]
    times = [[seconds(each, tokens) for each in pair] for _ in range(ROUNDS)]
    ratio = torch.tensor([b / a for a, b in times]).median().item()
    return round(share * NANOGPT_RUN.steps / ratio)


def tried(
    kind: Search, n_layer: int, d_model: int, batch_size: int, factor: float, seed: int, steps: int
) -> dict[str, float]:
    """Train a shape on nine tenths of the training part of the plays, and score it on what follows."""
    tokenizer, tokens, _ = common.encoded_plays()
    cut = len(tokens) * 9 // 10
    arm = kind.arm(n_layer, d_model, batch_size, factor, seed, tokenizer.vocab_size)
    torch.manual_seed(seed)
    model = GPT(arm.model)
    took = seconds(arm._replace(run=replace(arm.run, steps=steps, eval_every=steps)), tokens[:cut], model)
    return {"seconds": round(took, 1), "nats": round(evaluate(model, tokens[cut : cut + HELD_OUT + 1]), 5)}


def search(kind: Search, shape: tuple[int, int, int]) -> None:
    """Tune the factor of a shape, with the steps that fit into the time."""
    point = dict(zip(SHAPE, shape, strict=True))
    tokenizer, tokens, _ = common.encoded_plays()
    known = TRIED[kind].select(**point)
    steps = known[0]["steps"] if known else 0
    steps = steps or steps_of(kind.share, kind.arm(*shape, 1.0, 0, tokenizer.vocab_size), tokens)
    seeds = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": SEEDS}
    TRIED[kind].tune(partial(tried, kind), "factor", FACTORS[:2], **seeds, **point, steps=steps)


def count(edition: str, arm: str, window: int) -> dict[str, float]:
    """Score an n-gram model."""
    text = text_of(edition)
    ngram = NGram(int(arm[0]), text.tokenizer.vocab_size).fit(text.train)
    return {"nats": round(evaluate(ngram, text.val, window), 5)}


def measure(edition: str, arm: str, seed: int, window: int, steps: int) -> dict[str, float]:
    """Train one model of an arm, and score it."""
    text = text_of(edition)
    made = arm_of(arm, text.tokenizer.vocab_size)
    warmup = steps * made.run.warmup // made.run.steps
    run = replace(made.run, seed=seed, steps=steps, warmup=warmup, eval_every=max(steps, 1))
    torch.manual_seed(seed)
    model = GPT(made.model)
    took = seconds(made._replace(run=run), text.train, model)
    return {
        "parameters": model.num_parameters(),
        "characters": steps * run.batch_size * window,
        "seconds": round(took, 1),
        "nats": round(evaluate(model, text.val), 5),
        **losses_of_parts(model, text),
    }


def losses_of_parts(model: GPT, text: Text) -> dict[str, float]:
    """Return the losses on the known play, on names and speech of the new one, and on names that are replaced."""
    cut = text.val_text.index(BEGINNING)
    known, new = text.val_text[:cut], text.val_text[cut:]
    names, speech = losses_of(model, text.tokenizer, new)
    renamed, _ = losses_of(model, text.tokenizer, with_known_names(new, text.train_text))
    every = torch.cat(losses_of(model, text.tokenizer, known))
    parts = {"known": every, "names": names, "speech": speech, "renamed": renamed}
    return {name: round(losses.mean().item(), 5) for name, losses in parts.items()}


def losses_of(model: GPT, tokenizer: CharTokenizer, text: str) -> tuple[Tensor, Tensor]:
    """Return the losses on the characters of speakers' names, and on all others, in windows of the block size."""
    T = model.block_size
    n = (len(text) - 1) // T * T
    ids = torch.tensor(tokenizer.encode(text))
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch in ids[:n].view(-1, T).split(64)])
    losses = cross_entropy(logits.flatten(0, 1), ids[1 : n + 1], reduction="none")
    is_name = torch.zeros(len(text), dtype=torch.bool)
    for line in SPEAKER.finditer(text):
        is_name[line.start() : line.end()] = True
    is_name = is_name[1 : n + 1]
    return losses[is_name], losses[~is_name]


def with_known_names(text: str, train_text: str) -> str:
    """Replace the speaker with the most lines by the one of the training text, and so on down both lists."""
    casts = [[name for name, _ in Counter(SPEAKER.findall(t)).most_common()] for t in (text, train_text)]
    new_names = dict(zip(casts[0], casts[1], strict=False))
    return SPEAKER.sub(lambda line: f"{new_names[line[1]]}:\n", text)


@cache
def steps_in(edition: str, name: str) -> int:
    """Return the steps of an arm: the recipe's, or those that take its share of nanoGPT's time, once measured."""
    kind, text = name.partition(",")[0], text_of(edition)
    arm = arm_of(name, text.tokenizer.vocab_size)
    if kind not in SHARES:
        return arm.run.steps
    stored = [row["steps"] for row in RUNS[edition].select() if row["arm"].partition(",")[0] == kind]
    return stored[0] if stored else steps_of(SHARES[kind], arm, text.train)


def fitted(edition: str, arm: str, seed: int) -> float:
    """Return the loss of an arm."""
    window = arm_of(arm, text_of(edition).tokenizer.vocab_size).model.block_size
    key = {"edition": edition, "arm": arm, "seed": seed, "window": window, "steps": steps_in(edition, arm)}
    return RUNS[edition].row(measure, **key)["nats"]


def tuned(edition: str, kind: str) -> str:
    """Return the arm with the best learning rate, from TUNED outwards, by the loss of seed 0, which is reported too."""
    rates = common.tune(lambda rate: fitted(edition, f"{kind}, {rate:g}", 0), TUNED)
    return f"{kind}, {next(iter(rates)):g}"


def main() -> None:
    """Search shapes, or compare all arms on an edition."""
    edition, *rest = OPTIONS.arguments or ["plays"]
    if edition == "search":
        kind, *shapes = (EQUAL, *rest[1:]) if rest[:1] == ["equal"] else (SMALL, *rest)
        each(partial(search, kind), [tuple(map(int, shape.split(","))) for shape in shapes] or kind.shapes)
        return
    for window, order in product((32, 64), range(1, 6)):
        RUNS[edition].row(count, edition=edition, arm=f"{order}-gram", window=window)
    arms = ["nanogpt", "modern", "modern-gpt0", "small modern", "equal time"]
    arms += [tuned(edition, "nanogpt"), tuned(edition, "small nanogpt")]
    each(lambda key: fitted(edition, key[1], key[0]), product(SEEDS, arms))


if __name__ == "__main__":
    run(main)
