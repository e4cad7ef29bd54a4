"""The account of the fault suite, printed at the end of a run, whichever worker ran it."""

from typing import Any

import pytest

from support.faults.canaries import WATCH
from support.faults.ledger import LEDGER

_KEY = "faults"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what a worker of pytest-xdist has tried."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        tried = [[fault, plugin, well] for (fault, plugin), well in LEDGER.tried.items()]
        output[_KEY] = [tried, WATCH.bytes_searched, WATCH.found]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has tried."""
    tried, searched, found = getattr(node, "workeroutput", {}).get(_KEY, ([], 0, []))
    LEDGER.tried.update({(fault, plugin): well for fault, plugin, well in tried})
    WATCH.bytes_searched += searched
    WATCH.found += found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many faults were tried on each plugin, and how many were survived."""
    if not LEDGER.tried:
        return
    write = terminalreporter.write_line
    terminalreporter.section("faults")
    write(f"{'plugin':<12}{'tried':>8}{'survived':>10}")
    tally = LEDGER.tally()
    for plugin, (tried, survived) in tally.items():
        write(f"{plugin:<12}{tried:>8}{survived:>10}")
    tried, survived = (sum(column) for column in zip(*tally.values(), strict=True))
    write(f"{'all':<12}{tried:>8}{survived:>10}")
    write(f"{len(LEDGER.faults)} distinct faults")
    for (fault, plugin), well in LEDGER.tried.items():
        if not well:
            write(f"not survived: {fault}, {plugin}")
    write(
        f"{WATCH.bytes_searched:,} bytes of responses and logs searched for keys, prompts and"
        f" providers' words: {len(WATCH.found)} found"
    )
