"""The account of the fuzz tests: which profile, which seed, how many cases."""

import logging
from collections.abc import Iterator

import pytest

from support import fuzz


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Keep what is logged of ten thousand cases out of pytest's memory."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases each property was tried with."""
    if not fuzz.TRIED:
        return
    profile = "long" if fuzz.LONG else "short"
    terminalreporter.section(f"fuzz, {profile} profile, FUZZ_SEED={fuzz.SEED}")
    for name, cases in fuzz.TRIED.items():
        terminalreporter.write_line(f"{cases:>8,} {name.removeprefix('test_')}")
