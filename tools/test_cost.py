"""A pytest plugin that prints the CPU seconds of each family of tests: `make cost`.

A family is a directory of `tests`, a file directly in it, or the notebooks. The processes that a test starts or uses
(kernels, browsers, graders) count for the test during which they computed.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import psutil
import pytest

_SECONDS: Counter[str] = Counter()
_TESTS: Counter[str] = Counter()


def _cpu_seconds() -> float:
    """Return the CPU seconds so far of this process, of its living descendants, and of those that have ended."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _family(item: pytest.Item) -> str:
    path = PurePosixPath(item.nodeid.partition("::")[0])
    return str(PurePosixPath(*path.parts[:2])) if path.parts[0] == "tests" else path.parts[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = _cpu_seconds()
    result = yield
    _SECONDS[_family(item)] += _cpu_seconds() - before
    _TESTS[_family(item)] += 1
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput |= {"cost_seconds": dict(_SECONDS), "cost_tests": dict(_TESTS)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    output = getattr(node, "workeroutput", {})
    _SECONDS.update(output.get("cost_seconds", {}))
    _TESTS.update(output.get("cost_tests", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workeroutput"):
        return
    terminalreporter.section("CPU seconds by family of tests")
    for family, seconds in _SECONDS.most_common():
        terminalreporter.write_line(f"{seconds:8.1f} s  {_TESTS[family]:6,} tests  {family}")
    terminalreporter.write_line(f"{sum(_SECONDS.values()):8.1f} s  {sum(_TESTS.values()):6,} tests  in total")
