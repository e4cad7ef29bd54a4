"""Too many requests at once: some are turned away at no cost, the others are answered."""

import asyncio
from typing import Any

from coro_core import GenerateRequest
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer
from support.server import ask, running

LIMIT = 3


class Gated(Echo):
    """Answers when it is told to."""

    current: "Gated"

    def __init__(self) -> None:
        self.inside = 0
        self.entered, self.full, self.go = asyncio.Event(), asyncio.Event(), asyncio.Event()
        Gated.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        self.inside += 1
        self.entered.set()
        if self.inside == LIMIT:
            self.full.set()
        await self.go.wait()
        return answer("ok")


async def test_more_requests_than_the_limit_are_turned_away_and_health_is_not(
    install: Installer,
) -> None:
    install.add("gated", Gated)
    async with running({**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": str(LIMIT)}) as client:
        inside = [asyncio.create_task(ask(client, "echo", timeout=60)) for _ in range(LIMIT)]
        async with asyncio.timeout(20):
            await Gated.current.full.wait()

        # Not even JSON: the body is not looked at.
        away = await client.post("/chat", content=b"{", headers={"Origin": "https://app.example"})
        assert away.status_code == 503
        assert away.headers["content-type"] == "application/problem+json"
        assert away.headers["retry-after"] in {"1", "2", "3"}
        assert away.headers["access-control-allow-origin"] == "*"
        assert away.json()["type"] == "urn:coro:problem:overloaded"
        assert away.json()["request_id"] == away.headers["x-request-id"]
        assert (await client.post("/chat/echo", json={"prompt": "Hi"})).status_code == 503
        for path in ("/health", "/models", "/plugins", "/openapi.json"):
            assert (await client.get(path)).status_code == 200

        Gated.current.go.set()
        assert {(await request).status_code for request in inside} == {200}
        assert (await ask(client, "echo")).status_code == 200


async def test_requests_that_fail_or_are_given_up_make_room_again(install: Installer) -> None:
    install.add("gated", Gated)
    async with running({**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": "1"}) as client:
        for _ in range(3):
            assert (await client.post("/chat", content=b"{")).status_code == 422
        given_up = asyncio.create_task(ask(client, "echo", timeout=60))
        async with asyncio.timeout(20):
            await Gated.current.entered.wait()
            given_up.cancel()
            Gated.current.go.set()
            while (await ask(client, "echo")).status_code != 200:
                pass
