"""Tables whose rows are computed once, and the command line of the scripts that fill them.

    table = Table("scale", key=("seed", "d_k", "learning_rate"))

    def measure(seed: int, d_k: int, learning_rate: float) -> dict[str, float]: ...

    def main() -> None:
        for seed in seeds(5):
            table.row(measure, seed=seed, d_k=16, learning_rate=0.01)

    if __name__ == "__main__":
        run(main)

A row that is stored is not computed again. A new one is stored at once, with the versions that computed it and the
constants of its script: see `provenance.constants`. If one of them has changed since, the row is refused. Numbers in a
function are not seen: put what determines a row into a constant.
"""

import argparse
import csv
import functools
import io
import json
import math
import multiprocessing
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import torch
from provenance import constants, versions

from lecture21._support.files import write_atomic
from lecture21.course.chapters import FOLDERS, results
from lecture21.course.chapters.results import MADE

Row = dict[str, object]
OPTIONS = argparse.Namespace(arguments=[], jobs=1, again={}, keep=False, worker=False)
LOCK = threading.RLock()
TABLES: list["Table"] = []


def run(main: Callable[[], None]) -> None:
    """Run a script with the options of its command line, on one thread for each process."""
    parser = argparse.ArgumentParser(
        description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arguments", nargs="*", help="seeds, or what the text above says")
    parser.add_argument("--jobs", type=int, default=1, help="compute the rows that are missing in so many processes")
    again = "measure rows with these values again, and print them beside the stored ones; the table stays as it is"
    parser.add_argument("--again", nargs="+", default=[], metavar="COLUMN=VALUE", help=again)
    parser.add_argument("--keep", action="store_true", help="keep rows although constants have changed since")
    given = parser.parse_args()
    if not all("=" in pair for pair in given.again):
        parser.error("--again needs COLUMN=VALUE")
    given.again = {column: _key(value) for column, value in (pair.split("=", 1) for pair in given.again)}
    vars(OPTIONS).update(vars(given))
    torch.set_num_threads(1)
    if OPTIONS.jobs > 1 and not OPTIONS.again:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(OPTIONS.jobs, spawn, _start_worker, (OPTIONS.arguments,)) as OPTIONS.pool:
            main()
        for table in TABLES:
            table.asked.clear()
    OPTIONS.jobs = 1
    main()  # after several processes: computes nothing, and asks for the rows in the order of one process
    for table in TABLES:
        table.sort()
    keys = " or ".join(", ".join(table.key) for table in TABLES)
    if OPTIONS.again and not any(_is_again(table.key, key) for table in TABLES for key in table.asked):
        parser.error(f"no row has {OPTIONS.again}; the columns are {keys}")
    if not OPTIONS.again and not any(table.new for table in TABLES):
        print(f"Every row is stored. --again COLUMN=VALUE ... measures rows again; the columns are {keys}")


def _start_worker(arguments: list[str]) -> None:
    vars(OPTIONS).update(arguments=arguments, worker=True)
    torch.set_num_threads(1)


def _work(compute: Callable, key: Row) -> Row | list[Row] | tuple:
    file_of.cache_clear()  # other processes have stored rows since
    return compute(**key)


def _is_again(columns: tuple[str, ...], values: tuple) -> bool:
    return OPTIONS.again.items() <= dict(zip(columns, values, strict=True)).items()


def seeds(n_seed: int) -> list[int]:
    """Return the seeds that are named on the command line, or 0 to `n_seed` - 1."""
    return [int(argument) for argument in OPTIONS.arguments] or list(range(n_seed))


def each(function: Callable[[object], object], items: Iterable) -> list:
    """Call a function for each item, and return the results: at once with --jobs, where no call needs another's row."""
    items = list(items)
    if OPTIONS.jobs == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max(len(items), 1)) as threads:
        return list(threads.map(function, items))


