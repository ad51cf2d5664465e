"""Answers of chapter 05."""

import torch
import torch.nn.functional as F

from lecture21 import layers
from lecture21.chapters import results
from lecture21.chapters.c05_transformer_block.exercises_positions import _one_layer, _two_layers, _unmasked
from lecture21.exercises.registry import find

TOKEN = torch.tensor([0.0, 0, 0, 4])
PARTS = {
    "no norm": "LayerNorm",
    "no residual": "the residual connections",
    "no attention": "attention",
    "no feed-forward": "the feed-forward networks",
    "no positions": "positions",
}


def feed_forward_parameters(hidden: int = 256, **options: bool) -> int:
    return sum(p.numel() for p in layers.FeedForward(64, hidden, **options).parameters())


def up_projection_parameters() -> int:
    return sum(p.numel() for p in layers.FeedForward(64, 256).up.parameters())


def who_knows_the_order() -> str:
    x = 2 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    ignores = find("5.4").solution
    actual = [ignores(model, x) for model in (_unmasked, _one_layer, _two_layers)]
    return "with two layers yes, with one layer no" if actual == [True, True, False] else ""


def costliest_removal() -> str:
    runs = results.load("block_parts").query("part == 'run' and n_layer == 4 and arm in @PARTS")
    return PARTS[runs.groupby("arm").nats.mean().idxmax()]


def largest_gradients() -> str:
    table = results.load("block_gradients").query("n_layer == 24 and step == 0")
    means = table.groupby("arm").weights.mean()
    return means[["complete", "post-norm", "no norm"]].rename({"complete": "pre-norm"}).idxmax()


NUMBERS = {
    "5.1": lambda: [F.layer_norm(TOKEN, (4,))[-1], 3 / TOKEN.std(), 3 / TOKEN.var(correction=0), 4 / 2],
    "5.2": lambda: [
        feed_forward_parameters(), feed_forward_parameters(bias=False), up_projection_parameters(),
        feed_forward_parameters(64),
    ],
}  # fmt: skip
CHOICES = {"5.3": who_knows_the_order, "5.4": costliest_removal, "5.5": largest_gradients}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    runs = results.load("block_parts").query("part == 'run' and n_layer == 4").groupby("arm").nats.mean()
    gradients = results.load("block_gradients").query("arm == 'no norm' and step == 0").groupby("n_layer").weights
    block = layers.Block(64, layers.MultiHeadAttention(64, 4), layers.FeedForward(64, 256))
    return {
        "5.2": [f"{feed_forward_parameters():,}", f"{sum(p.numel() for p in block.parameters()):,}"],
        "5.4": [f"{runs['no residual']:.2f}", f"{runs['no attention']:.2f}"],
        "5.5": [f"about {gradients.mean()[4]:.0f}", f"between {gradients.min()[24]:.0f} and {gradients.max()[24]:.0f}"],
    }
