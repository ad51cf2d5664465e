"""A row is computed once, stored at once with what made it, and refused when a constant has changed since."""

import importlib
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import common
import pytest
import table
import torch
from table import OPTIONS, Table

from lecture21.course.chapters import FOLDERS, results

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, sys
from pathlib import Path
import common
from table import Table, each, run, seeds
from lecture21.course.chapters import FOLDERS

class Kind: ...

FOLDERS["99"] = Path(os.environ["RESULTS"])
KINDS = (Kind,)
SCALE = {scale}
ARMS = {{"a": 1, "b": 2{arms}}}
GRID = (0.5, 1.0, 2.0, 4.0, 8.0)
TABLE = Table("try", key=("part", "arm", "rate", "seed"))

def measure(part, arm, rate, seed):
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{{arm}} {{rate:g}} {{seed}}\\n")
    if (arm, seed) == (os.environ.get("KILL"), 1) and KINDS:
        os.kill(os.getpid(), 9)
    return {{"nats": SCALE * abs(rate - ARMS[arm]) + seed / 8, "chosen": False}}

def compare(arm):
    search = {{"by": "nats", "seeds": (100,), "reported": seeds(3)}}
    best = TABLE.tune(measure, "rate", GRID[1:2], GRID, **search, part="search", arm=arm)
    for seed in seeds(3):
        TABLE.row(measure, part="run", arm=arm, rate=best, seed=seed)
    TABLE.label("chosen", lambda row: row["rate"] == best, arm=arm)

def main():
    each(compare, ARMS)

if __name__ == "__main__":
    run(main)
