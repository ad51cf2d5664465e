"""Attack the package and print the figures: `make attack`. The exit code is 1 if anything did not hold.

SIGKILL and signals at every operation with a file, and misuse of the API. Where imports are not the target, the
attacked processes are forks of this one, in which torch is already loaded.
"""

import sys
import tempfile
import time
from pathlib import Path

import kills
import misuse
import signals
import torch

from lecture21 import GPT, GPTConfig, TrainConfig, train
from lecture21.cli import app  # noqa: F401

_PARTS = {
    "SIGKILL at every open, write, sync, rename and removal": kills.at_every_operation,
    "SIGINT and SIGTERM at imports of the command": lambda folder: signals.at_imports(20),
    "SIGINT and SIGTERM at every operation with a file": signals.at_every_operation,
    "misuse of the API": misuse.calls,
}


def warm_up(folder: Path) -> None:
    """Import what a run imports late, so that the forks need not; no update, which would start threads."""
    model = GPT(GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8, position="rotary"))
    train(model, torch.arange(9).repeat(20), TrainConfig(steps=0, device="cpu"), out=folder)
    model.save_pretrained(folder / "model")
    GPT.from_pretrained(folder / "model")


def main() -> int:
    """Run every part whose name contains the argument, and return the exit code."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        warm_up(Path(folder))
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = 0
    for name, part in _PARTS.items():
        if wanted not in name:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            count, problems = part(Path(folder))
        failed += len(problems)
        print(f"{name}: {count}, problems: {len(problems)} ({time.monotonic() - started:.0f} s)", flush=True)
        for problem in problems:
            print(f"  {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
