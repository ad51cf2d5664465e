"""A pytest plugin that runs the notebooks that train once more: `make arithmetic` and `make seeds`.

Such a notebook has a line `SEED = 0` in its setup, from which all its training follows. The plugin leaves out all other
notebooks and sets the line to the number in --train-seed. If ATEN_CPU_CAPABILITY names an arithmetic, the cell with
this line also fails where its kernel computes with another one: torch reads the variable once, when it is imported.
"""

import os
import re

import pytest

_SETTING = re.compile(r"^SEED = \d+", re.MULTILINE)
_CAPABILITY = "\nimport torch\nassert torch.backends.cpu.get_cpu_capability() == {!r}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--train-seed", type=int, default=0, help="what the notebooks that train set SEED to")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    setups = [item for item in items if _SETTING.search(item.cell.source)]
    for item in setups:
        item.cell.source = _SETTING.sub(f"SEED = {config.getoption('train_seed')}", item.cell.source)
        if capability := os.environ.get("ATEN_CPU_CAPABILITY"):
            item.cell.source += _CAPABILITY.format(capability.upper())
    train = {item.parent for item in setups}
    config.hook.pytest_deselected(items=[item for item in items if item.parent not in train])
    items[:] = [item for item in items if item.parent in train]
