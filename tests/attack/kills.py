"""SIGKILL at every open, write, sync, rename and removal of the saves of a training run.

After each kill every file must be complete, and the resumed run must equal one that was never stopped, byte for byte. A
kill between two of these operations leaves the files of the earlier one.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import children
import torch

from lecture21 import GPT, CharTokenizer, GPTConfig, TrainConfig, train
from lecture21._support import files
from lecture21._support.storage import load_tensors
from lecture21.tokenizers import load_tokenizer
from lecture21.training import History

_TOKENS = torch.randint(9, (200,), generator=torch.Generator().manual_seed(0))
_SYMBOLS = CharTokenizer.from_text("abcdefgh")


def _train(out: Path, steps: int) -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8, dropout=0.1))
    config = TrainConfig(steps=steps, batch_size=4, eval_every=1, device="cpu")
    resume = (out / "checkpoint.safetensors").exists()
    train(model, _TOKENS, config, val=_TOKENS[:50], out=out, tokenizer=_SYMBOLS, resume=resume)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def check_complete(run: Path) -> None:
    """Load every file of a run; raises an error that names one that is not complete."""
    loaders = {
        "checkpoint.safetensors": load_tensors,
        "model.safetensors": load_tensors,
        "history.csv": History.from_csv,
        "tokenizer.json": load_tokenizer,
    }
    for name, load in loaders.items():
        if (run / name).exists():
            load(run / name)
    if (run / "config.json").exists():
        GPT.from_pretrained(run)


def _problems_after_kill(run: Path, whole: dict[str, bytes], steps: int, folder: Path) -> Iterator[str]:
    try:
        check_complete(run)
    except (ValueError, OSError) as error:
        yield f"not complete: {error}"
    ended = children.run(lambda: _train(run, steps), folder)
    if ended.code:
        yield f"the resumed run ended with {ended.code}: {ended.output[-300:]}"
    elif contents(run) != whole:
        different = [name for name in {*whole, *contents(run)} if whole.get(name) != contents(run).get(name)]
        yield f"the resumed run differs in {', '.join(different)}"
    shutil.rmtree(run)


class Operations:
    """Counts the file operations of a process, and sends it a signal at one of them."""

    def __init__(self, fatal: int | None = None, number: int = signal.SIGKILL):
        self.count, self.fatal, self.number = 0, fatal, number
        fsync, replace, unlink, opened = os.fsync, Path.replace, Path.unlink, Path.open

        def before(operation):
            def wrapper(*arguments, **options):
                self.happens()
                return operation(*arguments, **options)

            return wrapper

        def open_and_watch(path, mode="r", *arguments, **options):
            self.happens()
            file = opened(path, mode, *arguments, **options)
            return _WatchedFile(file, self) if mode == "xb" else file

        files.os.fsync = before(fsync)
        Path.replace = before(replace)
        Path.unlink = before(unlink)
        Path.open = open_and_watch

    def happens(self) -> None:
        """Count one operation."""
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), self.number)


class _WatchedFile:
    """A file whose write may be killed after half of the bytes."""

    def __init__(self, file, operations: Operations):
        self._file, self._operations = file, operations

    def write(self, data: bytes) -> None:
        self._file.write(data[: len(data) // 2])
        if self._operations.count + 1 == self._operations.fatal:
            self._file.flush()
        self._operations.happens()
        self._file.write(data[len(data) // 2 :])

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        return self._file.__exit__(*arguments)

    def __getattr__(self, name):
        return getattr(self._file, name)


def at_every_operation(folder: Path) -> tuple[int, list[str]]:
    """Kill a run at each of its file operations in turn."""
    steps, problems = 3, []

    def count() -> int:
        operations = Operations()
        _train(folder / "whole", steps)
        return operations.count

    number = children.run(count, folder).code
    whole = contents(folder / "whole")
    for fatal in range(1, number + 1):

        def be_killed(fatal: int = fatal) -> None:
            Operations(fatal)
            _train(folder / "run", steps)

        ended = children.run(be_killed, folder)
        if ended.code != -signal.SIGKILL:
            problems.append(f"operation {fatal} did not happen: {ended.code} {ended.output[-300:]}")
        problems += _problems_after_kill(folder / "run", whole, steps, folder)
    return number, problems
