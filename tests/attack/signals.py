"""SIGINT and SIGTERM at imports of the command and at every file operation of a run: one line, exit code 130 or 143."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import children
from kills import Operations, check_complete, contents

from lecture21.cli import main

_TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 20
_OPTIONS = ["--steps", "2", "--eval-every", "1", "--batch-size", "2", "--set", "n_layer=1", "--set", "d_model=8"]
# Counts the imports since the command has handlers of its own, and sends the signal at one of them.
_AT_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored
number, fatal, seen = int(sys.argv[1]), int(sys.argv[2]), 0
def hook(event, arguments):
    global seen
    if event == "import" and callable(signal.getsignal(signal.SIGTERM)):
        seen += 1
        if seen == fatal:
            os.kill(os.getpid(), number)
sys.addaudithook(hook)
from lecture21.cli import main
code = main(sys.argv[3:])
if not fatal:
    print(seen)
sys.exit(code)
"""


def _arguments(folder: Path, out: Path) -> list[str]:
    return ["train", "--out", str(out), "--text", str(folder / "romeo.txt"), *_OPTIONS]


def _problems(code: int, output: str, number: int, when: str) -> list[str]:
    last = output.splitlines()[-1] if output else ""
    lines = [line for line in output.splitlines() if line.startswith("lecture21:")]
    if code == 128 + number and last.startswith("lecture21: stopped") and len(lines) == 1 and "Traceback" not in output:
        return []
    return [f"signal {number} at {when}: exit code {code}, output {output[-500:]!r}"]


def at_imports(count: int) -> tuple[int, list[str]]:
    """Send a signal to new processes, at imports that are evenly spread over all of the command."""

    def started(number: int, fatal: int) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", _AT_IMPORT, str(number), str(fatal), "count", "gpt0"]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    total, problems = int(started(0, 0).stdout.split()[-1]), []
    numbers = itertools.cycle([signal.SIGINT, signal.SIGTERM])
    for n, number in zip(range(count), numbers, strict=False):
        fatal = 1 + n * total // count
        ended = started(number, fatal)
        problems += _problems(ended.returncode, ended.stdout, number, f"import {fatal} of {total}")
    return count, problems


def at_every_operation(folder: Path) -> tuple[int, list[str]]:
    """Send a signal to a run at each of its file operations in turn, and resume it."""
    problems: list[str] = []
    (folder / "romeo.txt").write_text(_TEXT)

    def count() -> int:
        operations = Operations()
        main(_arguments(folder, folder / "whole"))
        return operations.count

    total = children.run(count, folder).code
    whole = contents(folder / "whole")
    for fatal, number in zip(range(1, total + 1), itertools.cycle([signal.SIGINT, signal.SIGTERM]), strict=False):
        run = folder / f"run{fatal}"

        def be_stopped(fatal: int = fatal, number: int = number, run: Path = run) -> int:
            Operations(fatal, number)
            return main(_arguments(folder, run))

        ended = children.run(be_stopped, folder)
        problems += _problems(ended.code, ended.output, number, f"operation {fatal} of {total}")
        more = []
        if run.exists():
            check_complete(run)
            more = ["--resume"] if (run / "checkpoint.safetensors").exists() else []
        resumed = children.run(lambda run=run, more=more: main([*_arguments(folder, run), *more]), folder)
        if resumed.code or contents(run) != whole:
            problems.append(f"the run after signal {number} cannot be resumed to the same end: {resumed.output}")
    return total, problems
