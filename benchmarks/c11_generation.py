"""Time per generated token at GPT-2's size, 124 M parameters, batch 1, on a CPU: ratios within one run.

Usage: python benchmarks/c11_generation.py        (about ten minutes on one core)

Weights are random, as speed does not depend on their values. Four methods generate the same number of greedy tokens in
turn: the cache of this package in float32 and with bfloat16 weights, and `generate` of transformers in both. Once per
run, the entire context is recomputed at each step. The time to read every weight once is a lower bound for decoding.
Absolute times depend on the machine and its load; only the ratios are comparable.

With bfloat16 weights, oneDNN repacks a matrix before it is multiplied with a single vector. "cache, bfloat16" is timed
with oneDNN disabled, a process-wide switch of torch; "cache, bfloat16, oneDNN" with torch's default.

Writes the result `generation_speed`: round, method (`way`), ms_per_token.
"""

import statistics
import time
from collections.abc import Callable
from functools import cache, partial

import torch
import transformers
from table import Table, run

from lecture21 import GPT, presets
from lecture21.generation import generate
from lecture21.huggingface import to_huggingface

PROMPT, NEW, ROUNDS = 8, 256, 5
RESULT = Table("generation_speed", key=("round",))
PAIRS = (
    ("whole context, float32", "cache, float32"),
    ("whole context, float32", "cache, bfloat16"),
    ("cache, bfloat16, oneDNN", "cache, bfloat16"),
    ("transformers, float32", "cache, float32"),
    ("transformers, float32", "cache, bfloat16"),
    ("transformers, bfloat16", "cache, bfloat16"),
    ("cache, float32", "read float32 weights"),
    ("cache, bfloat16", "read bfloat16 weights"),
)


def times(rows: list[dict[str, object]], way: str) -> list[float]:
    """Return the milliseconds of one method for each round."""
    return [row["ms_per_token"] for row in rows if row["way"] == way]


def seconds(run: Callable[[], object]) -> float:
    """Return the duration of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@cache
def ways() -> tuple[dict[str, Callable[[], object]], Callable[[], object]]:
    """Return the methods that are timed in turn, and that without a cache."""
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    model = GPT(presets.get("gpt2", dropout=0.0)).eval()
    published = to_huggingface(model).eval()
    prompt = torch.randint(model.vocab_size, (1, PROMPT))
    half = GPT(model.config).bfloat16().eval()
    half.load_state_dict(model.state_dict())
    theirs_half = to_huggingface(model).eval().bfloat16()

    def without_onednn() -> object:
        with torch.backends.mkldnn.flags(enabled=False):
            return generate(half, prompt, NEW, greedy=True)

    def their(reference: torch.nn.Module) -> object:
        return reference.generate(
            prompt, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0, use_cache=True
        )

    def read(model: GPT) -> None:
        for weight in model.parameters():
            weight.view(-1).view(torch.int32).max()

    in_turn = {
        "cache, float32": partial(generate, model, prompt, NEW, greedy=True),
        "cache, bfloat16": without_onednn,
        "cache, bfloat16, oneDNN": partial(generate, half, prompt, NEW, greedy=True),
        "transformers, float32": partial(their, published),
        "transformers, bfloat16": partial(their, theirs_half),
        "read float32 weights": partial(read, model),
        "read bfloat16 weights": partial(read, half),
    }
    return in_turn, partial(generate, model, prompt, NEW, greedy=True, use_cache=False)


@torch.inference_mode()
def measure(**key: int) -> list[dict[str, object]]:
    """Time each method once, and in the first round that without a cache."""
    in_turn, whole = ways()
    timed = in_turn | ({"whole context, float32": whole} if key["round"] == 0 else {})
    tokens = {way: 1 if way.startswith("read") else NEW for way in timed}
    return [{"way": way, "ms_per_token": round(1000 * seconds(run) / tokens[way], 3)} for way, run in timed.items()]


def main() -> None:
    """Time all rounds, and print the medians, their ratios, and the range of these over rounds."""
    rows = [row for number in range(ROUNDS) for row in RESULT.rows(measure, round=number)]
    print(f"{NEW} new tokens after {PROMPT}, batch 1, one thread, {ROUNDS} rounds in turn")
    medians = {way: statistics.median(times(rows, way)) for way in dict.fromkeys(row["way"] for row in rows)}
    for way, median in medians.items():
        print(f"{way:26} {median:8.1f} ms")
    print()
    print("ratio of medians, and its range over rounds")
    for slow, fast in PAIRS:
        slower, faster = times(rows, slow), times(rows, fast)
        if len(slower) < len(faster):
            slower = slower * len(faster)
        ratios = [a / b for a, b in zip(slower, faster, strict=True)]
        name = f"{slow} / {fast}"
        print(f"{name:52} {medians[slow] / medians[fast]:7.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    run(main)
