"""Train and publish a small sparse GPT of the plays, for figures that show which expert reads which character.

Usage: python benchmarks/c14_pretrained_moe.py        (about 2 minutes on one core)

`modern-moe` is the preset `modern-gpt0` with its recipe, but each feed-forward layer has 8 experts of width 48, of
which every character is processed by one (top-1), balanced by the auxiliary loss.

Stores the pretrained model, and writes the result `pretrained_moe`, a row for each layer and expert: `load`, its
fraction of the characters of the validation split, and, for the layer, `information`: see `lecture21.moe.describe`.
"""

import common
import torch
from table import Table, run

from lecture21 import GPT, presets, train
from lecture21.moe import statistics_of
from lecture21.training import recipe

NAME, SEED = "modern-moe", 0
MOE = {"n_expert": 8, "top_k": 1, "balance": "aux", "aux_weight": 0.01}
RESULT = Table("pretrained_moe", key=("model", "seed"))


def measure(model: str, seed: int) -> list[dict[str, object]]:
    """Train, publish and describe the model."""
    tokenizer, tokens, val = common.encoded_plays()
    torch.manual_seed(seed)
    gpt = GPT(presets.get("modern-gpt0", vocab_size=tokenizer.vocab_size, d_ff=48, moe=MOE))
    train(gpt, tokens, recipe("modern-gpt0", seed=seed, device="cpu"))
    common.publish(model, gpt, tokenizer)
    windows = val[: len(val) // gpt.block_size * gpt.block_size].view(-1, gpt.block_size)
    return [
        {"layer": layer, "expert": expert, "load": round(load, 4), "information": round(found.information, 4)}
        for layer, found in enumerate(statistics_of(gpt, windows), start=1)
        for expert, load in enumerate(found.load.tolist(), start=1)
    ]


def main() -> None:
    """Train, publish and describe the model."""
    RESULT.rows(measure, model=NAME, seed=SEED)


if __name__ == "__main__":
    run(main)
