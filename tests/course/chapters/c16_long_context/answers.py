"""Answers of chapter 16."""

import math

import torch

from lecture21 import accounting, presets
from lecture21.attention import causal_mask
from lecture21.course.chapters import results

CONTEXT = 131_072


def cards(scale: float = 1) -> int:
    """The H100 cards that hold the cache of GPT-3, with some factor of its size."""
    shape = accounting.Shape.of(presets.get("gpt3"))
    return math.ceil(scale * accounting.kv_cache_bytes(shape, CONTEXT) / 80e9)


def saved_by_the_fused_kernel() -> str:
    """The kernel stores no table of scores; the cache does not depend on it, and neither do the FLOPs."""
    config = presets.get("gpt2")
    stored = {fused: accounting.activation_bytes(config, fused=fused) for fused in (True, False)}
    table = 4 * config.n_layer * config.n_head * config.block_size**2
    return "memory traffic" if table * 0.99 < stored[False] - stored[True] < table * 1.01 else ""


def reach(n_layer: int, window: int) -> int:
    """How many positions back an output can depend on a token, by the product of the masks."""
    paths = torch.linalg.matrix_power(causal_mask(40, window=window).double(), n_layer)
    return int((paths[-1] > 0).sum()) - 1


def far_beyond() -> str:
    table = results.load("beyond_the_block").query("by == 'position' and at == 512")
    last = table.query("part == 'run' and change == 'as trained' and more == 0").nats
    return "worse than a bigram" if last.min() > table.query("change == '2-gram'").nats.item() else ""


NUMBERS = {
    "16.1": lambda: [sum(range(1, 1025)) / 1024, 1024, sum(range(1, 1025)), 2],
    "16.2": lambda: [cards(), cards(1 / 2), cards(1 / 96), cards(2), cards(8)],
    "16.4": lambda: [reach(3, 4), 3 * 4, reach(1, 4), 4],
}
CHOICES = {"16.3": saved_by_the_fused_kernel, "16.5": far_beyond}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    shape = accounting.Shape.of(presets.get("gpt3"))
    sizes = accounting.kv_cache_bytes(shape, CONTEXT), accounting.weight_bytes(shape)
    return {
        "16.1": [f"{sum(range(1, 1025)):,}"],
        "16.2": [f"{size / 1e9:.0f}" for size in sizes] + [f"{sizes[0] / 80e9:.1f}"],
        "16.4": [str(reach(3, 4))],
    }
