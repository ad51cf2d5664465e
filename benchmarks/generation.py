"""What a token costs at GPT-2's size, 124 M parameters, batch 1, on a CPU: ratios within one run.

Usage: python benchmarks/generation.py [NEW_TOKENS]        (256 if not given; about ten minutes on one core)

Weights are random: speed does not depend on their values. Five ways to the same number of greedy tokens take turns:
the whole context at every step, our cache in float32 and with bfloat16 weights, and transformers' own `generate` in
both. Beside them stands the time to read every weight once, which no way of decoding can beat. Absolute times depend
on the machine and on what else it does: the ratios are what to look at.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import transformers

from lecture21 import GPT, presets
from lecture21.generation import generate
from lecture21.pretrained import to_huggingface

PROMPT, ROUNDS = 8, 5


def seconds(run: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@torch.inference_mode()
def main() -> None:
    """Time each way in turn and print seconds, ratios and their range."""
    n_new = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    torch.set_num_threads(1)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    model = GPT(presets.get("gpt2", dropout=0.0)).eval()
    theirs = to_huggingface(model).eval()
    prompt = torch.randint(model.vocab_size, (1, PROMPT))
    half = GPT(model.config).bfloat16().eval()
    half.load_state_dict(model.state_dict())
    theirs_half = to_huggingface(model).eval().bfloat16()

    def their(reference: torch.nn.Module) -> object:
        return reference.generate(
            prompt, max_new_tokens=n_new, min_new_tokens=n_new, do_sample=False, pad_token_id=0, use_cache=True
        )

    ways = {
        "cache, float32": partial(generate, model, prompt, n_new, greedy=True),
        "cache, bfloat16 weights": partial(generate, half, prompt, n_new, greedy=True),
        "transformers, float32": partial(their, theirs),
        "transformers, bfloat16": partial(their, theirs_half),
    }
    weights = [parameter.view(-1) for parameter in model.parameters()]
    once = min(seconds(lambda: [weight.sum() for weight in weights]) for _ in range(5))
    whole = seconds(partial(generate, model, prompt, n_new, greedy=True, use_cache=False))
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(seconds(way))
    print(f"{n_new} new tokens after {PROMPT}, batch 1, one thread, {ROUNDS} rounds in turn")
    print(f"{'way':26} ms/token  slower than reading float32 weights once ({1000 * once:.1f} ms)")
    for name, found in {**times, "whole context, float32": [whole]}.items():
        per_token = statistics.median(found) / n_new
        print(f"{name:26} {1000 * per_token:8.1f}  {per_token / once:6.2f}")
    print()
    print("ratio                                                    median  (range over rounds)")
    pairs = [
        ("whole context / cache, both float32", [whole] * ROUNDS, times["cache, float32"]),
        ("whole context float32 / cache bfloat16", [whole] * ROUNDS, times["cache, bfloat16 weights"]),
        ("transformers float32 / ours float32", times["transformers, float32"], times["cache, float32"]),
        ("transformers float32 / ours bfloat16", times["transformers, float32"], times["cache, bfloat16 weights"]),
        ("transformers bfloat16 / ours bfloat16", times["transformers, bfloat16"], times["cache, bfloat16 weights"]),
    ]
    for name, slow, fast in pairs:
        ratios = [a / b for a, b in zip(slow, fast, strict=True)]
        print(f"{name:55} {statistics.median(ratios):7.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
