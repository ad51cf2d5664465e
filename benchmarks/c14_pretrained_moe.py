"""Train and publish a small sparse GPT of the plays, for figures that show which expert reads which character.

Usage: python benchmarks/c14_pretrained_moe.py        (about 2 minutes on one core)

`modern-moe` is the preset `modern-gpt0` with its recipe, but each feed-forward layer has 8 experts of width 48, of
which every character is processed by one (top-1), balanced by the auxiliary loss.

Stores the pretrained model, and writes the result `pretrained_moe`, a row for each layer and expert: `load`, its
fraction of the characters of the validation split; the characters that it processes most often, most frequent first,
and the fraction of its load that they make up; and, for the layer, `load_entropy` and `information` (see
`lecture21.moe.describe`) of the trained model and, as `information_before`, of the untrained one. `seconds` is
the process time of the training.
"""

import time

import common
import torch
from table import Table, run

from lecture21 import GPT, presets, train
from lecture21.moe import routings, statistics_of
from lecture21.training import recipe

NAME, SEED, OFTEN = "modern-moe", 0, 6
MOE = {"n_expert": 8, "top_k": 1, "balance": "aux", "aux_weight": 0.01}


RESULT = Table("pretrained_moe", key=("model", "seed"))


def measure(model: str, seed: int) -> list[dict[str, object]]:
    """Train, publish and describe the model."""
    tokenizer, tokens, val = common.encoded_plays()
    torch.manual_seed(seed)
    gpt = GPT(presets.get("modern-gpt0", vocab_size=tokenizer.vocab_size, d_ff=48, moe=MOE))
    windows = val[: len(val) // gpt.block_size * gpt.block_size].view(-1, gpt.block_size)
    before = statistics_of(gpt, windows)
    start = time.process_time()
    train(gpt, tokens, recipe("modern-gpt0", seed=seed, device="cpu"))
    seconds = round(time.process_time() - start, 1)
    common.publish(model, gpt, tokenizer)
    after = statistics_of(gpt, windows)
    with torch.no_grad(), routings(gpt) as routed:
        gpt(windows)
    rows = []
    for layer, (_, routing) in enumerate(routed):
        for expert in range(MOE["n_expert"]):
            counts = windows[routing.experts[..., 0] == expert].bincount(minlength=tokenizer.vocab_size)
            often = counts.topk(OFTEN)
            rows.append(
                {
                    "layer": layer + 1,
                    "expert": expert + 1,
                    "load": round(after[layer].load[expert].item(), 4),
                    "characters": tokenizer.decode(often.indices.tolist()).replace("\n", "⏎").replace(" ", "␣"),
                    "their_share": round((often.values.sum() / counts.sum().clamp(min=1)).item(), 4),
                    "load_entropy": round(after[layer].load_entropy, 4),
                    "information": round(after[layer].information, 4),
                    "information_before": round(before[layer].information, 4),
                    "seconds": seconds,
                }
            )
    return rows


def main() -> None:
    """Train, publish and describe the model."""
    RESULT.rows(measure, model=NAME, seed=SEED)


if __name__ == "__main__":
    run(main)
