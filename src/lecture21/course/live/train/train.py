"""Train a GPT in this page: losses and samples of a model that the reader's machine trains."""

import math
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
import traitlets

from lecture21 import presets
from lecture21.baselines import NGram
from lecture21.course.chapters import results
from lecture21.course.live.assets import PLAYS
from lecture21.course.live.figure import Figure
from lecture21.data import shakespeare, split
from lecture21.gpt import GPT
from lecture21.gpt.config import GPTConfig
from lecture21.tokenizers import CharTokenizer
from lecture21.training import evaluate

SHAPES = {
    "one": ("1 layer, 2 heads, width 32", presets.get("modern-gpt0", n_layer=1, n_head=2, d_model=32)),
    "two": ("2 layers, 4 heads, width 64", presets.get("modern-gpt0", n_layer=2)),
    "gpt0": ("GPT-0's shape: 4 layers, 4 heads, width 64", presets.get("modern-gpt0")),
    "slide": ("GPT-0 of slide 24: learned positions, ReLU", presets.get("gpt0")),
}
PLAIN = (
    "A chart for how surprised a GPT is by each letter of a text, while it trains. With scripts, this page trains the "
    "GPT on your machine and shows what it writes."
)
BLOCK_SIZE = 32
ORDERS = {"bigram": 2, "trigram": 3, "5-gram": 5}
_LEAST = 500  # characters of a text
# 160 windows of the validation split, near which the n-grams and a GPT have the loss that they have on the whole split:
# of all runs of 160 windows, the one with the smallest difference of any of them.
WINDOWS = (2789 * BLOCK_SIZE, 160 * BLOCK_SIZE + 1)


class Train(Figure):
    """A GPT that the page trains: loss and samples while it learns, beside n-gram models and the same run in PyTorch.

    Args:
        text: what to train on, at least 500 characters; the nine plays if not given.
        budget: seconds of training: 30, 90 or 300.
        size: one, two or gpt0, with rotary positions, RMSNorm and squared ReLU, or slide, which is GPT-0 of slide 24.
        optimizer: muon or adamw.
        doublings: of the recipe's learning rates, from -4 (a sixteenth of them) to 10, where the loss explodes.
        seed: of weights, batches and samples.
        steps: number of updates; as many as fit into the budget if 0.
        causal: whether there is a causal mask.
        plain: for readers who have read no chapter yet, the loss is surprise per letter, beside a blind guess only.

    Source: the result `live_curve` (`python benchmarks/c07_live_curve.py`) for PyTorch's run and the n-gram models.
    """

    figure = "train"
    description = (
        "A chart for the loss of a GPT against time, with the losses of uniform, bigram, trigram and 5-gram "
        "models as lines. With scripts, this page trains the GPT on your machine and shows what it writes."
    )
    budget = traitlets.Enum((30, 90, 300), 30).tag(sync=True)
    size = traitlets.Enum(tuple(SHAPES), "gpt0").tag(sync=True)
    optimizer = traitlets.Enum(("muon", "adamw"), "muon").tag(sync=True)
    doublings = traitlets.Int(0, min=-4, max=10).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**31 - 1).tag(sync=True)
    steps = traitlets.Int(0, min=0, max=100_000).tag(sync=True)
    causal = traitlets.Bool(True).tag(sync=True)
    plain = traitlets.Bool(False).tag(sync=True)
    text = traitlets.Bytes(b"").tag(sync=True)
    """The training and validation text; empty on a page, which loads the plays."""

    characters = traitlets.Int().tag(sync=True)
    """Length of the text."""

    shapes = traitlets.List().tag(sync=True)
    levels = traitlets.List().tag(sync=True)
    windows = traitlets.List().tag(sync=True)
    curves = traitlets.List().tag(sync=True)

    def __init__(self, text: str | None = None, **state: Any) -> None:
        self._own = text is not None
        text = _cleaned(text) if self._own else shakespeare()
        levels, windows = _levels_of(text) if self._own else (_stored_levels(), list(WINDOWS))
        curves = [] if self._own else _stored_curves()
        state |= {"shapes": _shapes(), "levels": levels, "windows": windows, "curves": curves}
        super().__init__(text=text.encode(), characters=len(text), **state)
        if self.plain:
            self.description = PLAIN

    def fallback_image(self) -> str:
        """Return the name of the picture, one for those who begin."""
        return "train-plain" if self.plain else "train"

    def assets(self) -> dict[str, str]:
        """Return the file of the plays; a reader's own text is on no page."""
        return {} if self._own else {"text": PLAYS}


def _cleaned(text: str) -> str:
    """Return a text as the page reads it: with line breaks of one kind, and without a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


@cache
def _shapes() -> list[dict[str, object]]:
    """Return each shape: its name, the fields of its configuration, and its parameters for a vocabulary of V."""
    found = []
    for name, (label, config) in SHAPES.items():
        counts = [GPT(config.changed(vocab_size=v)).num_parameters() for v in (1, 2)]
        standard = asdict(GPTConfig())
        fields = {key: value for key, value in asdict(config).items() if value != standard[key]}
        per_symbol = counts[1] - counts[0]
        found.append(
            {"name": name, "label": label, "config": fields, "fixed": counts[0] - per_symbol, "perSymbol": per_symbol}
        )
    return found


def _levels_of(text: str) -> tuple[list[dict[str, object]], list[int]]:
    """Return the losses of n-gram models on the beginning of the validation split of a text, and that part."""
    if len(text) < _LEAST:
        raise ValueError(f"text must have at least {_LEAST} characters, got {len(text)}")
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    val = val[: WINDOWS[1]]
    levels = {"uniform": math.log(tokenizer.vocab_size)}
    for name, order in ORDERS.items():
        levels[name] = evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, BLOCK_SIZE)
    return [{"name": name, "nats": round(loss, 5)} for name, loss in levels.items()], [0, len(val)]


def _stored_levels() -> list[dict[str, object]]:
    table = results.load("live_curve").set_index("model").nats
    return [{"name": name, "nats": round(float(table[name]), 5)} for name in ("uniform", *ORDERS)]


def _stored_curves() -> list[dict[str, object]]:
    """Return the stored runs of PyTorch, one for each number of steps: means over the seeds."""
    table = results.load("live_curve").query("model == 'torch'")
    means = table.groupby(["steps", "step"]).nats.mean().round(4)
    found = []
    for steps in table.steps.unique():
        curve = means[steps]
        found.append({"steps": int(steps), "x": [int(x) for x in curve.index], "y": [float(y) for y in curve]})
    return found
