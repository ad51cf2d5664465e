"""Time per generated token at GPT-2's size, 124 M parameters, batch 1, on a CPU: ratios within one run.

Usage: python benchmarks/c11_generation.py [NEW_TOKENS]        (256 if not given; about ten minutes on one core)

Weights are random, as speed does not depend on their values. Four methods generate the same number of greedy tokens in
turn: the cache of this package in float32 and with bfloat16 weights, and `generate` of transformers in both. Once per
run, the entire context is recomputed at each step. The time to read every weight once is a lower bound for decoding.
Absolute times depend on the machine and its load; only the ratios are comparable.

With bfloat16 weights, oneDNN repacks a matrix before it is multiplied with a single vector. "cache, bfloat16" is timed
with oneDNN disabled, a process-wide switch of torch; "cache, bfloat16, oneDNN" with torch's default.

Writes the result `generation_speed`: round, method (`way`), ms_per_token.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import transformers
from table import save

from lecture21 import GPT, presets
from lecture21.generation import generate
from lecture21.huggingface import to_huggingface

PROMPT, ROUNDS = 8, 5
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


@torch.inference_mode()
def main() -> None:
    """Time each method in turn and print seconds, ratios and their range."""
    n_new = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    torch.set_num_threads(1)
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
            return generate(half, prompt, n_new, greedy=True)

    def their(reference: torch.nn.Module) -> object:
        return reference.generate(
            prompt, max_new_tokens=n_new, min_new_tokens=n_new, do_sample=False, pad_token_id=0, use_cache=True
        )

    ways = {
        "cache, float32": partial(generate, model, prompt, n_new, greedy=True),
        "cache, bfloat16": without_onednn,
        "cache, bfloat16, oneDNN": partial(generate, half, prompt, n_new, greedy=True),
        "transformers, float32": partial(their, published),
        "transformers, bfloat16": partial(their, theirs_half),
    }
    rows = []

    def record(number: int, way: str, run: Callable[[], object], tokens: int) -> None:
        rows.append({"round": number, "way": way, "ms_per_token": round(1000 * seconds(run) / tokens, 3)})

    for number in range(ROUNDS):
        for way, run in ways.items():
            record(number, way, run, n_new)
        for way, read in (("read float32 weights", model), ("read bfloat16 weights", half)):
            flat = [parameter.view(-1).view(torch.int32) for parameter in read.parameters()]
            record(number, way, lambda flat=flat: [weight.max() for weight in flat], 1)
        if number == 0:
            record(
                number,
                "whole context, float32",
                partial(generate, model, prompt, n_new, greedy=True, use_cache=False),
                n_new,
            )
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    save("generation_speed", rows)

    print(f"{n_new} new tokens after {PROMPT}, batch 1, one thread, {ROUNDS} rounds in turn")
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
    main()
