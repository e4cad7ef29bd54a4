"""Variables that a process started by a test inherits from the tests' environment."""

import os

_COVERAGE = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def inherited(*names: str) -> dict[str, str]:
    """Return these variables, and those by which `make coverage` measures subprocesses."""
    return {name: os.environ[name] for name in (*names, *_COVERAGE) if name in os.environ}
