"""Time and memory of one attention layer as the text grows to 8,192 tokens: explicit, fused, and in a window of 256.

Usage: python benchmarks/context_cost.py       (about 2 minutes of one core, 2 GB of memory; Linux)

A layer of width 128 with two heads, one text, float32, one thread, no gradients. `explicit` forms all T x T weights,
`fused` never holds them, and `window` reads blocks of 256. Five rounds, in each of which every way and length has its
turn, so that a slow moment of the machine hits all alike; a turn's time is that of its fastest pass of four or more.
Memory is the rise of the process's peak over what it held before, each in a fresh process in which freed memory goes
back at once.

Writes the result `context_cost`: way, tokens, round, what is measured (`seconds` of one forward pass, `bytes`), number.
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
MEASURED = 2**10  # tokens from which the memory of a pass stands out from what the process needs anyway


def reader(way: str) -> Callable[[torch.Tensor], object]:
    """Return a layer that reads in one of the ways."""
    layer = MultiHeadAttention(WIDTH, HEADS, window=WINDOW if way == "window" else None)
    return layer.explicit if way == "explicit" else layer


def seconds(way: str, n_token: int) -> float:
    """Return the time of the fastest of several passes: what slows one down is the rest of the machine."""
    x, read = torch.randn(1, n_token, WIDTH), reader(way)
    times = []
    for _ in range(max(2**13 // n_token, 4)):
        start = time.perf_counter()
        read(x)
        times.append(time.perf_counter() - start)
    return min(times)


def status(name: str) -> int:
    """Return a size in bytes that Linux tells of this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def peak(way: str, n_token: int) -> int:
    """Return by how much a pass raises the peak of this process."""
    x, read = torch.randn(1, n_token, WIDTH), reader(way)
    read(x[:, :WINDOW])  # what is loaded at the first call
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
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