class Table:
    """A result of the package that is filled row by row.

    Args:
        name: of the result.
        key: the columns that tell what is computed at once, a row or several, from all else.
        details: other results with rows of the same computations, and the columns of the key that they have.
    """

    def __init__(self, name: str, key: Sequence[str], details: Mapping[str, Sequence[str]] | None = None):
        self.name, self.key = name, tuple(key)
        self.results = {name: self.key} | {other: tuple(columns) for other, columns in (details or {}).items()}
        self.asked: dict[tuple, None] = {}
        self.new: set[tuple] = set()
        self.again: set[tuple] = set()
        """What was measured again: a search and a run may ask for the same row."""
        self.locks: dict[tuple, threading.RLock] = defaultdict(threading.RLock)
        TABLES.append(self)

    def row(self, compute: Callable[..., Row], /, **key: object) -> Row:
        """Return the only row with this key; `compute(**key)` returns its other columns, if it is not stored."""
        (row,) = self.rows(compute, **key)
        return row

    def rows(self, compute: Callable[..., Row | list[Row] | tuple], /, **key: object) -> list[Row]:
        """Return the rows with this key; if there are none, compute and store them.

        Columns of the key that are not given are empty. With details, `compute` returns the rows of each result.
        """
        if unknown := key.keys() - set(self.key):
            raise ValueError(f"the key of {self.name!r} is {', '.join(self.key)}; got {', '.join(sorted(unknown))}")
        wanted, now = _keys(key, self.key), constants(compute, key)
        with LOCK:
            self.asked.setdefault(wanted)
            lock = self.locks[wanted]
        with lock:
            if found := self.select(**dict.fromkeys(self.key) | key):
                self._check(now, key)
            if OPTIONS.again and _is_again(self.key, wanted) and wanted not in self.again:
                self.again.add(wanted)
                print("stored  ", *found, "measured again  ", sep="\n", flush=True)
                print(*self._computed(compute, key)[0], sep="\n", flush=True)
            if not found:
                self._store(self._computed(compute, key), now, key)
        return found or self.select(**dict.fromkeys(self.key) | key)

    def tune(
        self,
        compute: Callable[..., Row | list[Row] | tuple],
        column: str,
        first: Sequence[float],
        further: Sequence[float] | float = 2.0,
        /,
        *,
        by: str | Callable[[list[Row]], float],
        seeds: Sequence[int],
        reported: Iterable[int],
        **key: object,
    ) -> float:
        """Return the value of a column, such as the learning rate, whose rows have the lowest mean score over seeds.

        The search is that of `common.tune`. The score is a column, or is computed from the rows of one seed. The seeds
        of the search must be others than those that are reported.
        """
        from common import tune

        if both := set(seeds) & set(reported):
            raise ValueError(f"tune with other seeds than those that are reported; both have {sorted(both)}")

        def score(value: float) -> float:
            found = each(lambda seed: self.rows(compute, **key, **{column: value}, seed=seed), seeds)
            scores = [rows[0][by] if isinstance(by, str) else by(rows) for rows in found]
            return math.inf if any(map(math.isnan, scores)) else sum(scores) / len(scores)

        return next(iter(tune(score, first, further)))

    def select(self, **values: object) -> list[Row]:
        """Return the stored rows that have these values."""
        file = file_of(self.name)
        return [file.typed(row) for row in file.find(values, values)]

    def label(self, column: str, value: Callable[[Row], object], **where: object) -> None:
        """Set a column of the rows with these values, such as whether a rate was chosen."""
        with LOCK:
            file = file_of(self.name)
            for row in file.find(where, where):
                row[column] = _cell(value(file.typed(row)))
            file.write()

    def sort(self) -> None:
        """Bring the rows that were computed by this process into the order in which they were asked for."""
        order = {key: place for place, key in enumerate(self.asked) if key in self.new}
        if order:
            file_of(self.name).rows.sort(key=lambda row: order.get(_keys(row, self.key), -1))
            file_of(self.name).write()

    def _computed(self, compute: Callable, key: Row) -> tuple[list[Row], ...]:
        start = time.monotonic()
        made = OPTIONS.pool.submit(_work, compute, key).result() if OPTIONS.jobs > 1 else compute(**key)
        parts = made if isinstance(made, tuple) else (made,)
        parts = tuple([part] if isinstance(part, dict) else part for part in parts)
        if len(parts) != len(self.results) or not parts[0]:
            raise ValueError(f"got the rows of {len(parts)} results for {', '.join(self.results)}, or none, for {key}")
        measured = [f"{name} {value}" for name, value in parts[0][0].items() if name not in key]
        print(*key.values(), *measured, f"{time.monotonic() - start:.0f} s", sep="  ", flush=True)
        return parts

    def _store(self, parts: tuple[list[Row], ...], now: dict[str, str], key: Row) -> None:
        made = versions() | {"constants": now}
        with LOCK:
            for (name, columns), rows in reversed(list(zip(self.results.items(), parts, strict=True))):
                file, own = file_of(name), {column: key.get(column) for column in columns}
                file.rows = [row for row in file.rows if _keys(row, columns) != _keys(key, columns)]
                file.rows += [{c: _cell(v) for c, v in (own | row).items()} | {MADE: made} for row in rows]
                file.write()
            self.new.add(_keys(key, self.key))

    def _check(self, now: dict[str, str], key: Row) -> None:
        """Refuse rows that were made with other constants."""
        then = file_of(self.name).find(self.key, key)[0][MADE]["constants"]
        changed = [name for name in now if then.get(name) != now[name]]
        if changed and not OPTIONS.keep:
            told = "; ".join(f"{name} was {then.get(name, 'not used')}, is {now[name]}" for name in changed)
            raise ValueError(
                f"{self.name}.csv: the row with {key} was made with other constants: {told}. Delete the rows"
                " that the change concerns, to compute them again, or run with --keep if it concerns none"
            )
        for name, columns in self.results.items() if changed else ():
            for row in file_of(name).find(columns, key):
                row[MADE] = row[MADE] | {"constants": now}
            file_of(name).write()


