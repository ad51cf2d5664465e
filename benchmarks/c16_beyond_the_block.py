"""Train small GPTs with rotary positions on windows of 64 characters of the plays, and evaluate them on windows of 512.

Usage: python benchmarks/c16_beyond_the_block.py [SEED ...]  (0 1 2 if none is named; 25 minutes in all on one core)

Three layers, width 64, four heads; 600 updates of 32 windows by Adam with a warm-up, a cosine decay to 0 and gradient
clipping. Then the context length becomes 512 and, without further training, the attention window becomes 64, or
positions are interpolated by a factor of 8, or distances are limited to 63 ("distance 63"): a key that is further away
is rotated as if it were 63 positions away. With the interpolation and without any change, training then continues for
100 updates of 4 windows of 512 characters. The learning rates of all three trainings are tuned with one more seed on
characters 32,770 to 49,154 of the validation split.

Writes the result `beyond_the_block`: more, the updates at 512 characters; the learning rate of the last training; by
and at, the kind of measurement and its length or position; nats per character. Runs and n-grams are evaluated on the
validation split from character 49,155 on, which is all from The Tempest, a play that the training split does not
contain. `length` averages over all of them in windows of that length; `position` averages over the 64 characters up to
that position in windows of 512. The n-grams (Witten-Bell) are counted on all of the training split.
"""

import math
from functools import cache, partial

import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.layers.heads import MultiHeadAttention
from lecture21.objectives import token_log_probabilities
from lecture21.training import TrainConfig, evaluate, train

TRAINED, LONG = 64, 512
CHANGES = {
    "as trained": {},
    "window 64": {"window": TRAINED},
    "interpolation 8": {"rotary_scaling": "interpolation", "rotary_factor": 8.0},
}
LIMITED = f"distance {TRAINED - 1}"
CONTINUED = ("as trained", "interpolation 8")
STEPS, MORE = 600, 100
RATES = (8e-3, 16e-3, 32e-3)
SEARCH_SEED = 100
RUNS = Table("beyond_the_block", key=("part", "change", "more", "learning_rate", "seed"))


def extended(model: GPT, change: str) -> GPT:
    """Return a copy that reads 512 characters, with its window or its positions changed."""
    if change == LIMITED:
        return with_limit(extended(model, "as trained"), TRAINED - 1)
    return model.extend_context(LONG, **CHANGES[change])


def with_limit(model: GPT, limit: int) -> GPT:
    """Let keys that are further away than a limit appear at that distance; for evaluation, without a cache.

    Source: Han et al. 2024 (LM-Infinite), section 4, without its mask.
    """
    for heads in model.modules():
        if isinstance(heads, MultiHeadAttention):
            heads.forward = partial(limited_attention, heads, limit)
    return model


def limited_attention(heads: MultiHeadAttention, limit: int, x: torch.Tensor, *_: None, **__: int) -> torch.Tensor:
    """Return causal self-attention in which no distance is larger than a limit."""
    q, k, v = (heads._split(project(x)) for project in (heads.query, heads.key, heads.value))  # (B, H, T, D)
    place = torch.arange(x.shape[1])
    distance = place[:, None] - place
    near = heads.rotary(q) @ heads.rotary(k).mT
    far = heads.rotary(q.flatten(1, 2)[:, :, None], limit).view_as(q) @ k.mT  # every query at `limit`, every key at 0
    scores = torch.where(distance <= limit, near, far) / math.sqrt(heads.d_head)
    return heads._join(scores.masked_fill(distance < 0, -math.inf).softmax(dim=-1) @ v)


def learn(model: GPT, tokens: torch.Tensor, steps: int, batch_size: int, rate: float, seed: int) -> GPT:
    """Train on windows as long as the model's context."""
    config = TrainConfig(
        steps=steps, batch_size=batch_size, learning_rate=rate, warmup=min(50, steps // 5), schedule="cosine", clip=1.0,
        eval_every=steps, seed=seed, device="cpu",
    )  # fmt: skip
    train(model, tokens, config)
    return model.eval()


@cache
def trained(seed: int, rate: float) -> GPT:
    """Train a model on windows of 64 characters."""
    vocab_size, tokens, *_ = texts()
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab_size=vocab_size, block_size=TRAINED, n_layer=3, d_model=64, position="rotary"))
    return learn(model, tokens, STEPS, 32, rate, seed)


@torch.no_grad()
def measure(model: GPT | NGram, tokens: torch.Tensor) -> dict[tuple[str, int], float]:
    """Return nats per character by length of the windows, and by position in the longest."""
    nats = {("length", TRAINED): evaluate(model, tokens, TRAINED)}
    windows = tokens.unfold(0, LONG + 1, LONG)
    parts = [token_log_probabilities(model(part[:, :-1]), part[:, 1:]) for part in windows.split(32)]
    losses = -torch.cat(parts)  # (N, 512)
    nats["length", LONG] = losses.mean().item()
    for stop in range(TRAINED, LONG + 1, TRAINED):
        nats["position", stop] = losses[:, stop - TRAINED : stop].mean().item()
    return nats


@cache
def texts() -> tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the number of symbols, the training text, and the texts for the search and for the runs."""
    tokenizer, tokens, val = common.encoded_plays()
    return tokenizer.vocab_size, tokens, val[2**15 + 1 :][: 2**14 + 1], val[2**15 + 2**14 + 2 :]


def measured(part: str, change: str, more: int, learning_rate: float, seed: int) -> list[dict[str, object]]:
    """Train a model, change it, perhaps train it further, and measure it: in a search, only its loss."""
    _, tokens, tuning, val = texts()
    if more:
        model = learn(extended(trained(seed, base_rate()), change), tokens, more, 4, learning_rate, seed)
    else:
        model = trained(seed, learning_rate)
    if part == "search":
        length = LONG if more else TRAINED
        nats = {("length", length): evaluate(model, tuning, length)}
    else:
        nats = measure(model if more else extended(model, change), val)
    return [{"by": by, "at": at, "nats": round(loss, 4)} for (by, at), loss in nats.items()]


def count(part: str, change: str, more: int) -> list[dict[str, object]]:
    """Measure an n-gram model."""
    size, tokens, _, val = texts()
    nats = measure(NGram(int(change[0]), size).fit(tokens), val)
    return [{"by": by, "at": at, "nats": round(loss, 4)} for (by, at), loss in nats.items()]


def tuned(change: str, more: int) -> float:
    """Return the best learning rate of the last training."""
    search = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": seeds(3)}
    return RUNS.tune(measured, "learning_rate", RATES, **search, part="search", change=change, more=more)


def base_rate() -> float:
    """Return the best learning rate of the first training."""
    return tuned("as trained", 0)


def main() -> None:
    """Tune the learning rates, and run every change with every seed."""
    rates = {change: tuned(change, MORE) for change in CONTINUED}

    def compare(seed: int) -> None:
        for change in (*CHANGES, LIMITED):
            RUNS.rows(measured, part="run", change=change, more=0, learning_rate=base_rate(), seed=seed)
        for change, rate in rates.items():
            RUNS.rows(measured, part="run", change=change, more=MORE, learning_rate=rate, seed=seed)

    each(compare, seeds(3))
    for order in (2, 3, 5):
        RUNS.rows(count, part="n-gram", change=f"{order}-gram", more=0)


if __name__ == "__main__":
    run(main)
