"""Time and memory of one attention layer as the text grows to 8,192 tokens: explicit, fused, and in a window of 256.

Usage: python benchmarks/context_cost.py       (about 2 minutes on one core, 2 GB of memory; Linux)

A layer of width 128 with two heads, one text, float32, one thread, no gradients. `explicit` forms all T x T weights,
`fused` never stores them, and `window` computes blocks of 256. Each of five rounds measures every method and length
once, so that a slow moment of the machine affects all of them; the time is that of the fastest of at least four
passes. Memory is the increase of the process's peak over its memory before the pass, each in a new process that
returns freed memory immediately.

Writes the result `context_cost`: method (`way`), tokens, round, quantity (`seconds` or `bytes` per pass), value.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import common
import torch

from lecture21.layers import MultiHeadAttention

WIDTH, HEADS, WINDOW, ROUNDS = 128, 2, 256, 5
TOKENS = tuple(2**n for n in range(6, 14))
WAYS = ("explicit", "fused", "window")
MEASURED = 2**10  # from this length on, a pass needs much more memory than the process itself


def reader(way: str) -> Callable[[torch.Tensor], object]:
    """Return a layer with one of the methods."""
    layer = MultiHeadAttention(WIDTH, HEADS, window=WINDOW if way == "window" else None)
    return layer.explicit if way == "explicit" else layer


def seconds(way: str, n_token: int) -> float:
    """Return the time of the fastest of several passes, as other processes slow down some of them."""
    x, read = torch.randn(1, n_token, WIDTH), reader(way)
    times = []
    for _ in range(max(2**13 // n_token, 4)):
        start = time.perf_counter()
        read(x)
        times.append(time.perf_counter() - start)
    return min(times)


def status(name: str) -> int:
    """Return a size in bytes from the status that Linux reports for this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def peak(way: str, n_token: int) -> int:
    """Return how much a pass increases the peak memory of this process."""
    x, read = torch.randn(1, n_token, WIDTH), reader(way)
    read(x[:, :WINDOW])  # libraries that the first call loads
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    read(x)
    return status("VmHWM") - before


@torch.no_grad()
def main() -> None:
    """Measure everything, and write the table."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["peak"]:
        print(peak(sys.argv[2], int(sys.argv[3])))
        return
    rows = []

    def note(way: str, n_token: int, turn: int, what: str, number: float) -> None:
        rows.append({"way": way, "tokens": n_token, "round": turn, "what": what, "number": number})
        print(*rows[-1].values(), flush=True)

    for turn in range(ROUNDS):
        for n_token in TOKENS:
            for way in WAYS:
                note(way, n_token, turn, "seconds", round(seconds(way, n_token), 7))
    thrifty = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    for n_token in (n for n in TOKENS if n >= MEASURED):
        for way in WAYS:
            command = [sys.executable, __file__, "peak", way, str(n_token)]
            found = subprocess.run(command, env=thrifty, check=True, capture_output=True, text=True)
            note(way, n_token, 0, "bytes", int(found.stdout))
    common.save("context_cost", rows, arguments=False)


if __name__ == "__main__":
    main()
