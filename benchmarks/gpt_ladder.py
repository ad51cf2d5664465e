"""From GPT-0 towards GPT-1 one change at a time (slide 24), and all at once: the effect of each change.

Usage: python benchmarks/gpt_ladder.py [SEED ...]        (0 1 2 if none is named; about 9 minutes each on one core)

Every run (`rung`) is trained on 307,200 tokens (600 updates of 512) by Adam with learning rate 1e-3, and is scored on
the entire validation split in non-overlapping windows of its own block size. There are three exceptions: a second run
with byte pairs that stops after the same number of characters as GPT-0; runs with twice the learning rate, so that the
mean rate of the cosine equals the constant rate; and four short runs of 12 layers at 3e-3, which test whether post-norm
needs a warm-up. A seed determines weights, batches and dropout, and all runs share the seeds. The sizes are doubled one
by one, not increased to those of GPT-1.

Writes the result `gpt_ladder` after every run, and skips the runs that it already contains:
    rung, seed, change; parameters; tokens and characters of the training batches;
    nats_per_token and bits_per_character of the validation split;
    bits_at_32: bits per character in windows of about 32 characters, for every block size.
"""

from dataclasses import dataclass, field

import common
import torch

from lecture21 import GPT, presets
from lecture21.data import shakespeare, split
from lecture21.objectives import bits_per_character
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.training import TrainConfig, evaluate, train

NAME = "gpt_ladder"
STEPS, TOKENS_PER_STEP, WINDOW = 600, 512, 32


@dataclass(frozen=True)
class Rung:
    """Differences from GPT-0."""

    model: dict[str, object] = field(default_factory=dict)
    run: dict[str, object] = field(default_factory=dict)
    vocabulary: int | None = None
    """Size of a byte-pair vocabulary, learnt from the training part; characters if None."""
    equal_characters: bool = False
    """Stop after the same number of characters as GPT-0."""

    def __str__(self) -> str:
        changes = {"byte pairs": self.vocabulary} if self.vocabulary else {}
        return " ".join(f"{name}={value}" for name, value in {**changes, **self.model, **self.run}.items())


POST = {"norm_position": "post", "final_norm": False}
# GPT-1's decay is 0.01, which over 600 steps of 1e-3 reduces a weight by 0.6 %: too little to measure. GPT-3's is 0.1.
DECAY = {"weight_decay": 0.1}
WARM_UP = {"warmup": 60, "schedule": "cosine"}
SHORT = {"steps": 150, "batch_size": 8, "learning_rate": 3e-3}
LARGER = {"n_layer": 8, "n_head": 8, "d_model": 128, "block_size": 64}
SHARED = {"activation": "gelu_tanh", "tied_head": True, "dropout": 0.1}

LADDER = {
    "GPT-0": Rung(),
    "GELU": Rung({"activation": "gelu_tanh"}),
    "tied head": Rung({"tied_head": True}),
    "initialisation N(0, 0.02)": Rung({"initialization": "gpt1"}),
    "initialisation, scaled": Rung({"initialization": "gpt2"}),
    "tied head and N(0, 0.02)": Rung({"tied_head": True, "initialization": "gpt1"}),
    "post-norm": Rung(POST),
    "weight decay": Rung(run=DECAY),
    "warm-up and cosine": Rung(run=WARM_UP),
    "warm-up, cosine and decay": Rung(run={**DECAY, **WARM_UP}),
    "twice the rate": Rung(run={"learning_rate": 2e-3}),
    "warm-up and cosine, twice the rate": Rung(run={**WARM_UP, "learning_rate": 2e-3}),
    "dropout": Rung({"dropout": 0.1}),
    "byte pairs": Rung(vocabulary=512),
    "byte pairs, equal characters": Rung(vocabulary=512, equal_characters=True),
    "depth": Rung({"n_layer": 8}),
    "heads": Rung({"n_head": 8}),
    "width": Rung({"d_model": 128}),
    "context": Rung({"block_size": 64}),
    "context and N(0, 0.02)": Rung({"block_size": 64, "initialization": "gpt1"}),
    "all, as GPT-1": Rung({**LARGER, **SHARED, **POST, "initialization": "gpt1"}, {**DECAY, **WARM_UP}, vocabulary=512),
    "12 layers, pre-norm": Rung({"n_layer": 12}, SHORT),
    "12 layers, pre-norm, warm-up": Rung({"n_layer": 12}, {**SHORT, "warmup": 50}),
    "12 layers, post-norm": Rung({"n_layer": 12, **POST}, SHORT),
    "12 layers, post-norm, warm-up": Rung({"n_layer": 12, **POST}, {**SHORT, "warmup": 50}),
    "all, as GPT-2": Rung({**LARGER, **SHARED, "initialization": "gpt2"}, {**DECAY, **WARM_UP}, vocabulary=512),
}


def run(rung: Rung, seed: int, text: str, val_text: str) -> dict[str, object]:
    """Train one model and score it."""
    whole = text + val_text  # GPT-0's alphabet is that of all nine plays
    tokenizer = BPETokenizer.from_text(text, rung.vocabulary) if rung.vocabulary else CharTokenizer.from_text(whole)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in (text, val_text))
    torch.manual_seed(seed)
    model = GPT(presets.get("gpt0", **{"vocab_size": tokenizer.vocab_size, **rung.model}))
    per_token = len(text) / len(tokens)
    steps = round(STEPS / per_token) if rung.equal_characters else STEPS
    usual = {"steps": steps, "batch_size": TOKENS_PER_STEP // model.block_size}
    config = TrainConfig(seed=seed, device="cpu", **{**usual, **rung.run})
    train(model, tokens, config)
    n_token = config.steps * config.batch_size * model.block_size

    # The first token is never predicted, so its characters do not count.
    predicted = len(val_text) - len(tokenizer.decode(val[:1]))

    def bits(nats_per_token: float) -> float:
        return round(bits_per_character(nats_per_token * (len(val) - 1), predicted), 5)

    nats = evaluate(model, val)
    window = round(WINDOW * len(val) / len(val_text))  # in tokens
    return {
        "change": str(rung),
        "parameters": model.num_parameters(),
        "tokens": n_token,
        "characters": round(n_token * per_token),
        "nats_per_token": round(nats, 5),
        "bits_per_character": bits(nats),
        "bits_at_32": bits(nats if window == model.block_size else evaluate(model, val, window)),
    }


def main() -> None:
    """Run every change with every seed, and write the table after each."""
    seeds = common.start(3)
    text, val_text = split(shakespeare())
    rows = common.stored(NAME)
    for name, rung in LADDER.items():
        for seed in seeds:
            if any(row["rung"] == name and row["seed"] == seed for row in rows):
                continue
            row = {"rung": name, "seed": seed, **run(rung, seed, text, val_text)}
            print(*row.values(), sep="  ", flush=True)
            rows.append(row)
            rows.sort(key=lambda row: (list(LADDER).index(row["rung"]), row["seed"]))
            common.save(NAME, rows, arguments=False)


if __name__ == "__main__":
    main()
