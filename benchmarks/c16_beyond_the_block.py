"""Train small GPTs with rotary positions on windows of 64 characters of the plays, and evaluate them on windows of 512.

Usage: python benchmarks/c16_beyond_the_block.py [SEED ...]  (0 1 2 if none is named; 15 minutes in all on one core)

Three layers, width 64, four heads; 600 updates of 32 windows by Adam with a warm-up, a cosine decay to 0 and gradient
clipping. Then the context length becomes 512 and, without further training, the attention window becomes 64, or
positions are interpolated by a factor of 8. With interpolation and without, training then continues for 100 updates of
4 windows of 512 characters. The learning rate of the first training, and of each of the two continued ones, is tuned
with one more seed on characters 32,770 to 49,154 of the validation split.

Writes the result `beyond_the_block`: part (search, run, n-gram), change, updates at 512 characters, learning rate of
the last training, seed, kind of measurement, its length or position, and nats per character. Runs and n-grams are
evaluated on the validation split from character 49,155 on, which is all from The Tempest, a play that the training
split does not contain. `length` averages over all of them in windows of that length; `position` averages over the 64
characters up to that position in windows of 512. The n-grams (Witten-Bell) are counted on all of the training split.
"""

from collections.abc import Callable
from functools import partial

import common
import torch

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.objectives import token_log_probabilities
from lecture21.training import TrainConfig, evaluate, train

TRAINED, LONG = 64, 512
CHANGES = {
    "as trained": {},
    "window 64": {"window": TRAINED},
    "interpolation 8": {"rotary_scaling": "interpolation", "rotary_factor": 8.0},
}
CONTINUED = ("as trained", "interpolation 8")
STEPS, MORE = 600, 100
SEARCH_SEED = 100


def learn(model: GPT, tokens: torch.Tensor, steps: int, batch_size: int, rate: float, seed: int) -> GPT:
    """Train on windows as long as the model's context."""
    config = TrainConfig(
        steps=steps, batch_size=batch_size, learning_rate=rate, warmup=min(50, steps // 5), schedule="cosine", clip=1.0,
        eval_every=steps, seed=seed, device="cpu",
    )  # fmt: skip
    train(model, tokens, config)
    return model.eval()


def trained(seed: int, rate: float, vocab_size: int, tokens: torch.Tensor) -> GPT:
    """Train a model on windows of 64 characters."""
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


def main() -> None:
    """Tune the learning rates, run every change with every seed, and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    tuning, val = val[2**15 + 1 :][: 2**14 + 1], val[2**15 + 2**14 + 2 :]
    rows = []

    def add(part: str, change: str, more: int, rate: float | str, seed: int | str, nats: dict) -> None:
        print(part, change, more, rate, seed, *(f"{number:.3f}" for number in nats.values()), flush=True)
        run = {"part": part, "change": change, "more": more, "learning_rate": rate, "seed": seed}
        rows.extend({**run, "by": by, "at": at, "nats": round(loss, 4)} for (by, at), loss in nats.items())

    def continued(model: GPT, change: str, rate: float, *, seed: int) -> GPT:
        return learn(model.extend_context(LONG, **CHANGES[change]), tokens, MORE, 4, rate, seed)

    def search(change: str, more: int, length: int, first: tuple[float, ...], run: Callable[[float], GPT]) -> float:
        def score(rate: float) -> float:
            nats = evaluate(run(rate), tuning, length)
            add("search", change, more, rate, SEARCH_SEED, {("length", length): nats})
            return nats

        return next(iter(common.tune(score, first)))

    bases: dict[float, GPT] = {}

    def base(rate: float) -> GPT:
        bases[rate] = trained(SEARCH_SEED, rate, tokenizer.vocab_size, tokens)
        return bases[rate]

    best = search("as trained", 0, TRAINED, (8e-3, 16e-3, 32e-3), base)
    rates = {}
    for change in CONTINUED:
        run = partial(continued, bases[best], change, seed=SEARCH_SEED)
        rates[change] = search(change, MORE, LONG, (8e-3, 16e-3, 32e-3), run)
    for seed in seeds:
        model = trained(seed, best, tokenizer.vocab_size, tokens)
        for change, values in CHANGES.items():
            add("run", change, 0, best, seed, measure(model.extend_context(LONG, **values), val))
        for change, rate in rates.items():
            add("run", change, MORE, rate, seed, measure(continued(model, change, rate, seed=seed), val))
    for order in (2, 3, 5):
        add("n-gram", f"{order}-gram", 0, "", "", measure(NGram(order, tokenizer.vocab_size).fit(tokens), val))
    common.save("beyond_the_block", rows)


if __name__ == "__main__":
    main()
