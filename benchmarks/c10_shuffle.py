"""Random windows against shuffled passes: what a run gains by reading every window before it reads one again.

Usage: python benchmarks/c10_shuffle.py [SEED ...]        (0 to 2 by default; about 4 minutes for a seed on one core)

`small modern` of `c10_modern.py` with its 641 updates of 16 windows of 64, 656,384 characters, on texts of such lengths
that this is 0.2, ... or 8 passes: the end of the training part of `shakespeare("complete")`, without every fifth
stretch of 2,000 characters, which is held out. The score is the loss on the last ten stretches that are held out, which
lie within the shortest text.

After the windows of r passes, random ones leave a share of exp(-r) of the text unread. Is this why they are worse? The
arm `less text` reads a share of 1 - exp(-r) of the stretches, drawn at random, in shuffled passes: as much text as
random windows read. Predictions, written before the runs: shuffled passes gain at most 0.002 nats at 0.2 passes and at
8, and most in between; and where they gain, more than half of it is lost with less text. Both were wrong: the gain
grows with the passes, to 8, where random windows leave nothing unread, and less text keeps it.

Random windows also read some text more often than other text, and some again too soon. The arm `equally often` has all
windows of all passes in one random order, so that only the counts are equal, and not the distances.

Writes the result `shuffled`.
"""

import math
from dataclasses import replace
from functools import cache
from itertools import product

import c10_modern
import torch
from table import Table, each, run, seeds

from lecture21 import GPT
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import evaluate

STRETCH, SCORED = 2000, 10
PASSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
STEPS = 641
ARMS = ("random", "shuffled", "less text", "equally often")
RESULT = Table("shuffled", key=("passes", "arm", "seed"))


@cache
def stretches_of() -> tuple[CharTokenizer, torch.Tensor, torch.Tensor]:
    """Return the tokenizer, the stretches that are read and those that are held out, the last of the text first."""
    text = shakespeare("complete")
    tokenizer = CharTokenizer.from_text(text)
    text, _ = split(text)
    tokens = torch.tensor(tokenizer.encode(text))
    stretches = tokens[: len(tokens) // STRETCH * STRETCH].view(-1, STRETCH).flip(0)
    held_out = torch.arange(len(stretches)) % 5 == 0
    return tokenizer, stretches[~held_out], stretches[held_out]


def text_of(arm: str, passes: float, seed: int, stretches: torch.Tensor, characters: int) -> torch.Tensor:
    """Return the end of the text that has so many characters in so many passes: a part of it, or it several times."""
    text = stretches[: round(characters / passes / STRETCH)].flip(0)
    if arm == "less text":
        order = torch.randperm(len(text), generator=torch.Generator().manual_seed(seed))
        text = text[order[: round((1 - math.exp(-passes)) * len(text))].sort().values]
    return text.flatten().repeat(round(passes) if arm == "equally often" else 1)


def measure(passes: float, arm: str, seed: int) -> dict[str, float]:
    """Train one model, and return its loss on the stretches that are held out."""
    tokenizer, stretches, held_out = stretches_of()
    config, run, train = c10_modern.SMALL.found(tokenizer.vocab_size)
    text = text_of(arm, passes, seed, stretches, STEPS * run.batch_size * config.block_size)
    torch.manual_seed(seed)
    model = GPT(config)
    train(model, text, replace(run, steps=STEPS, eval_every=STEPS, seed=seed, shuffle=arm != "random"))
    losses = [evaluate(model, stretch) for stretch in held_out[:SCORED]]
    return {"nats": round(sum(losses) / len(losses), 5)}


def main() -> None:
    """Run every arm; in less than two passes, "equally often" is the same as "shuffled"."""
    keys = [key for key in product(seeds(3), PASSES, ARMS) if key[1] >= 2 or key[2] != "equally often"]
    each(lambda key: RESULT.row(measure, passes=key[1], arm=key[2], seed=key[0]), keys)


if __name__ == "__main__":
    run(main)
