"""Answers of chapter 05."""

import torch
import torch.nn.functional as F

from lecture21 import layers
from lecture21.course.chapters import results
from lecture21.course.chapters.c05_transformer_block.exercises_positions import _one_layer, _two_layers, _unmasked
from lecture21.course.exercises.registry import find

TOKEN = torch.tensor([0.0, 0, 0, 4])
PARTS = {
    "no norm": "LayerNorm",
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


def removal_that_helps() -> str:
    """Return the one part without which the model is better."""
    mean = results.load("block_parts").query("part == 'run' and n_layer == 4").groupby("arm").nats.mean()
    (better,) = (part for arm, part in PARTS.items() if mean[arm] < mean["complete"])
    return better


def blocks_to_one_percent() -> str:
    """Return the choice with the number of blocks after which the difference is below 1 %, the mean of five seeds."""
    words, found = 9, []
    for seed in range(5):
        torch.manual_seed(seed)
        x = torch.randn(1, words, 64) + torch.randn(1, words, 64)
        for n in range(1, 25):
            block = layers.Block(64, layers.MultiHeadAttention(64, 4), layers.FeedForward(64, 256))
            with torch.no_grad():
                x = block.feed_forward(block.norm_feed_forward(block.attention(block.norm_attention(x))))
            if (x - x.mean(1, keepdim=True)).square().sum() < 0.01 * x.square().sum():
                found.append(n)
                break
    return f"about {round(sum(found) / len(found))} blocks"


def best(arm: str) -> float:
    """Return the loss of an arm of 24 blocks at its best learning rate, the mean over the seeds."""
    return results.load("depth").query("arm == @arm and n_layer == 24").groupby("learning_rate").nats.mean().min()


def unigram() -> float:
    return results.load("depth").query("arm == '1-gram'").nats.item()


def what_post_norm_reaches() -> str:
    return (
        f"only the loss of the character frequencies, {unigram():.2f}" if best("post-norm") > unigram() - 0.05 else ""
    )


NUMBERS = {
    "5.2": lambda: [F.layer_norm(TOKEN, (4,))[-1], 3 / TOKEN.std(), 3 / TOKEN.var(correction=0), 4 / 2],
    "5.4": lambda: [
        feed_forward_parameters(), feed_forward_parameters(bias=False), up_projection_parameters(),
        feed_forward_parameters(64),
    ],
}  # fmt: skip
CHOICES = {
    "5.1": blocks_to_one_percent,
    "5.3": what_post_norm_reaches,
    "5.5": who_knows_the_order,
    "5.6": removal_that_helps,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    runs = results.load("block_parts").query("part == 'run' and n_layer == 4").groupby("arm").nats.mean()
    block = layers.Block(64, layers.MultiHeadAttention(64, 4), layers.FeedForward(64, 256))
    return {
        "5.3": [f"{best('post-norm'):.2f}", f"{best('complete'):.2f}"],
        "5.4": [f"{feed_forward_parameters():,}", f"{sum(p.numel() for p in block.parameters()):,}"],
        "5.6": [f"{runs[arm]:.2f}" for arm in ("no norm", "complete", "no attention")],
    }
