"""A plugin that blocks the event loop is named."""

import json
from pathlib import Path

import httpx

from coro_core.plugins.watchdog import STANDSTILL_TICKS, TICK_SECONDS
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process

BLOCKING = """
import time
from support.plugins import Echo, answer
class Plugin(Echo):
    async def generate(self, request):
        time.sleep(2.0)
        return answer("late")
"""

SIBLING = """
from support.plugins import Echo, model
class Plugin(Echo):
    models = (model("sibling"),)
"""


def test_a_plugin_that_blocks_the_loop_is_named_once(install: Installer, tmp_path: Path) -> None:
    install.add_source("blocking", BLOCKING)
    install.add_source("sibling", SIBLING)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ) as server:
        address = server.address()
        body = {"prompt": "Hello", "models": ["echo", "sibling"], "timeout": 0.5}
        response = httpx.post(f"{address}/chat", json=body, timeout=60)
        assert response.status_code == 200
        assert httpx.get(f"{address}/health").status_code == 200
    # The deadline passed while nothing could run; the rows that were ready are returned.
    assert [row["response"] for row in response.json()["responses"]] == ["late", "Hello"]
    lines = [json.loads(line) for line in server.lines]
    reported = [line for line in lines if line["message"] == "the event loop stands still"]
    assert [(line["plugin"], line["where"]) for line in reported] == [
        ("blocking", "source_blocking.py:6")
    ]
    # The line comes while the plugin blocks, not afterwards.
    [call] = [line for line in lines if "latency_ms" in line]
    assert reported[0]["timestamp"] < call["timestamp"]
    assert (STANDSTILL_TICKS + 1) * TICK_SECONDS < 1
