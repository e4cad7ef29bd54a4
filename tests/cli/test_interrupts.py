"""Ctrl-C: every command ends at once, with exit code 130 and without a traceback."""

from pathlib import Path

import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.terminal import CTRL_C, Terminal

WAITS_AT_IMPORT = """
import time
print("waiting", flush=True)
time.sleep(60)
from support.plugins import Echo as Plugin
"""

WAITS_AT_START = """
import asyncio
from contextlib import asynccontextmanager
from coro_core import hookimpl
from support.plugins import Echo

class Plugin(Echo):
    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        print("waiting", flush=True)
        await asyncio.sleep(60)
        yield
"""

WAITS_IN_A_CALL = """
import asyncio
from support.plugins import Echo

class Plugin(Echo):
    async def generate(self, request):
        print("waiting", flush=True)
        await asyncio.sleep(60)
"""

IGNORES_ITS_CANCELLATION = """
import asyncio
from support.plugins import Echo

class Plugin(Echo):
    async def generate(self, request):
        print("waiting", flush=True)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
"""


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        (WAITS_AT_IMPORT, ["models"]),
        (WAITS_AT_IMPORT, ["plugins"]),
        (WAITS_AT_IMPORT, ["check"]),
        (WAITS_AT_IMPORT, ["chat", "Hi"]),
        (WAITS_AT_IMPORT, ["plugin", "check", "waits"]),
        (WAITS_AT_START, ["models"]),
        (WAITS_AT_START, ["plugins"]),
        (WAITS_AT_START, ["check"]),
        (WAITS_AT_START, ["chat", "Hi"]),
        (WAITS_IN_A_CALL, ["check", "--generate"]),
        (WAITS_IN_A_CALL, ["chat", "Hi"]),
        (IGNORES_ITS_CANCELLATION, ["check", "--generate"]),
        (IGNORES_ITS_CANCELLATION, ["chat", "Hi"]),
    ],
    ids=[
        *(f"import-{name}" for name in ("models", "plugins", "check", "chat", "plugin-check")),
        *(f"start-{name}" for name in ("models", "plugins", "check", "chat")),
        *(f"call-{name}" for name in ("check", "chat")),
        *(f"stuck-call-{name}" for name in ("check", "chat")),
    ],
)
def test_ctrl_c_ends_the_command_with_130_and_no_traceback(
    install: Installer, tmp_path: Path, source: str, arguments: list[str]
) -> None:
    install.add_source("waits", source)
    environ = {
        "PYTHONPATH": f"{install.directory}:{TESTS}",
        "CORO_TIMEOUT": "60",
        **NO_REAL_PLUGINS,
    }
    with Terminal(*arguments, cwd=tmp_path, environ=environ) as terminal:
        terminal.wait_for("waiting")
        terminal.press(CTRL_C)
        assert terminal.wait() == 130, terminal.text
        assert "Traceback" not in terminal.text
        assert "KeyboardInterrupt" not in terminal.text


def test_ctrl_c_stops_a_server_without_a_traceback(tmp_path: Path) -> None:
    with Terminal("serve", "--port", "0", cwd=tmp_path, environ=NO_REAL_PLUGINS) as terminal:
        terminal.wait_for("running on")
        terminal.press(CTRL_C)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.text
