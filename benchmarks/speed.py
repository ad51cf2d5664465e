"""Speed of the fast implementations: ratios of two methods with the same result, timed in turn within one process.

Usage: python benchmarks/speed.py

Absolute times depend on the machine and its load, so only ratios are printed: the median over rounds,
and the smallest and largest.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from lecture21 import GPT, presets
from lecture21.generation import generate
from lecture21.layers import MultiHeadAttention

ROUNDS = 15


def ratio(name: str, slow: Callable[[], object], fast: Callable[[], object]) -> None:
    """Print the ratio of the times of `slow` and `fast`."""
    slow(), fast()  # warm up
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for run in (slow, fast):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    print(f"{name:58} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


@torch.no_grad()
def main() -> None:
    """Time each pair."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'slow / fast, one thread':58} median  (range)")
    for length in (32, 256, 1024):
        layer, x = MultiHeadAttention(128, 4), torch.randn(2, length, 128)
        ratio(f"explicit / fused attention, T = {length}", partial(layer.explicit, x), partial(layer, x))
    for block_size in (32, 256):
        model = GPT(presets.get("gpt0", block_size=block_size))
        prompt = torch.zeros(1, 1, dtype=torch.long)
        n_new = block_size - 1
        ratio(
            f"whole context / cache, {n_new} new tokens",
            partial(generate, model, prompt, n_new, greedy=True, use_cache=False),
            partial(generate, model, prompt, n_new, greedy=True),
        )


if __name__ == "__main__":
    main()
