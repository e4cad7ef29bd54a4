"""A server answers while its plugins start; a call waits for the plugin of its model."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from coro_core import GenerateRequest, Generation, NotConfigured, hookimpl
from coro_core.web.app import create_app
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import Process, ask, serving


class Slow(Echo):
    """A plugin that opens when the test allows it."""

    models = (model("slow"),)
    opening: asyncio.Event
    may_open: asyncio.Event
    refuses = False

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: object) -> AsyncIterator[None]:
        self.opening.set()
        await self.may_open.wait()
        if self.refuses:
            raise NotConfigured("SLOW_API_KEY", help="get one")
        yield


class Quick(Echo):
    """A plugin that signals its first call."""

    models = (model("quick"),)
    called: asyncio.Event

    async def generate(self, request: GenerateRequest) -> Generation:
        self.called.set()
        return answer("here")


@pytest.fixture
def slow(install: Installer) -> Iterator[type[Slow]]:
    Slow.opening, Slow.may_open, Slow.refuses = asyncio.Event(), asyncio.Event(), False
    Quick.called = asyncio.Event()
    install.add("quick", Quick)
    install.add("slow", Slow)
    yield Slow
    Slow.may_open.set()


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    plugins = (await client.get("/plugins")).json()["plugins"]
    return {it["name"]: it["state"] for it in plugins if it["state"] != "disabled"}


async def test_a_slow_plugin_delays_no_other_plugin(slow: type[Slow]) -> None:
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        await slow.opening.wait()
        assert (await client.get("/health")).status_code == 200
        assert (await ask(client, "quick")).json()["succeeded"] == 1
        assert await states(client) == {"quick": "ready", "slow": "starting"}


async def test_an_early_call_is_answered_once_the_plugin_is_open(slow: type[Slow]) -> None:
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        await slow.opening.wait()
        early = asyncio.create_task(ask(client, "slow", "quick"))
        await Quick.called.wait()
        slow.may_open.set()
        body = (await early).json()
        assert [row["error_code"] for row in body["responses"]] == [None, None]
        assert await states(client) == {"quick": "ready", "slow": "ready"}


async def test_a_call_with_too_short_a_timeout_gets_an_error_with_a_wait(slow: type[Slow]) -> None:
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        response = await ask(client, "slow", timeout=0.05)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
        (row,) = response.json()["responses"]
        assert row["error_code"] == "timeout"
        assert row["error"] == "The plugin slow is still starting; try again in a moment."
        both = await ask(client, "quick", "slow", timeout=0.5)
        assert both.status_code == 200
        assert [row["error_code"] for row in both.json()["responses"]] == [None, "timeout"]


async def test_a_plugin_that_fails_to_open_gives_the_reason(slow: type[Slow]) -> None:
    slow.refuses = True
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        early = asyncio.create_task(ask(client, "slow"))
        await slow.opening.wait()
        slow.may_open.set()
        response = await early
        assert response.status_code == 503
        (row,) = response.json()["responses"]
        assert row["error_code"] == "not_configured"
        assert "SLOW_API_KEY" in row["error"]


async def test_the_list_of_models_waits_for_the_plugins(slow: type[Slow]) -> None:
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        early = asyncio.create_task(client.get("/models"))
        await slow.opening.wait()
        slow.may_open.set()
        models = (await early).json()["models"]
        assert {it["id"]: it["available"] for it in models} == {"quick": True, "slow": True}


async def test_the_list_of_models_waits_at_most_for_the_timeout(slow: type[Slow]) -> None:
    async with serving(create_app({**NO_REAL_PLUGINS, "CORO_TIMEOUT": "0.05"})) as client:
        models = (await client.get("/models")).json()["models"]
        assert {it["id"]: it["available"] for it in models} == {"quick": True, "slow": False}
        assert models[1]["reason"] == "The plugin slow is still starting; try again in a moment."


async def test_a_server_that_stops_does_not_wait_for_a_starting_plugin(slow: type[Slow]) -> None:
    async with asyncio.timeout(30):
        async with serving(create_app(NO_REAL_PLUGINS)):
            await slow.opening.wait()


FROZEN = """
import gc
from support.paths import TESTS
from support.plugins import Echo, answer, model

class Plugin(Echo):
    models = (model("frozen"),)

    async def generate(self, request):
        return answer(str(gc.get_freeze_count()))
"""


def test_a_started_server_hides_its_own_objects_from_the_garbage_collector(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("frozen", FROZEN)
    path = f"{install.directory}:{TESTS}"
    environ = {**NO_REAL_PLUGINS, "PYTHONPATH": path, "CORO_LOG_FORMAT": "json"}
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ) as server:
        server.wait_for('"state": "ready"')
        body = {"prompt": "Hello", "models": ["frozen"]}
        reply = httpx.post(f"{server.address()}/chat", json=body).json()
    assert int(reply["responses"][0]["response"]) > 10_000


async def test_a_plugin_with_a_half_deleted_distribution_is_still_listed(
    install: Installer,
) -> None:
    install.add("quick", Echo)
    [metadata] = install.directory.glob("*/METADATA")
    metadata.unlink()
    async with serving(create_app(NO_REAL_PLUGINS)) as client:
        plugins = (await client.get("/plugins")).json()["plugins"]
        [quick] = [plugin for plugin in plugins if plugin["name"] == "quick"]
        assert (quick["distribution"], quick["version"]) == ("unknown", "unknown")
        assert (await ask(client, "echo")).json()["succeeded"] == 1