"""


class Sandbox:
    """A script with a table of its own, in a folder that is no chapter's."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.patch = patch
        self.script, self.csv, self.log = folder / "c99_try.py", folder / "results" / "try.csv", folder / "log"
        self.edit()

    def edit(self, scale: float = 1.0, arms: str = "") -> None:
        self.script.write_text(SCRIPT.format(scale=scale, arms=arms))

    def start(self, *arguments: str, code: int = 0, **environment: str) -> list[str]:
        """Run the script as a command, and return what it computed."""
        self.log.write_text("")
        paths = {"RESULTS": self.script.parent, "LOG": self.log, "PYTHONPATH": ROOT / "benchmarks"}
        given = os.environ | {name: str(path) for name, path in paths.items()} | environment
        done = subprocess.run([sys.executable, self.script, *arguments], env=given, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return self.log.read_text().splitlines()

    def run(self, *arguments: str) -> list[str]:
        """Run the script in this process, and return what it computed."""
        self.log.write_text("")
        self.patch.setattr(sys, "argv", [str(self.script), *arguments])
        self.patch.setenv("RESULTS", str(self.script.parent))
        self.patch.setenv("LOG", str(self.log))
        self.patch.setitem(FOLDERS, "99", self.script.parent)
        table.TABLES.clear()
        table.file_of.cache_clear()
        module = ModuleType("c99_try")
        module.__file__ = str(self.script)
        self.patch.setitem(sys.modules, "c99_try", module)
        # Compiled from its text: a cached module of equal size and second would hide an edit.
        exec(compile(self.script.read_text(), self.script, "exec"), vars(module))
        try:
            table.run(module.main)
        finally:
            vars(OPTIONS).update(arguments=[], jobs=1, again={}, keep=False)
        return self.log.read_text().splitlines()


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    yield Sandbox(tmp_path, monkeypatch)
    table.file_of.cache_clear()


def test_a_stored_row_is_not_computed_again_and_a_deleted_one_is(sandbox):
    computed = sandbox.run()
    assert len(computed) == len(set(computed)) == 3 + 3 + 4 + 3  # rates around the best of each arm, and three seeds
    before = sandbox.csv.read_text()
    assert sandbox.run() == []
    assert sandbox.csv.read_text() == before
    sandbox.csv.write_text("".join(line for line in before.splitlines(True) if not line.startswith("run,a,1.0,2")))
    assert sandbox.run() == ["a 1 2"]
    assert sorted(sandbox.csv.read_text().splitlines()) == sorted(before.splitlines())


def test_two_processes_write_the_same_table_as_one(sandbox):
    sandbox.run()
    alone = sandbox.csv.read_bytes()
    assert sandbox.start() == []  # as a command, where the script's classes are those of __main__
    sandbox.csv.unlink()
    sandbox.start("--jobs", "2")
    assert sandbox.csv.read_bytes().replace(b".pyc", b".py") == alone


def test_a_killed_run_keeps_its_rows_and_is_continued(sandbox):
    sandbox.start(code=-signal.SIGKILL, KILL="b")
    kept = sandbox.csv.read_text()
    assert "run,b,2.0,0,0.0,False" in kept
    assert sandbox.run() == ["b 2 1", "b 2 2"]
    assert sandbox.csv.read_text().startswith(kept.partition("search,b")[0])


def test_a_row_is_refused_if_a_constant_that_made_it_has_changed(sandbox):
    sandbox.run()
    before = sandbox.csv.read_text()
    sandbox.edit(scale=3.0)
    with pytest.raises(ValueError, match=r"'arm': 'a'.* SCALE was 1\.0, is 3\.0\. Delete the rows"):
        sandbox.run()
    assert sandbox.csv.read_text() == before
    sandbox.run("--keep")
    assert sandbox.run() == []
    sandbox.edit(scale=3.0, arms=', "c": 4')  # another arm leaves the rows of these as they are
    assert {line.split()[0] for line in sandbox.run()} == {"c"}


def test_rows_that_are_measured_again_are_printed_beside_the_stored_ones(sandbox, capsys):
    sandbox.run()
    sandbox.csv.write_text(sandbox.csv.read_text().replace("run,a,1.0,2,0.25", "run,a,1.0,2,7.5"))
    lines = sandbox.csv.read_text().splitlines(keepends=True)
    sandbox.csv.write_text("".join(line for line in lines if not line.startswith("run,b,2.0,2")))
    stored = sandbox.csv.read_text()
    assert "Every row is stored" not in capsys.readouterr().out
    assert sandbox.run("--again", "arm=a", "seed=2") == ["a 1 2", "b 2 2"]  # what is missing is not stored either
    said = capsys.readouterr().out
    assert said.index("'nats': 7.5") < said.index("'nats': 0.25")
    assert sandbox.csv.read_text() == stored
    assert sandbox.run("2", "2", "--again", "arm=a", "seed=2") == ["a 1 2", "b 2 2"]  # asked for twice
    with pytest.raises(SystemExit):
        sandbox.run("--again", "arm=z")
    assert "no row has {'arm': 'z'}; the columns are part, arm, rate, seed" in capsys.readouterr().err


def test_a_command_that_has_nothing_to_compute_says_how_to_measure_again(sandbox, capsys):
    sandbox.run()
    capsys.readouterr()
    assert sandbox.run() == []
    said = "Every row is stored. --again COLUMN=VALUE ... measures rows again; the columns are part, arm, rate, seed\n"
    assert capsys.readouterr().out == said


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(FOLDERS, "99", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/c99_try.py"])
    table.file_of.cache_clear()
    yield tmp_path / "results"
    table.file_of.cache_clear()


def measured(**key: object) -> dict[str, float]:
    return {"nats": 1.5}


def longer(**key: object) -> dict[str, float]:
    return {"parameters": 7, "nats": 2.5}


def nothing(**key: object) -> list:
    return []


def detailed(**key: object) -> tuple[list, list]:
    return [{"nats": 1.0}], [{"step": n, "size": n / 2} for n in (0, 1)]


def test_each_row_has_the_versions_that_computed_it(folder, monkeypatch):
    rows = Table("try", key=("arm", "seed"))
    rows.row(measured, arm="a, b", seed=0)
    assert (folder / "try.csv").read_text().splitlines()[2:] == ["arm,seed,nats", '"a, b",0,1.5']
    monkeypatch.setattr(table, "versions", lambda: {"torch": "9.9", "python": "4.0", "machine": "abacus"})
    rows.row(measured, arm="count")
    assert (folder / "try.csv").read_text().splitlines()[3:] == ["arm,seed,nats,made", '"a, b",0,1.5,1', "count,,1.5,2"]
    assert results.load("try").columns.tolist() == ["arm", "seed", "nats"]
    command, first, second = results.provenance("try").split("; ")
    assert command == "python benchmarks/c99_try.py"
    assert first.startswith("torch ")
    assert second == "torch 9.9, Python 4.0, abacus"


def test_rows_may_have_columns_that_the_first_ones_lack(folder):
    rows = Table("try", key=("arm", "seed"))
    rows.row(measured, arm="count")
    rows.row(longer, arm="a", seed=0)
    rows.label("tuned", lambda row: row["parameters"] == 7, arm="a")
    assert math.isnan(rows.select(arm="count")[0]["parameters"])
    assert (folder / "try.csv").read_text().splitlines()[2:] == [
        "arm,seed,nats,parameters,tuned",
        "count,,1.5,,",
        "a,0,2.5,7,True",
    ]


def test_rows_of_details_are_stored_with_those_of_the_table(folder):
    rows = Table("try", key=("part", "seed"), details={"more": ("seed",)})
    found = rows.rows(detailed, part="run", seed=3)
    assert found == [{"part": "run", "seed": 3, "nats": 1.0}]
    assert results.load("more").to_dict("list") == {"seed": [3, 3], "step": [0, 1], "size": [0.0, 0.5]}


def test_wrong_use_is_an_error_that_names_what_is_right(folder):
    rows = Table("try", key=("arm", "seed"))
    with pytest.raises(ValueError, match="the key of 'try' is arm, seed; got rate"):
        rows.row(measured, arm="a", rate=1)
    with pytest.raises(ValueError, match=r"other seeds than those that are reported; both have \[2\]"):
        rows.tune(measured, "rate", (1.0,), by="nats", seeds=(2, 100), reported=range(3))
    with pytest.raises(ValueError, match=r"or none, for \{'arm': 'a'\}"):
        rows.rows(nothing, arm="a")
    rows.row(measured, arm="a")
    (folder / "try.csv").write_text((folder / "try.csv").read_text() + "c,,2\n")
    with pytest.raises(ValueError, match="another process has changed"):
        rows.row(measured, arm="d")


def test_a_model_is_not_published_when_a_row_is_measured_again(monkeypatch):
    from lecture21 import GPT, GPTConfig

    monkeypatch.setattr(OPTIONS, "again", {"arm": "a"})
    monkeypatch.setattr(common, "store", None)
    model = GPT(GPTConfig(vocab_size=5, block_size=4, n_layer=1, n_head=1, d_model=4))
    assert common.publish("try", model, None, score=lambda model: 0.123456) == 0.12346


ARGUMENTS = {
    "c09_gpt_ladder": [[], ["char-rnn"]],
    "c10_modern": [[], ["search"], ["search", "equal"]],  # the other edition needs a text from the network
    "c10_record": [[], ["time"], ["tune"]],
}
SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks").glob("c[0-9]*.py") if "run(main)" in path.read_text())


def tables_of(value: object) -> list[Table]:
    """Return the tables in a tuple or a dictionary of them."""
    if isinstance(value, tuple | dict):
        return [part for each in (value.values() if isinstance(value, dict) else value) for part in tables_of(each)]
    return [value] if isinstance(value, Table) else []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_with_its_stored_table_computes_nothing_and_leaves_the_file(script, monkeypatch):
    def computed(self, compute, key):
        raise AssertionError(f"{self.name} lacks the row with {key}")

    def changed(path, data):
        raise AssertionError(f"{path} would change")

    # A script has a process of its own. In this one, a notebook's cells may have set how tensors are printed,
    # on which the hashes of constants depend.
    torch.set_printoptions(profile="default")
    monkeypatch.setattr(Table, "_computed", computed)
    monkeypatch.setattr(table, "write_atomic", changed)
    for arguments in ARGUMENTS.get(script, [[]]):
        monkeypatch.setattr(sys, "argv", [f"benchmarks/{script}.py", *arguments])
        table.file_of.cache_clear()
        module = importlib.import_module(script)
        monkeypatch.setattr(table, "TABLES", tables_of(tuple(vars(module).values())))
        table.run(module.main)
        assert any(each.asked for each in table.TABLES)
    vars(OPTIONS).update(arguments=[], jobs=1, again={}, keep=False)
