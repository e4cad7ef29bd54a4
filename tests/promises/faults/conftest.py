"""Search for leaked secrets around every test of a fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coro_core.config.logs import configure_logs
from support.faults.canaries import WATCH
from support.faults.report import REPORT
from support.logs import logging_as_it_was


@pytest.fixture(autouse=True)
def _search_for_leaks(
    capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> Iterator[None]:
    """Log as a server on DEBUG does, and search all that was logged or printed."""
    REPORT.tests.add(request.node.nodeid)
    found = len(WATCH.found)
    with logging_as_it_was():
        configure_logs(format="json", level="debug")
        yield
    out, err = capfd.readouterr()
    WATCH.search("what was printed", (out + err).encode())
    assert WATCH.found[found:] == []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the test of the fault report after all others of this folder."""
    here = Path(__file__).parent
    report = [item for item in items if item.path == here / "test_fault_report.py"]
    items[:] = [item for item in items if item not in report]
    ours = [index for index, item in enumerate(items) if here in item.path.parents]
    end = ours[-1] + 1 if ours else len(items)
    items[end:end] = report
