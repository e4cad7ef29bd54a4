"""Abandoned calls are counted and shown, and their number is limited."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from coro_core import GenerateRequest, Model, Service, hookimpl
from coro_core.dispatch.fanout import MAX_ABANDONED_CALLS
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import ask, running

HURRIED = 0.3


class Stubborn(Echo):
    """Its calls ignore cancellation and end when the test releases them."""

    models: Sequence[Model] = (model("stubborn"),)
    current: "Stubborn"

    def __init__(self) -> None:
        self.calls = 0
        self.release = asyncio.Event()
        Stubborn.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        self.calls += 1
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue
        return answer("at last")


@asynccontextmanager
async def stubborn_server(install: Installer) -> AsyncIterator[httpx.AsyncClient]:
    """Serve it and a sibling; release its calls at the end."""
    install.add("stubborn", Stubborn)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        try:
            yield client
        finally:
            Stubborn.current.release.set()


async def traffic(client: httpx.AsyncClient) -> tuple[int, int]:
    """Return the number of abandoned calls, and of those still running."""
    plugins = (await client.get("/plugins")).json()["plugins"]
    [found] = [it["traffic"] for it in plugins if it["name"] in ("stubborn", "patient", "two")]
    return found["abandoned"], found["abandoned_running"]


async def until(client: httpx.AsyncClient, abandoned: int, running: int) -> None:
    """Wait until the plugin's traffic is this."""
    async with asyncio.timeout(20):
        while await traffic(client) != (abandoned, running):
            pass


async def test_a_plugin_with_too_many_abandoned_calls_gets_no_new_calls_until_they_end(
    install: Installer,
) -> None:
    async with stubborn_server(install) as client:
        replies = await asyncio.gather(
            *(ask(client, "stubborn", timeout=HURRIED) for _ in range(MAX_ABANDONED_CALLS))
        )
        codes = [reply.json()["responses"][0]["error_code"] for reply in replies]
        assert codes == ["timeout"] * MAX_ABANDONED_CALLS
        await until(client, MAX_ABANDONED_CALLS, MAX_ABANDONED_CALLS)

        tasks = len(asyncio.all_tasks())
        for _ in range(100):
            reply = await ask(client, "stubborn", "echo")
            stubborn, sibling = reply.json()["responses"]
            assert reply.status_code == 200
            assert stubborn["error_code"] == "plugin_fault"
            assert sibling["response"] == "Hello"
        assert stubborn["error"] == (
            "The plugin stubborn has 32 calls that do not end; new calls are refused until some do."
        )
        assert stubborn["retry_after_s"] == 5
        assert (await ask(client, "stubborn")).status_code == 503
        single = await client.post("/chat/stubborn", json={"prompt": "Hello"})
        assert (single.status_code, single.json()["error_code"]) == (503, "plugin_fault")
        assert Stubborn.current.calls == MAX_ABANDONED_CALLS
        assert len(asyncio.all_tasks()) <= tasks

        Stubborn.current.release.set()
        await until(client, MAX_ABANDONED_CALLS, 0)
        assert (await ask(client, "stubborn")).json()["responses"][0]["response"] == "at last"
        assert await traffic(client) == (MAX_ABANDONED_CALLS, 0)


async def test_a_call_is_abandoned_too_if_its_client_left(install: Installer) -> None:
    async with stubborn_server(install) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(
                "/chat", json={"prompt": "Hello", "models": ["stubborn"]}, timeout=HURRIED
            )
        await until(client, 1, 1)
        Stubborn.current.release.set()
        await until(client, 1, 0)


async def test_calls_that_end_when_they_are_cancelled_are_not_counted(install: Installer) -> None:
    class Patient(Echo):
        models = (model("patient"),)

        async def generate(self, request: GenerateRequest) -> Any:
            await asyncio.Event().wait()

    install.add("patient", Patient)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(2):
            replies = await asyncio.gather(
                *(ask(client, "patient", timeout=HURRIED) for _ in range(MAX_ABANDONED_CALLS + 8))
            )
            codes = {reply.json()["responses"][0]["error_code"] for reply in replies}
            assert codes == {"timeout"}
        assert await traffic(client) == (0, 0)


class TwoServices(Stubborn):
    """Calls of the service `a` never end; those of `b` are answered."""

    models = (model("m-a", "a/x", provider="A"), model("m-b", "b/x", provider="B"))

    @hookimpl
    def coro_services(self) -> Any:
        return {"a": Service(name="A"), "b": Service(name="B")}

    async def generate(self, request: GenerateRequest) -> Any:
        if request.model.startswith("b/"):
            return answer("from b")
        return await super().generate(request)


async def test_the_abandoned_calls_of_one_service_do_not_refuse_another(install: Installer) -> None:
    install.add("two", TwoServices)
    async with running(NO_REAL_PLUGINS) as client:
        try:
            stuck = [ask(client, "m-a", timeout=HURRIED) for _ in range(MAX_ABANDONED_CALLS)]
            await asyncio.gather(*stuck)
            await until(client, MAX_ABANDONED_CALLS, MAX_ABANDONED_CALLS)
            response = await ask(client, "m-a", "m-b", "two:b/y", "two:a/y")
            a, b, _, other_a = response.json()["responses"]
        finally:
            Stubborn.current.release.set()
    assert (b["error"], b["response"]) == (None, "from b")
    assert a["error"] == other_a["error"]
    assert a["error"] == (
        "The plugin two has 32 calls to A that do not end; new calls are refused until some do."
    )
