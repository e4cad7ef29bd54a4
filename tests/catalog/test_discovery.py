"""Lists of models are refreshed in the background, one at a time, and never delay a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coro_core import AuthenticationFailed, GenerateRequest, ModelUnavailable, hookimpl
from coro_core.catalog.discovery import Discovery
from coro_core.dispatch.caller import Caller, Prompt
from coro_core.dispatch.fanout import FanOut
from coro_core.engine.engine import Engine, build_engine
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, model
from support.server import ask, running


class Listing(Echo):
    """A plugin whose list the test sets and releases step by step."""

    models = (model("m", "old", "new"),)
    listed: Any = ("new",)
    refreshes: int
    at_once: int
    most_at_once: int
    outcome: Any
    go: asyncio.Event
    asked: asyncio.Event
    current: "Listing"

    def __init__(self) -> None:
        self.refreshes = self.at_once = self.most_at_once = 0
        self.outcome = self.listed
        self.go, self.asked = asyncio.Event(), asyncio.Event()
        self.go.set()
        Listing.current = self

    @hookimpl
    async def coro_live_models(self) -> Any:
        self.refreshes += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.asked.set()
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    async def generate(self, request: GenerateRequest) -> Any:
        if request.model == "old":
            raise ModelUnavailable
        return await super().generate(request)

    async def asked_again(self) -> None:
        """Wait for the next refresh."""
        self.asked.clear()
        async with asyncio.timeout(20):
            await self.asked.wait()


@asynccontextmanager
async def opened(install: Installer, **environ: str) -> AsyncIterator[tuple[Engine, Listing]]:
    install.add("listing", Listing)
    engine = build_engine({**NO_REAL_PLUGINS, **environ})
    async with engine.started():
        yield engine, Listing.current


async def test_the_server_answers_while_the_list_is_awaited(install: Installer) -> None:
    install.add("listing", Listing)
    async with running(NO_REAL_PLUGINS) as client:
        listing = Listing.current
        listing.go.clear()
        response = await ask(client, "m")
    assert response.json()["responses"][0]["upstream_model"] == "new"


async def test_lists_are_refreshed_on_schedule_and_one_at_a_time(install: Installer) -> None:
    async with (
        opened(install) as (engine, listing),
        Discovery(engine.plugins, engine.catalog, interval=0.01).running(),
    ):
        for _ in range(5):
            await listing.asked_again()
    assert listing.refreshes >= 5
    assert listing.most_at_once == 1


async def test_an_interval_of_zero_means_no_refresh(install: Installer) -> None:
    async with (
        opened(install, CORO_DISCOVERY_INTERVAL="0") as (engine, listing),
        engine.discovery.running(),
    ):
        for _ in range(10):
            await asyncio.sleep(0)
    assert listing.refreshes == 0


async def test_a_call_that_finds_a_name_retired_requests_a_refresh(install: Installer) -> None:
    class Outdated(Listing):
        listed = ("old", "new")

    install.add("outdated", Outdated)
    engine = build_engine(NO_REAL_PLUGINS)
    discovery = Discovery(engine.plugins, engine.catalog, interval=3600, pause=0.0)
    caller = Caller(engine.plugins, engine.catalog, on_retired=discovery.request_refresh)
    async with engine.started(), discovery.running():
        listing = Listing.current
        if not listing.refreshes:
            await listing.asked_again()
        again = asyncio.create_task(listing.asked_again())
        await asyncio.sleep(0)
        await FanOut(engine.catalog, caller).ask(["m"], Prompt("Hello", 0.7, 16), 5.0)
        await again
    assert listing.refreshes == 2


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (None, "plugin_fault"),
        (7, "plugin_fault"),
        (["a", 7], "plugin_fault"),
        ("new", "plugin_fault"),
        ([], "invalid_response"),
        (["", "half \ud83d"], "invalid_response"),
        (ValueError("secret"), "plugin_fault"),
        (SystemExit(3), "plugin_fault"),
        (AuthenticationFailed("Check ACME_API_KEY."), "authentication_failed"),
    ],
    ids=repr,
)
async def test_a_broken_list_is_an_error_of_the_refresh_alone(
    install: Installer, outcome: Any, code: str
) -> None:
    async with opened(install) as (engine, listing):
        listing.outcome = outcome
        record = engine.plugins.record("listing")
        assert record is not None
        failure = await engine.discovery.refresh(record)
        assert failure is not None
        assert failure.code == record.traffic.last_discovery_error_code == code
        assert record.callable
        assert record.state == ("unconfigured" if code == "authentication_failed" else "ready")
        listing.outcome = ["new"]
        assert await engine.discovery.refresh(record) is None
        assert record.state == "ready"
        assert engine.catalog.upstreams(record).listed == {"new"}


async def test_names_that_are_not_valid_are_left_out_of_the_list(install: Installer) -> None:
    class Odd(Listing):
        listed = ("fine", "", "two\nlines", "half a pair \ud83d")

    install.add("odd", Odd)
    async with running(NO_REAL_PLUGINS) as client:
        async with asyncio.timeout(20):
            ids = ["m"]
            while ids == ["m"]:
                response = await client.get("/models?all=true")
                assert response.status_code == 200
                ids = [entry["id"] for entry in response.json()["models"]]
        assert ids == ["m", "odd:fine"]
        assert (await ask(client, "odd:fine")).status_code == 200


async def test_a_list_that_hangs_is_abandoned(install: Installer) -> None:
    async with opened(install) as (engine, listing):
        listing.go.clear()
        record = engine.plugins.record("listing")
        assert record is not None
        discovery = Discovery(engine.plugins, engine.catalog, interval=3600, list_timeout=0.05)
        failure = await discovery.refresh(record)
    assert failure is not None
    assert failure.code == "timeout"
    assert listing.at_once == 0
