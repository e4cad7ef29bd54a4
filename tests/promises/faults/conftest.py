"""The search for what must not get out, around every test of a fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coro_core.config.logs import configure_logs
from support.faults.canaries import WATCH
from support.faults.ledger import LEDGER
from support.logs import logging_as_it_was


@pytest.fixture(autouse=True)
def _nothing_gets_out(
    capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> Iterator[None]:
    """Log as a server on DEBUG does, and search all that was logged or printed."""
    LEDGER.tests.add(request.node.nodeid)
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
