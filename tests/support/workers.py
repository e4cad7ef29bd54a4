"""How pytest-xdist shares the tests out: `pytest -n auto`."""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/web/browser/",
    "tests/promises/clients/",
    "tests/promises/faults/",
    "tests/promises/installing/",
    "tests/cli/scaffold/",
)
"""Folders of tests that share a browser, servers, what was built and installed, or an account."""


class Sharing(LoadScopeScheduling):
    """Gives each test to whoever is free, but those of a folder that shares something to one.

    These groups come first, as the longest wait of all would be for one that is begun with last.
    """

    # Not by the mark xdist_group: https://github.com/pytest-dev/pytest-xdist/issues/1386, 2026-09.
    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Share out in our way, whatever `--dist` says."""
    return Sharing(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take one more than there are cores: many a test waits, for a deadline or a process."""
    return (os.cpu_count() or 1) + 1
