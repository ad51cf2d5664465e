"""The notebooks that train, once more: from another seed, and under another arithmetic (`tools/rerun.py`)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import repository
from nbformat.v4 import new_code_cell, new_notebook

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SETTING = "SEED = 0  # of everything that is trained here; try another"
TRAINS = re.compile(r"optim\.\w+\(|\b(?:minimize|train|fit_em|fit_gradient|fit_names|em|trained)\(")


@pytest.mark.parametrize("path", repository.notebooks(), ids=lambda path: path.stem)
def test_a_notebook_that_trains_has_one_seed_that_a_reader_can_change(path: Path):
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    trains = any(TRAINS.search(source) for source in cells)
    assert [n for n, source in enumerate(cells) for line in source.splitlines() if line == SETTING] == [1] * trains


def rerun(folder: Path, capability: str, *cells: str) -> str:
    """Run two notebooks, one with a seed and these cells and one without a seed; return what pytest says at its end."""
    sources = {"trains.ipynb": [SETTING, *cells], "does_not.ipynb": ["1 / 0"]}
    for name, each in sources.items():
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in each]), folder / name)
    options = ("-p", "rerun", "--nbval-lax", "--nbval-current-env", "--train-seed", "3", "-p", "no:cacheprovider")
    environment = os.environ | {"PYTHONPATH": str(TOOLS), "ATEN_CPU_CAPABILITY": capability}
    command = [sys.executable, "-m", "pytest", "-q", *options, str(folder)]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()[-1]


@pytest.mark.slow
def test_another_seed_and_arithmetic_reach_the_kernels_of_notebooks_that_train(tmp_path: Path):
    computed = "import torch; assert torch.backends.cpu.get_cpu_capability() == 'DEFAULT'"
    assert rerun(tmp_path, "default", "assert SEED == 3", computed).startswith("3 passed, 1 deselected")


@pytest.mark.slow
def test_an_arithmetic_that_the_kernels_do_not_use_is_an_error(tmp_path: Path):
    assert rerun(tmp_path, "abacus").startswith("1 failed, 1 deselected")
