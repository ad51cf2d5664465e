"""The two-core speedrun: the rows of the page `speedrun`, each a run of some minutes on two CPU cores.

Usage: python benchmarks/c10_speedrun.py RECIPE MINUTES SEED...        (as many minutes a seed, on two quiet cores)
       python benchmarks/c10_speedrun.py                               (the first rows; 5 minutes each)

A row is that of `lecture21 speedrun --minutes MINUTES --preset RECIPE --seed SEED`, in a process of its own. What a
recipe is has been chosen before its first row, on the training text or by the tables of chapter 10: see
`lecture21.course.speedrun`. A row that is stored is not run again.

Writes the results `speedrun`, with nats per character on the held-out text; and `speedrun_log`, with the mean loss of
the updates of each five seconds on the clock.
"""

import json
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from table import OPTIONS, Table, run

from lecture21.course import speedrun

RECIPES = speedrun.RECIPES
FIRST = (("nanogpt", 5, 0), ("modern-minutes", 5, 0))
EVERY = 5.0
KEY = ("recipe", "minutes", "seed")
ROWS = Table("speedrun", KEY, details={"speedrun_log": KEY})


def measure(recipe: str, minutes: float, seed: int) -> tuple[dict[str, object], list[dict[str, float]]]:
    """Run a recipe in a new process; return its row, and its log."""
    out = Path(tempfile.mkdtemp(prefix="speedrun-"))
    print(f"{recipe}, {minutes:g} minutes, seed {seed}: {out}", flush=True)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        row = pool.submit(speedrun.speedrun, recipe, minutes, seed, out, made=RECIPES[recipe]).result()
    seconds = json.loads((out / speedrun.LOG).read_text().splitlines()[-1])["seconds"]
    return {name: value for name, value in row.items() if name not in KEY}, thinned(out / speedrun.LOG, seconds)


def thinned(log: Path, seconds: float) -> list[dict[str, float]]:
    """Return one line of a log for each stretch of the clock, with the mean over its updates."""
    kept: list[dict[str, float]] = []
    total, updates, end = 0.0, 0, EVERY
    for line in map(json.loads, log.read_text().splitlines()[1:]):
        done = kept[-1]["step"] if kept else 0
        total += line["loss"] * (line["step"] - done - updates)
        updates = line["step"] - done
        if line["seconds"] >= end or line["seconds"] == seconds:
            kept.append(line | {"loss": round(total / updates, 5)})
            total, updates = 0.0, 0
            end = EVERY * (line["seconds"] // EVERY + 1)
    return kept


def main() -> None:
    """Run a recipe from the seeds that are named, or the first rows."""
    if len(OPTIONS.arguments) in (1, 2):
        raise SystemExit("name a recipe, the minutes, and seeds; see --help")
    for recipe, minutes, *seeds in [OPTIONS.arguments] if OPTIONS.arguments else FIRST:
        for seed in seeds:
            ROWS.row(measure, recipe=recipe, minutes=float(minutes), seed=int(seed))


if __name__ == "__main__":
    run(main)
