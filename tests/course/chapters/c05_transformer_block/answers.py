"""Answers of chapter 05."""

import math

import pandas as pd
import torch
import torch.nn.functional as F

from lecture21 import GPT, layers, presets
from lecture21.course.chapters import results

TOKEN = torch.tensor([0.0, 0, 0, 4])


def feed_forward_parameters(hidden: int = 256, **options: bool) -> int:
    return sum(p.numel() for p in layers.FeedForward(64, hidden, **options).parameters())


def up_projection_parameters() -> int:
    return sum(p.numel() for p in layers.FeedForward(64, 256).up.parameters())


def who_knows_the_order() -> str:
    """Reverse what comes before the last token, in causal models of one and of two blocks without positions."""
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    known = []
    for n_layer in (1, 2):
        torch.manual_seed(0)
        gpt = GPT(presets.get("gpt0", n_layer=n_layer, position="none")).double()
        one, other = (gpt(each)[0, -1] for each in (ids, torch.cat([ids[:, :-1].flip(1), ids[:, -1:]], dim=1)))
        known.append(not torch.allclose(one, other, atol=1e-9))
    return "with two layers yes, with one layer no" if known == [False, True] else ""


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


def norms() -> pd.Series:
    """Return the losses of the models whose weights are twice as large, infinity where a run diverged."""
    return results.load("norm_scale").query("scale == 2").fillna({"nats": float("inf")}).set_index("arm").nats


def without_a_norm() -> str:
    diverged = norms()["no norm"].map(math.isinf)
    return "they diverge, at every learning rate" if len(diverged) == 60 and diverged.all() else ""


NUMBERS = {
    "5.1": lambda: [
        feed_forward_parameters(), feed_forward_parameters(bias=False), up_projection_parameters(),
        feed_forward_parameters(64),
    ],
    "5.3": lambda: [F.layer_norm(TOKEN, (4,))[-1], 3 / TOKEN.std(), 3 / TOKEN.var(correction=0), 4 / 2],
}  # fmt: skip
CHOICES = {
    "5.2": blocks_to_one_percent,
    "5.4": without_a_norm,
    "5.5": who_knows_the_order,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    block = layers.Block(64, layers.MultiHeadAttention(64, 4), layers.FeedForward(64, 256))
    runs = results.load("norm_scale").groupby(["arm", "scale", "learning_rate"]).nats.mean()
    return {
        "5.1": [f"{feed_forward_parameters():,}", f"{sum(p.numel() for p in block.parameters()):,}"],
        "5.4": [f"{runs['complete', scale].min():.2f}" for scale in (1, 2)],
    }
