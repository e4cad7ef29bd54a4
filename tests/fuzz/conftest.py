"""The account of the fuzz tests: which profile, which seed, how many cases."""

import pytest

from support import fuzz


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases each property was tried with."""
    if not fuzz.TRIED:
        return
    profile = "long" if fuzz.LONG else "short"
    terminalreporter.section(f"fuzz, {profile} profile, FUZZ_SEED={fuzz.SEED}")
    for name, cases in fuzz.TRIED.items():
        terminalreporter.write_line(f"{cases:>8,} {name.removeprefix('test_')}")
