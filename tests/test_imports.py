"""What a process loads before it answers; the time it takes is measured by the benchmark."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "httpx", "groq", "grpc", "google.genai", "coro_core.testing.contract")


@pytest.mark.parametrize("module", ["coro_core.cli", "coro_core.web.app"])
def test_a_server_loads_no_client_before_a_plugin_asks_for_one(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.strip() == "[]"