class File:
    """The file of a result: its rows as text, so that they stay as they are, each with what made it."""

    def __init__(self, name: str):
        self.path, self.command = path_of(name), command()
        self.columns: list[str] = []
        self.rows: list[Row] = []
        self.index: dict[tuple[str, ...], dict[tuple, list[Row]]] = {}
        """The rows by their values in some columns."""
        self.data = self.path.read_bytes() if self.path.exists() else b""
        if self.data:
            self.command, *origins = results.comments(self.path)
            made = [json.loads(origin) for origin in origins]
            lines = self.data.decode().splitlines(keepends=True)[1 + len(origins) :]
            for row in csv.DictReader(lines, strict=True):
                self.rows.append(row | {MADE: made[int(row.get(MADE, 1)) - 1]})
            self.columns = [column for column in next(csv.reader(lines)) if column != MADE]

    def find(self, columns: Iterable[str], values: Row) -> list[Row]:
        """Return the rows that have these values in these columns."""
        columns = tuple(columns)
        with LOCK:
            if columns not in self.index:
                self.index[columns] = defaultdict(list)
                for row in self.rows:
                    self.index[columns][_keys(row, columns)].append(row)
            return self.index[columns].get(_keys(values, columns), [])

    def typed(self, row: Row) -> Row:
        """Return a row whose cells are numbers and truth values where they look so, and NaN where they are empty."""
        return {column: _value(row.get(column, "")) for column in self.columns}

    def write(self) -> None:
        """Write the file, if it changes; not to measure again, and not in one of several processes."""
        self.index.clear()
        self.columns = [name for name in dict.fromkeys([*self.columns, *chain(*self.rows)]) if name != MADE]
        if OPTIONS.again or OPTIONS.worker:
            return
        origins: list[Row] = []
        places: list[int] = []
        for row in self.rows:
            made = row[MADE]
            place = next((n for n, other in enumerate(origins) if _agree(other, made)), len(origins))
            origins[place:] = origins[place:] or [made]
            both = origins[place]["constants"] | made["constants"]
            origins[place] = made | {"constants": dict(sorted(both.items()))}
            places.append(place + 1)
        text = io.StringIO()
        text.writelines(f"# {line}\n" for line in (self.command, *(json.dumps(o, ensure_ascii=False) for o in origins)))
        columns = self.columns + [MADE] * (len(origins) > 1)
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {MADE: place} for row, place in zip(self.rows, places, strict=True))
        data = text.getvalue().encode()
        if data != self.data:
            if self.path.exists() and self.path.read_bytes() != self.data:
                raise ValueError(f"another process has changed {self.path}; use --jobs for several processes")
            self.path.parent.mkdir(exist_ok=True)
            write_atomic(self.path, data)
            self.data = data


@functools.cache
def file_of(name: str) -> File:
    """Return the file of a result, which is read once."""
    return File(name)


def _agree(one: Row, other: Row) -> bool:
    """Return whether one line of the file can say what made both."""
    a, b = one["constants"], other["constants"]
    return one | {"constants": b} == other and all(a[name] == b[name] for name in a.keys() & b.keys())


def stored(name: str) -> list[Row]:
    """Return the rows of a result, none if there is no table."""
    return [file_of(name).typed(row) for row in file_of(name).rows]


def path_of(name: str) -> Path:
    """Return the path of a result: a new one is in the folder of the chapter after which the script is named."""
    if name in results.names():
        return results.path(name)
    chapter = Path(sys.argv[0]).name[1:3]
    if chapter not in FOLDERS:
        raise ValueError(f"{sys.argv[0]} must be named cNN_NAME.py, after the chapter whose result {name!r} is")
    return FOLDERS[chapter] / "results" / f"{name}.csv"


def command() -> str:
    """Return the command that runs this script, without seeds and options."""
    script = Path(sys.argv[0])
    return " ".join([f"python {script.parent.name}/{script.name}", *(a for a in OPTIONS.arguments if not a.isdigit())])


def _cell(value: object) -> str:
    """Return a value as the file has it; nothing and NaN are empty cells."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _keys(row: Mapping[str, object], columns: Iterable[str]) -> tuple[str | float, ...]:
    return tuple(_key(row.get(column)) for column in columns)


def _key(value: object) -> str | float:
    """Return a value by which cells are compared: "1", 1 and 1.0 are equal."""
    try:
        return float(_cell(value)) + 0.0
    except ValueError:
        return _cell(value)


def _value(text: str) -> object:
    words = {"": math.nan, "True": True, "False": False}
    if text in words:
        return words[text]
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text
