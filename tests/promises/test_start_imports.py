"""What a process loads before it answers; the time it takes is measured by the benchmark."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "httpx", "groq", "grpc", "google.genai", "coro_core.testing.conformance")
OTHERS = (
    "coro_core.cli.check",
    "coro_core.cli.chat.session",
    "coro_core.cli.scaffold.writing",
    "rich.live",
)


@pytest.mark.parametrize("module", ["coro_core.cli.main", "coro_core.web.app"])
def test_a_server_loads_no_client_before_a_plugin_asks_for_one(module: str) -> None:
    assert loaded(module, HEAVY) == "[]"


def test_a_command_loads_nothing_that_only_the_others_need() -> None:
    assert loaded("coro_core.cli.main", OTHERS) == "[]"


def loaded(module: str, names: tuple[str, ...]) -> str:
    """Return which of these modules a new process has after importing one."""
    code = f"import sys, {module}; print([name for name in {names} if name in sys.modules])"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return child.stdout.strip()
