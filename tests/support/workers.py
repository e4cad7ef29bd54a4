"""Distribution of the tests among pytest-xdist workers: `pytest -n auto`."""

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
"""Folders of tests that share a browser, servers, what was built and installed, or a report."""
APART = ("tests/promises/faults/test_memory.py",)
"""Modules of these folders that share nothing, and whose tests go to any worker."""


class Sharing(LoadScopeScheduling):
    """Gives each test to a free worker, but all tests of a sharing folder to one worker.

    These groups come first: a long group that starts last would delay the end of the run.
    """

    # Not by the mark xdist_group: https://github.com/pytest-dev/pytest-xdist/issues/1386, 2026-09.
    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Return our scheduler for every value of `--dist`."""
    return Sharing(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take one worker more than there are cores: many tests wait for a deadline or a process."""
    return (os.cpu_count() or 1) + 1
