"""Calls that go on although they were cancelled: counted, shown, and not added to without end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from coro_core import GenerateRequest
from coro_core.dispatch.fanout import MAX_STRAGGLERS
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import ask, running

HURRIED = 0.3


class Stubborn(Echo):
    """Its calls end when they are told to, whoever cancels them."""

    models = (model("stubborn"),)
    current: "Stubborn"

    def __init__(self) -> None:
        self.calls = 0
        self.release = asyncio.Event()
        Stubborn.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        if request.prompt == "at once":
            return answer("at once")
        self.calls += 1
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue
        return answer("at last")


@asynccontextmanager
async def stubborn_server(install: Installer) -> AsyncIterator[httpx.AsyncClient]:
    """Serve it and a sibling; let its calls end whatever comes."""
    install.add("stubborn", Stubborn)
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        try:
            yield client
        finally:
            Stubborn.current.release.set()


async def traffic(client: httpx.AsyncClient) -> tuple[int, int]:
    """Return how many calls were abandoned, and how many of them have not ended."""
    plugins = (await client.get("/plugins")).json()["plugins"]
    [found] = [it["traffic"] for it in plugins if it["name"] in ("stubborn", "patient")]
    return found["abandoned"], found["stragglers"]


async def until(client: httpx.AsyncClient, abandoned: int, stragglers: int) -> None:
    """Wait until the plugin's traffic is this."""
    async with asyncio.timeout(20):
        while await traffic(client) != (abandoned, stragglers):
            pass


async def test_a_plugin_with_too_many_stragglers_gets_no_new_calls_until_they_end(
    install: Installer,
) -> None:
    async with stubborn_server(install) as client:
        # Callers of a name that has never answered line up, and only the first one calls.
        await ask(client, "stubborn", prompt="at once")
        replies = await asyncio.gather(
            *(ask(client, "stubborn", timeout=HURRIED) for _ in range(MAX_STRAGGLERS))
        )
        codes = [reply.json()["responses"][0]["error_code"] for reply in replies]
        assert codes == ["timeout"] * MAX_STRAGGLERS
        await until(client, MAX_STRAGGLERS, MAX_STRAGGLERS)

        tasks = len(asyncio.all_tasks())
        for _ in range(100):
            reply = await ask(client, "stubborn", "echo")
            stubborn, sibling = reply.json()["responses"]
            assert reply.status_code == 200
            assert stubborn["error_code"] == "overloaded"
            assert sibling["response"] == "Hello"
        assert stubborn["error"] == (
            "Acme is overloaded; try again later. 32 calls to it go on long after their"
            " deadlines; it is asked again when they have ended."
        )
        assert stubborn["retry_after_s"] == 5
        assert (await ask(client, "stubborn")).status_code == 503
        single = await client.post("/chat/stubborn", json={"prompt": "Hello"})
        assert (single.status_code, single.json()["error_code"]) == (503, "overloaded")
        assert Stubborn.current.calls == MAX_STRAGGLERS
        assert len(asyncio.all_tasks()) <= tasks

        Stubborn.current.release.set()
        await until(client, MAX_STRAGGLERS, 0)
        assert (await ask(client, "stubborn")).json()["responses"][0]["response"] == "at last"
        assert await traffic(client) == (MAX_STRAGGLERS, 0)


async def test_a_call_whose_caller_left_is_a_straggler_too(install: Installer) -> None:
    async with stubborn_server(install) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(
                "/chat", json={"prompt": "Hello", "models": ["stubborn"]}, timeout=HURRIED
            )
        await until(client, 1, 1)
        Stubborn.current.release.set()
        await until(client, 1, 0)


async def test_calls_that_end_when_they_are_told_to_are_none(install: Installer) -> None:
    class Patient(Echo):
        models = (model("patient"),)

        async def generate(self, request: GenerateRequest) -> Any:
            await asyncio.Event().wait()

    install.add("patient", Patient)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(2):
            replies = await asyncio.gather(
                *(ask(client, "patient", timeout=HURRIED) for _ in range(MAX_STRAGGLERS + 8))
            )
            codes = {reply.json()["responses"][0]["error_code"] for reply in replies}
            assert codes == {"timeout"}
        assert await traffic(client) == (0, 0)
