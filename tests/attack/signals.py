"""SIGINT and SIGTERM at random instants of the command, imports included: one line, and exit code 130 or 143."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import children
from kills import check_complete, contents

from lecture21.cli import main

_TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 20
_OPTIONS = ["--steps", "12", "--eval-every", "2", "--batch-size", "2", "--set", "n_layer=1", "--set", "d_model=8"]


def _arguments(folder: Path, out: Path) -> list[str]:
    (folder / "romeo.txt").write_text(_TEXT)
    return ["train", "--out", str(out), "--text", str(folder / "romeo.txt"), *_OPTIONS]


def _problems(code: int, output: str, number: int, run: Path) -> list[str]:
    last = output.splitlines()[-1] if output else ""
    lines = [line for line in output.splitlines() if line.startswith("lecture21:")]
    problems = []
    if code != 128 + number or not last.startswith("lecture21: stopped") or len(lines) != 1 or "Traceback" in output:
        problems.append(f"signal {number}: exit code {code}, output {output[-500:]!r}")
    if run.exists():
        check_complete(run)
    return problems


def while_running(folder: Path, count: int) -> tuple[int, list[str]]:
    """Send signals to the command in a warm process."""
    run, problems = folder / "run", []
    started = time.monotonic()
    children.run(lambda: main(_arguments(folder, folder / "whole")), folder)
    duration = time.monotonic() - started
    whole = contents(folder / "whole")
    generator, sent = random.Random(0), 0
    while sent < count:
        number = generator.choice([signal.SIGINT, signal.SIGTERM])
        child = children.start(lambda: main(_arguments(folder, run)), folder)
        children.wait_for_handler(child.pid, signal.SIGTERM)
        time.sleep(generator.uniform(0, duration))
        in_time = child.signal(number)
        ended = child.wait()
        if in_time and ended.code != 0:  # it may have been just past its end
            sent += 1
            problems += _problems(ended.code, ended.output, number, run)
            more = ["--resume"] if (run / "checkpoint.safetensors").exists() else []
            resumed = children.run(lambda more=more: main([*_arguments(folder, run), *more]), folder)
            if resumed.code or contents(run) != whole:
                problems.append(f"the run after signal {number} cannot be resumed to the same end: {resumed.output}")
        else:
            duration *= 0.98
        shutil.rmtree(run, ignore_errors=True)
    return sent, problems


def from_the_start(folder: Path, count: int) -> tuple[int, list[str]]:
    """Send signals to the command as a new process, most of whose time goes into imports."""
    run, problems = folder / "run", []
    command = [sys.executable, "-m", "lecture21", *_arguments(folder, run)]
    started = time.monotonic()
    subprocess.run(command, capture_output=True, check=True)
    duration = time.monotonic() - started
    shutil.rmtree(run)
    generator, sent = random.Random(1), 0
    while sent < count:
        number = generator.choice([signal.SIGINT, signal.SIGTERM])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        children.wait_for_handler(process.pid, signal.SIGTERM)
        time.sleep(generator.uniform(0, duration))
        os.kill(process.pid, number)
        output, _ = process.communicate()
        if process.returncode != 0:
            sent += 1
            problems += _problems(process.returncode, output, number, run)
        else:
            duration *= 0.95
        shutil.rmtree(run, ignore_errors=True)
    return sent, problems
