"""The account of the fault suite, and the search for what must not get out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coro_core.logs import configure_logs
from support.faults.canaries import WATCH
from support.faults.ledger import LEDGER
from support.logs import logging_as_it_was


@pytest.fixture(autouse=True)
def _nothing_gets_out(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Log as a server on DEBUG does, and search all that was logged or printed."""
    found = len(WATCH.found)
    with logging_as_it_was():
        configure_logs(format="json", level="debug")
        yield
    out, err = capfd.readouterr()
    WATCH.search("what was printed", (out + err).encode())
    assert WATCH.found[found:] == []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Draw up the account when everything else of this folder has run."""
    here = Path(__file__).parent
    account = [item for item in items if item.path == here / "test_account.py"]
    items[:] = [item for item in items if item not in account]
    ours = [index for index, item in enumerate(items) if here in item.path.parents]
    end = ours[-1] + 1 if ours else len(items)
    items[end:end] = account


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
