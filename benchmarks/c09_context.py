"""Why a longer context raised the loss of GPT-0: learned and rotary positions, tuned at the length that is reported.

Usage: python benchmarks/c09_context.py        (about 5 minutes on one core)

The models and the text are those of c09_gpt_ladder.py. Here every run is a quarter as long as there, and reads a
quarter as many characters as the training text has. One factor on all learning rates is searched from 2 outwards in
steps of 2, until the best has a worse neighbor on both sides. The runs of the search are those that are reported, with
seed 0, and are scored on what is reported: the validation split in windows of the model's own block size. The best
factor of each arm then has seeds 1 and 2.

Arms: learned or rotary positions with 32 or 64 characters of context.

Writes two results after every run, and skips the runs that they already contain:
    context: arm, factor, seed; bits per character in windows of the model's own block size, and bits_at_32;
        seconds of processor time, of training and scoring.
    context_positions: arm, factor, seed, position in the window; bits per
        character there, over windows that begin at every 64th character of the validation split, the same windows for
        every arm.
"""

import math
import time

import common
import torch
from c09_gpt_ladder import GPT0, Arm, Text, fit, number_of_steps
from jaxtyping import Float
from torch import Tensor

from lecture21 import GPT
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer

NAME, POSITIONS, SEEDS, FIRST, STRIDE = "context", "context_positions", (0, 1, 2), 2.0, 64
ARMS = tuple(
    Arm(f"{position}, {block_size}", GPT0.changed(position=position, block_size=block_size), characters=0.25)
    for position in ("learned", "rotary")
    for block_size in (32, 64)
)


@torch.no_grad()
def by_position(model: GPT, text: Text, longest: int) -> Float[Tensor, " T"]:
    """Return the bits of the model at each position of its window, over windows that all models can read."""
    ids = text.val.unfold(0, longest + 1, STRIDE)[:, : model.block_size + 1]  # (windows, T+1)
    model.eval()
    total = torch.zeros(model.block_size, dtype=torch.float64)
    for batch in ids.split(256):
        log_p = model(batch[:, :-1]).log_softmax(-1).gather(-1, batch[:, 1:, None]).squeeze(-1)  # (B, T)
        total -= log_p.double().sum(0)
    return total / len(ids) / math.log(2)


def main() -> None:
    """Tune every arm and run it with every seed; write the tables after each run."""
    torch.set_num_threads(1)
    train_text, val_text = split(shakespeare())
    text = Text(CharTokenizer.from_text(train_text + val_text), train_text, val_text)
    rows, places = common.stored(NAME), common.stored(POSITIONS)
    longest = max(arm.model.block_size for arm in ARMS)

    def score(arm: Arm, seed: int, factor: float) -> float:
        for row in rows:
            if (row["arm"], row["seed"], row["factor"]) == (arm.rung, seed, factor):
                return row["bits"]
        name, started = {"arm": arm.rung, "factor": factor, "seed": seed}, time.process_time()
        try:
            model = fit(arm, text, seed, factor, number_of_steps(arm, text.per_token))
            bits = text.bits(model, model.block_size)
            bits_at_32 = bits if model.block_size == text.window else text.bits(model, text.window)
            curve = enumerate(by_position(model, text, longest).tolist())
            places.extend(name | {"position": position, "bits": round(b, 4)} for position, b in curve)
            common.save(POSITIONS, places)
        except ValueError:
            bits = bits_at_32 = math.inf
        row = name | {"bits": bits, "bits_at_32": bits_at_32, "seconds": round(time.process_time() - started, 1)}
        print(*row.values(), sep="  ", flush=True)
        rows.append(row)
        common.save(NAME, rows)
        return bits

    for arm in ARMS:
        score(arm, 0, FIRST)
    best = [next(iter(common.tune(lambda factor, arm=arm: score(arm, 0, factor), (FIRST,)))) for arm in ARMS]
    for seed in SEEDS:
        for arm, factor in zip(ARMS, best, strict=True):
            score(arm, seed, factor)


if __name__ == "__main__":
    main()
