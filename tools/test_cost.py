"""A pytest plugin that prints the CPU seconds of each family of tests, and of the costliest files: `make cost`.

A family is a directory of `tests`, a file directly in it, or the notebooks. The processes that a test starts or uses
(kernels, browsers, graders) count for the test during which they computed.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import psutil
import pytest

_FILES = 30
_SECONDS: Counter[str] = Counter()  # by file
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


def _family(file: str) -> str:
    parts = PurePosixPath(file).parts
    return "/".join(parts[:2]) if parts[0] == "tests" else parts[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = _cpu_seconds()
    result = yield
    file = item.nodeid.partition("::")[0]
    # The seconds of a browser that ended may be known to nobody: then the sum falls, and nothing was computed.
    _SECONDS[file] += max(0.0, _cpu_seconds() - before)
    _TESTS[file] += 1
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
    families, tests = Counter(), Counter()
    for file, seconds in _SECONDS.items():
        families[_family(file)] += seconds
        tests[_family(file)] += _TESTS[file]
    terminalreporter.section("CPU seconds by family of tests")
    for family, seconds in families.most_common():
        terminalreporter.write_line(f"{seconds:8.1f} s  {tests[family]:6,} tests  {family}")
    terminalreporter.write_line(f"{families.total():8.1f} s  {tests.total():6,} tests  in total")
    terminalreporter.section("the costliest files")
    for file, seconds in _SECONDS.most_common(_FILES):
        terminalreporter.write_line(f"{seconds:8.1f} s  {_TESTS[file]:6,} tests  {file}")
