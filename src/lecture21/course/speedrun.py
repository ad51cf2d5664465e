"""The speedrun: the lowest held-out loss of a GPT that is trained from nothing in some minutes on two CPU cores.

The page `speedrun` of the book has the rules. A recipe is a model with the settings of its training; the number of its
updates follows from the clock.
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic

import pandas as pd
import torch

from lecture21._support.files import write_atomic
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.gpt import GPT, GPTConfig, presets
from lecture21.tokenizers import CharTokenizer, characters_per_token, make_tokenizer
from lecture21.training import TrainConfig, evaluate, recipe
from lecture21.training.checkpoints import save_tokenizer
from lecture21.training.timed import train_for

EDITION, THREADS = "plays", 2
LOG, ROW = "log.jsonl", "row.csv"
CLOCK = ("steps", "warmup", "eval_every", "device", "shard")
"""The settings of a training that a recipe of the speedrun does not have: they follow from the rules."""
_REFERENCE_SECONDS = 3.0  # in which the speed of the machine is measured, after a sixth of it to warm up

OnSecond = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Recipe:
    """A model and the settings of its training."""

    model: GPTConfig
    training: TrainConfig = field(default_factory=TrainConfig)
    """Of `steps` and `warmup`, only their ratio counts: the schedule is stretched over the clock."""
    tokenizer: str = "char"
    """char, or bpe with the size of its vocabulary."""
    idea: str = field(default="", repr=False)
    """What it tries, in a few words."""


# The command for a CPU in nanoGPT's README, with config/train_shakespeare_char.py (github.com/karpathy/nanoGPT). Its
# cosine ends at a tenth of the peak, the one here at 0.
_NANOGPT = Recipe(
    GPTConfig(block_size=64, d_model=128, bias=False, tied_head=True, activation="gelu", initialization="gpt2"),
    TrainConfig(2000, 12, learning_rate=1e-3, betas=(0.9, 0.99), weight_decay=0.1, clip=1.0, warmup=100,
                schedule="cosine"),
    idea="the command for a CPU in nanoGPT's README; its learning rate ends at 0 here",
)  # fmt: skip
RECIPES: dict[str, Recipe] = {
    "nanogpt": _NANOGPT,
    # The rate is the best of four for its 2,000 updates (table `modern`). The clock has time for several passes over
    # the text, and from the second on shuffled windows are better (table `shuffled`).
    "nanogpt-tuned": replace(
        _NANOGPT,
        training=replace(_NANOGPT.training, learning_rate=4e-3, shuffle=True),
        idea="four times the learning rate, shuffled windows",
    ),
    "gpt0": Recipe(presets.get("gpt0"), idea="the GPT of the lecture, with plain Adam"),
    "modern": Recipe(
        presets.get("modern"), recipe("modern"), idea="rotary positions, QK-norm, zeros, Muon; nanoGPT's shape"
    ),
    # Compiled, as for the record of chapter 10.
    "modern-laptop": Recipe(
        presets.get("modern-laptop"),
        recipe("modern-laptop", compile=True),
        idea="twice the size, windows of 256, GELU, dropout, compiled",
    ),
    # The arm `equal time` of chapter 10 (GELU, LayerNorm, no logit cap, shuffled windows), for about three times as
    # much time: one more block, a width of 128, and windows of 128.
    "modern-minutes": Recipe(
        presets.get("modern", block_size=128, n_layer=3, activation="gelu", norm="layernorm", logit_cap=None),
        recipe("modern", batch_size=16, shuffle=True, weight_decay=0.1),
        idea="three blocks, windows of 128, GELU, weight decay, shuffled windows",
    ),
}
"""The recipes with a name; `recipe_of` knows the presets as well."""


def recipe_of(name: str) -> Recipe:
    """Return a recipe of the speedrun, or a preset with the settings that belong to it."""
    if name in RECIPES:
        return RECIPES[name]
    if name not in presets.names():
        known = dict.fromkeys((*RECIPES, *presets.names()))
        raise ValueError(f"unknown recipe {name!r}; choose from {', '.join(known)}")
    return Recipe(presets.get(name), recipe(name))


def speedrun(
    name: str,
    minutes: float,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    *,
    made: Recipe | None = None,
    threads: int = THREADS,
    on_second: OnSecond | None = None,
) -> dict[str, object]:
    """Train a recipe until the clock ends, keep it in a directory, and return its row.

    The clock begins before the tokenizer and the model are made, and ends with the last update; the loss is then that
    of `lecture21 eval`, over the whole held-out text.

    Args:
        name: of the recipe, for the row.
        minutes: on the clock.
        seed: of weights, batches and dropout.
        out: an empty directory, or a new one, for log, model, tokenizer and row; by default a temporary one.
        made: the recipe, if it is not the one of that name.
        threads: at most two.
        on_second: called each second with the number of updates, the seconds on the clock, and the loss.

    Raises:
        ValueError: if the rules do not allow what is asked, training diverges, or the clock ends before the last
            update.
    """
    made = recipe_of(name) if made is None else made
    if not 0 < minutes < math.inf:
        raise ValueError(f"minutes must be > 0, got {minutes}")
    if not 1 <= threads <= THREADS:
        raise ValueError(f"the rules allow one thread or two, got {threads}")
    if made.tokenizer == "gpt2":
        raise ValueError(
            "the rules allow tokenizers that know nothing but the text: char, or bpe with a size, not gpt2"
        )
    if out is None:
        out = tempfile.mkdtemp(prefix="speedrun-")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not an empty directory")
    text = shakespeare(EDITION)
    parts = split(text)
    with _machine(threads):
        milliseconds = _nanogpt_milliseconds(text)
        out.mkdir(parents=True, exist_ok=True)
        with (out / LOG).open("w", encoding="utf-8") as log:

            def note(**values: object) -> None:
                log.write(json.dumps(values) + "\n")
                log.flush()

            def report(updates: int, seconds: float, loss: float) -> None:
                seconds += before
                note(step=updates, seconds=round(seconds, 2), loss=round(loss, 5))
                if on_second is not None:
                    on_second(updates, seconds, loss)

            note(recipe=name, minutes=minutes, seed=seed, **asdict(made))
            start, clock = monotonic(), 60 * minutes
            tokenizer = make_tokenizer(made.tokenizer, text, parts[0])
            tokens = torch.tensor(tokenizer.encode(parts[0]))
            torch.manual_seed(seed)
            model = GPT(made.model.changed(vocab_size=tokenizer.vocab_size))
            training = replace(made.training, seed=seed, device="cpu")
            before = monotonic() - start
            updates = train_for(model, tokens, training, clock - before, report)
            seconds = monotonic() - start
        if seconds > clock:
            raise ValueError(
                f"the clock of {clock:g} s ended before the last update, after {seconds:.1f} s: no row."
                " Use a smaller model, or a machine that does nothing else"
            )
        ids = tokenizer.encode(parts[1])
        nats = evaluate(model, torch.tensor(ids)) / characters_per_token(tokenizer, parts[1], ids)
    if not math.isfinite(nats):
        raise ValueError(f"training diverged: the held-out loss is {nats}; try smaller learning rates")
    read = updates * training.batch_size * training.accumulate * model.block_size
    row = {
        "recipe": name,
        "minutes": minutes,
        "seed": seed,
        "updates": updates,
        "characters": round(read * len(parts[0]) / len(tokens)),
        "parameters": model.num_parameters(),
        "nats": round(nats, 5),
        "seconds": round(seconds, 2),
        "nanogpt_ms": round(milliseconds, 2),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "precision": training.precision or "fp32",
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }
    model.save_pretrained(out)
    save_tokenizer(tokenizer, out)
    write_atomic(out / ROW, pd.DataFrame([row]).to_csv(index=False).encode())
    return row


@contextmanager
def _machine(threads: int) -> Iterator[None]:
    """Compute with so many threads, and compile everything anew: what was compiled before is not from nothing."""
    before, caches = torch.get_num_threads(), os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="speedrun-", ignore_cleanup_errors=True) as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        try:
            yield
        finally:
            torch.set_num_threads(before)
            os.environ.pop("TORCHINDUCTOR_CACHE_DIR")
            if caches is not None:
                os.environ["TORCHINDUCTOR_CACHE_DIR"] = caches


def _nanogpt_milliseconds(text: str) -> float:
    """Return the time of one update of nanoGPT's recipe: the machine's own speed, by which rows can be compared."""
    tokenizer = CharTokenizer.from_text(text)
    tokens = torch.tensor(tokenizer.encode(split(text)[0]))
    model = GPT(_NANOGPT.model.changed(vocab_size=tokenizer.vocab_size))
    training = replace(_NANOGPT.training, device="cpu")
    train_for(model, tokens, training, _REFERENCE_SECONDS / 6)
    start = monotonic()
    updates = train_for(model, tokens, training, _REFERENCE_SECONDS)
    return 1000 * (monotonic() - start) / updates


def rows() -> pd.DataFrame:
    """Return the rows of the book, one for each run."""
    return results.load("speedrun") if "speedrun" in results.names() else pd.DataFrame(columns=["recipe", "minutes"])


def means(minutes: float) -> pd.DataFrame:
    """Return the book's recipes on a clock, the best first: the means over seeds, with the spread and their number."""
    runs = rows().query("minutes == @minutes")
    if runs.empty:
        return pd.DataFrame(columns=["nats", "spread", "seeds"])
    groups = runs.groupby("recipe")
    found = groups[["updates", "characters", "parameters", "nats", "nanogpt_ms"]].mean()
    found["spread"], found["seeds"] = groups.nats.std(ddof=1), groups.size()
    return found.sort_values("nats")


def standing(row: dict[str, object]) -> str:
    """Return a row beside those of the book: which it beats, and behind which it lies."""
    book = means(row["minutes"])
    if book.empty:
        return f"nobody has yet run {row['minutes']:g} minutes: this row is the first"
    listed = [*book[["nats", "seeds"]].itertuples(name=None), ("this row", row["nats"], 1)]
    width = max(len(name) for name, *_ in listed)
    lines = [
        f"{name:{width}}  {nats:9.4f}  {seeds:5d}" for name, nats, seeds in sorted(listed, key=lambda line: line[1])
    ]
    said = {"beats": book.index[book.nats > row["nats"]], "lies behind": book.index[book.nats <= row["nats"]]}
    sentence = "; ".join(f"{verb} {', '.join(names)}" for verb, names in said.items() if len(names))
    return "\n".join([f"{'':{width}}  nats/char  seeds", *lines, sentence])
