"""Train small GPTs on windows of 64 characters of the plays, and evaluate them on up to 512 characters at once.

Usage: python benchmarks/beyond_the_block.py [SEED ...]     (0 1 2 if none is named; about 3 minutes each on one core)

Three layers, width 64, four heads; 600 updates of 32 windows by Adam with learning rate 0.003, a warm-up, a cosine
decay to 0 and gradient clipping. Then the block size becomes 512 and, without further training, the attention window
64, or rotary positions are rescaled. Three of the rotary models are trained for 100 more updates of 4 windows of 512
characters: with two kinds of rescaling, and with none. One more rotary model stops after 150 updates, the run that the
chapter repeats.

Writes the result `beyond_the_block`: kind of positions, change, updates at 64 and at 512 characters, seed, kind of
measurement, its length or position, and bits per character on the first 32,769 characters of the validation split.
`length` averages over all of them in windows of that length; `position` averages over the 64 characters up to that
position in windows of 512.
"""

import math

import common
import torch

from lecture21 import GPT, GPTConfig
from lecture21.objectives import token_log_probabilities
from lecture21.training import TrainConfig, evaluate, train

TRAINED, LONG = 64, 512
LENGTHS = (64, 128, 256, 512)
KINDS = ("learned", "sinusoidal", "rotary", "none")
CHANGES = {"as trained": {}, "window 64": {"window": TRAINED}}
ROTARY = {
    f"{scaling} {factor}": {"rotary_scaling": scaling, "rotary_factor": float(factor)}
    for scaling in ("interpolation", "ntk")
    for factor in (2, 4, 8)
}
TUNED = ("as trained", "interpolation 8", "ntk 8")
STEPS, FEW, MORE = 600, 150, 100


def learn(model: GPT, tokens: torch.Tensor, steps: int, batch_size: int, rate: float, seed: int) -> None:
    """Train on windows as long as the model's block."""
    config = TrainConfig(
        steps=steps, batch_size=batch_size, learning_rate=rate, warmup=min(50, steps // 5), schedule="cosine", clip=1.0,
        eval_every=steps, seed=seed, device="cpu",
    )  # fmt: skip
    train(model, tokens, config)
    model.eval()


def trained(kind: str, seed: int, steps: int, vocab_size: int, tokens: torch.Tensor) -> GPT:
    """Train one kind of positions on windows of 64 characters."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab_size=vocab_size, block_size=TRAINED, n_layer=3, d_model=64, position=kind))
    learn(model, tokens, steps, 32, 3e-3, seed)
    return model


@torch.no_grad()
def measure(model: GPT, tokens: torch.Tensor) -> dict[tuple[str, int], float]:
    """Return bits per character by length of the windows, and by position in the longest."""
    bits = {("length", n): evaluate(model, tokens, n, batch_size=2**14 // n) / math.log(2) for n in LENGTHS}
    windows = tokens.unfold(0, LONG + 1, LONG)
    logs = torch.cat(
        [token_log_probabilities(model(part[:, :-1]), part[:, 1:]) for part in windows.split(32)]
    )  # (N, 512)
    for stop in range(TRAINED, LONG + 1, TRAINED):
        bits["position", stop] = -logs[:, stop - TRAINED : stop].mean().item() / math.log(2)
    return bits


def main() -> None:
    """Run every kind of positions with every seed, and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    val = val[: 2**15 + 1]
    rows = []

    def add_rows(model: GPT, kind: str, change: str, steps: int, more: int, seed: int) -> None:
        bits = measure(model, val)
        print(seed, kind, change, steps, more, *(f"{number:.3f}" for number in bits.values()), flush=True)
        run = {"position": kind, "change": change, "steps": steps, "more": more, "seed": seed}
        rows.extend({**run, "by": by, "at": at, "bits": round(b, 4)} for (by, at), b in bits.items())

    for seed in seeds:
        few = trained("rotary", seed, FEW, tokenizer.vocab_size, tokens)
        add_rows(few.stretched(LONG), "rotary", "as trained", FEW, 0, seed)
        for kind in KINDS:
            model = trained(kind, seed, STEPS, tokenizer.vocab_size, tokens)
            torch.manual_seed(seed)  # of the rows that no learned table has
            for change, values in (CHANGES | (ROTARY if kind == "rotary" else {})).items():
                reader = model.stretched(LONG, **values)
                add_rows(reader, kind, change, STEPS, 0, seed)
                if kind == "rotary" and change in TUNED:
                    learn(reader, tokens, MORE, 4, 1e-3, seed)
                    add_rows(reader, kind, change, STEPS, MORE, seed)
    common.save("beyond_the_block", rows)


if __name__ == "__main__":
    main()
