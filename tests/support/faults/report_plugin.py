"""Print the fault report at the end of a run, gathered from all workers."""

from typing import Any

import pytest

from support.faults.canaries import WATCH
from support.faults.report import REPORT

_KEY = "faults"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the report of a pytest-xdist worker to the controller."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        tried = [[fault, plugin, well] for (fault, plugin), well in REPORT.tried.items()]
        output[_KEY] = [tried, WATCH.bytes_searched, WATCH.found]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Merge the report of a worker."""
    tried, searched, found = getattr(node, "workeroutput", {}).get(_KEY, ([], 0, []))
    REPORT.tried.update({(fault, plugin): well for fault, plugin, well in tried})
    WATCH.bytes_searched += searched
    WATCH.found += found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many faults were tried on each plugin, and how many were survived."""
    if not REPORT.tried:
        return
    write = terminalreporter.write_line
    terminalreporter.section("faults")
    write(f"{'plugin':<12}{'tried':>8}{'survived':>10}")
    tally = REPORT.tally()
    for plugin, (tried, survived) in tally.items():
        write(f"{plugin:<12}{tried:>8}{survived:>10}")
    tried, survived = (sum(column) for column in zip(*tally.values(), strict=True))
    write(f"{'all':<12}{tried:>8}{survived:>10}")
    write(f"{len(REPORT.faults)} distinct faults")
    for (fault, plugin), well in REPORT.tried.items():
        if not well:
            write(f"not survived: {fault}, {plugin}")
    write(
        f"{WATCH.bytes_searched:,} bytes of responses and logs searched for keys, prompts and"
        f" providers' words: {len(WATCH.found)} found"
    )
