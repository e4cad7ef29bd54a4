"""A plugin that opens or closes badly delays neither the other plugins nor the process."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from coro_core import hookimpl
from coro_core.plugins.registry import PluginRegistry
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Echo, Installer, model
from support.server import START_SECONDS, Process, ask, running

PLUGIN = """
import asyncio
from contextlib import asynccontextmanager, suppress
from coro_core import hookimpl
from support.plugins import Echo, model

class Plugin(Echo):
    models = (model("{name}"),)

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self):
        yield
        print("{name} is closing", flush=True)
        {closing}
        print("{name} is closed", flush=True)
"""

CLOSING = {
    "hangs": """
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
""",
    "exits": "raise SystemExit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "cancels itself": "asyncio.current_task().cancel(); await asyncio.sleep(0)",
}


@pytest.mark.parametrize("closing", CLOSING)
def test_a_plugin_that_does_not_close_delays_neither_the_others_nor_the_end(
    install: Installer, tmp_path: Path, closing: str
) -> None:
    install.add_source("amid", PLUGIN.format(name="amid", closing=CLOSING[closing].strip()))
    for name in ("after", "before"):
        install.add_source(name, PLUGIN.format(name=name, closing="pass"))
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ) as server:
        for name in ("after", "amid", "before"):
            server.wait_for(f'"plugin": "{name}", "state": "ready"')
        begin = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)
        assert time.monotonic() - begin < START_SECONDS / 2
    output = server.output
    assert "amid is closing" in output
    assert "amid is closed" not in output
    assert "after is closed" in output
    assert "before is closed" in output
    assert output.count("plugin did not close") == 1
    assert "Traceback" not in output


async def test_a_plugin_that_cancels_itself_while_opening_has_failed(install: Installer) -> None:
    class Cancelling(Echo):
        models = (model("cancelling"),)

        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self) -> AsyncIterator[None]:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
            yield

    install.add("cancelling", Cancelling)
    install.add("echo", Echo)
    async with asyncio.timeout(START_SECONDS), running(NO_REAL_PLUGINS) as client:
        rows = (await ask(client, "cancelling", "echo")).json()["responses"]
        assert rows[0]["error_code"] == "plugin_fault"
        assert "SelfCancelledError" in rows[0]["error"]
        assert rows[1]["response"] == "Hello"


class Closing(Echo):
    """A plugin that closes once two others of its kind are closing as well."""

    together: asyncio.Barrier
    closed: list[str]

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self) -> AsyncIterator[None]:
        yield
        await self.together.wait()
        self.closed.append(self.models[0].id)


async def test_plugins_close_all_at_once(install: Installer) -> None:
    Closing.together, Closing.closed = asyncio.Barrier(3), []
    for name in ("one", "two", "three"):
        install.add(name, type(name, (Closing,), {"models": (model(name),)}))
    async with running(NO_REAL_PLUGINS) as client:
        assert (await ask(client, "one", "two", "three")).status_code == 200
    assert sorted(Closing.closed) == ["one", "three", "two"]


async def test_a_plugin_that_opens_at_the_moment_of_the_stop_is_closed(install: Installer) -> None:
    """The stop and the end of the opening come in either order."""
    events: list[str] = []

    class Quick(Echo):
        models = (model("quick"),)

        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self) -> AsyncIterator[None]:
            events.append("opened")
            yield
            events.append("closed")

    install.add("quick", Quick)
    for turns in range(8):
        events.clear()
        async with PluginRegistry({}, disabled=REAL_PLUGINS).start(timeout=20):
            for _ in range(turns):
                await asyncio.sleep(0)
        assert events in ([], ["opened", "closed"]), turns
