"""Answers of chapter 07."""

import math
from functools import cache

import torch

from lecture21 import GPT, evaluate, presets
from lecture21.baselines import NGram
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer


@cache
def bigram_loss() -> float:
    """The validation loss of the counted bigrams."""
    text = shakespeare()
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    return evaluate(NGram(2, tokenizer.vocab_size).fit(tokens), val, 32)


def block() -> dict[str, int]:
    """The parameters of one block of GPT-0, and of its parts."""
    layers = GPT(presets.get("gpt0")).blocks[0]
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in layers.named_children()}
    return parts | {"all": sum(parts.values()), "norms": parts["norm_attention"] + parts["norm_feed_forward"]}


def crossed() -> str:
    """The lines that every stored run ends below."""
    runs, baselines = results.load("student_gpt"), results.load("modern").query("window == 32").set_index("arm").nats
    worst = runs[runs.step == runs.step.max()].val_loss.max()
    below = [name for name in ("2-gram", "3-gram", "5-gram") if worst < baselines[name]]
    return {3: "all three, the 5-gram too", 2: "the 2-gram and the 3-gram", 1: "the 2-gram only"}[len(below)]


NUMBERS = {
    "7.1": lambda: [32 * 32, 32, 32 * 31, 32 + 32],
    "7.4": lambda: [
        block()["all"], block()["all"] - block()["norms"], block()["feed_forward"], block()["all"] + 3 * 64,
        block()["all"] - 64, 4 * block()["all"],
    ],
    "7.5": lambda: [math.log(65), 1 / 65, math.log2(65), math.log(64)],
}  # fmt: skip
CHOICES = {"7.2": lambda: f"{bigram_loss():.2f}", "7.6": crossed}
IN_CHAPTER = {"7.3"}


def explained() -> dict[str, list[str]]:
    parts = block()
    return {
        "7.2": [f"{bigram_loss():.3f}"],
        "7.4": [f"{parts['attention']:,}", f"{parts['feed_forward']:,}", f"{parts['norms']}"],
        "7.5": [f"{math.log(65):.3f}"],
    }
