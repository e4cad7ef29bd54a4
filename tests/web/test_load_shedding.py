"""Too many requests at once: some are rejected at little cost, the others are answered."""

import asyncio
import json
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from coro_core import GenerateRequest
from coro_core.server.admission import Admission
from coro_core.web.app import create_app
from coro_core.web.load_shedding import LoadShedder
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer
from support.server import ask, running, serving

LIMIT = 3


class Gated(Echo):
    """Answers once its gate is open."""

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


async def test_chat_requests_beyond_the_limit_are_rejected_and_other_requests_are_not(
    install: Installer,
) -> None:
    install.add("gated", Gated)
    async with running({**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": str(LIMIT)}) as client:
        inside = [asyncio.create_task(ask(client, "echo", timeout=60)) for _ in range(LIMIT)]
        async with asyncio.timeout(20):
            await Gated.current.full.wait()

        # The body is not JSON, and nobody reads it.
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


async def test_failed_and_cancelled_requests_make_room_again(install: Installer) -> None:
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


class Exchange:
    """One chat request as a server passes it on, and the number of function calls for it."""

    def __init__(self, app: FastAPI, body: bytes) -> None:
        self._app = app
        self._body = body
        self.functions = 0
        self.status = 0
        self.read = False

    async def run(self) -> "Exchange":
        length = str(len(self._body)).encode()
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/chat",
            "raw_path": b"/chat",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"content-length", length)],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {},
        }
        sys.setprofile(self._count)
        try:
            await self._app(scope, self._receive, self._send)
        finally:
            sys.setprofile(None)
        return self

    def _count(self, _: object, event: str, __: object) -> None:
        self.functions += event in ("call", "c_call")

    async def _receive(self) -> dict[str, Any]:
        if self.read:
            await asyncio.Event().wait()
        self.read = True
        return {"type": "http.request", "body": self._body}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)


async def test_a_rejection_costs_the_same_for_every_request_and_a_tenth_of_an_answer(
    install: Installer,
) -> None:
    install.add("gated", Gated)
    app = create_app({**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": "1"})
    small, large = (
        json.dumps({"prompt": "x" * size, "models": ["echo"], "timeout": 60}).encode()
        for size in (1, 100_000)
    )
    async with serving(app) as client:
        Gated.current.go.set()
        await Exchange(app, small).run()
        served = await Exchange(app, small).run()
        assert (served.status, served.read) == (200, True)

        Gated.current.go.clear()
        Gated.current.entered.clear()
        inside = asyncio.create_task(ask(client, "echo", timeout=60))
        async with asyncio.timeout(20):
            await Gated.current.entered.wait()
        await Exchange(app, small).run()
        away = [await Exchange(app, body).run() for body in (small, large, b"{") for _ in range(30)]
        Gated.current.go.set()
        await inside
    assert {exchange.status for exchange in away} == {503}
    assert not any(exchange.read for exchange in away)
    assert len({exchange.functions for exchange in away}) == 1
    assert away[0].functions * 10 < served.functions, (away[0].functions, served.functions)


async def test_rejections_are_logged_by_number(install: Installer) -> None:
    install.add("gated", Gated)
    with capture_logs() as lines:
        async with running({**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": "1"}) as client:
            inside = asyncio.create_task(ask(client, "echo", timeout=60))
            async with asyncio.timeout(20):
                await Gated.current.entered.wait()
            for _ in range(20):
                assert (await ask(client, "echo")).status_code == 503
            assert [line for line in lines if line.get("status") == 503] == []
            Gated.current.go.set()
            await inside
    reports = [line for line in lines if line["event"] == "chat requests rejected"]
    assert sum(line["count"] for line in reports) == 20
    assert {(line["limit"], line["stopping"]) for line in reports} == {(1, False)}
    assert not any("request_id" in line for line in reports)


async def test_one_line_reports_the_rejections_of_an_interval() -> None:
    admission = Admission(limit=1, report_seconds=60.0)
    with capture_logs() as lines:
        for _ in range(20):
            admission.reject()
        assert lines == []
        admission.report()
    assert [(line["count"], line["limit"], line["stopping"]) for line in lines] == [(20, 1, False)]


async def test_rejections_are_reported_again_in_every_interval() -> None:
    admission = Admission(limit=0, report_seconds=0.01)
    with capture_logs() as lines:
        for number in (3, 2):
            for _ in range(number):
                admission.reject()
            # One loop runs its timers in order, however late.
            await asyncio.sleep(0.02)
        admission.report()
    assert [line["count"] for line in lines] == [3, 2]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_request_that_is_cut_off_gets_one_response_start(begun: bool) -> None:
    admission, sent = Admission(limit=1), []
    inside = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        inside.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/chat", "state": {"request_id": "r-1"}}
    task = asyncio.create_task(LoadShedder(app, admission)(scope, receive, send))
    await inside.wait()
    admission.cancel_remaining()
    await task
    assert not task.cancelled()
    starts = [it["status"] for it in sent if it["type"] == "http.response.start"]
    assert starts == ([200] if begun else [503])
