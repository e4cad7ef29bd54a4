"""Calls of a burst wait for the first one only in doubt, and only with a fallback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from coro_core import GenerateRequest, ModelUnavailable
from coro_core.catalog.catalog import Catalog
from coro_core.catalog.upstreams import RETIRED_SECONDS, Upstreams
from coro_core.dispatch.caller import Caller, Prompt
from coro_core.dispatch.fanout import FanOut
from coro_core.plugins.registry import PluginRegistry
from support.clock import Clock
from support.plugins import REAL_PLUGINS, Echo, Installer, answer, model, opened

BURST = 64
PROMPT = Prompt("Hello", 0.7, 16)


class Meeting(Echo):
    """Answers the calls of a name once `BURST` of them are in flight; `retired` is not served."""

    models = (model("one", "only"), model("two", "first", "second"), model("old", "retired", "new"))
    calls: list[str]
    current: "Meeting"

    def __init__(self) -> None:
        self.calls = []
        self.barrier = asyncio.Barrier(BURST)
        Meeting.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        self.calls.append(request.model)
        if request.model == "retired":
            raise ModelUnavailable
        if request.prompt == PROMPT.text:
            await self.barrier.wait()
        return answer("met")


@asynccontextmanager
async def fan_out(
    install: Installer, clock: Clock | None = None
) -> AsyncIterator[tuple[FanOut, Upstreams]]:
    """Open the plugin. A call that waits for a verdict misses its deadline."""
    install.add("meeting", Meeting)
    plugins = PluginRegistry({}, disabled=REAL_PLUGINS)
    catalog = Catalog(plugins, clock=clock or Clock(), verdict_seconds=3600.0)
    async with opened(plugins):
        record = plugins.record("meeting")
        assert record is not None
        yield FanOut(catalog, Caller(plugins, catalog)), catalog.upstreams(record)


async def burst(fanout: FanOut, model_id: str) -> None:
    """Ask one model many times at once, and check that all calls met in flight."""
    asking = [fanout.ask([model_id], PROMPT, 20.0) for _ in range(BURST)]
    replies = await asyncio.gather(*asking)
    assert {reply.rows[0].response for reply in replies} == {"met"}


async def test_a_cold_burst_of_a_single_candidate_does_not_wait(install: Installer) -> None:
    async with fan_out(install) as (fanout, _):
        await burst(fanout, "one")
    assert Meeting.current.calls == ["only"] * BURST


async def test_a_cold_burst_of_a_listed_name_does_not_wait(install: Installer) -> None:
    async with fan_out(install) as (fanout, upstreams):
        upstreams.listed = ("first", "second")
        await burst(fanout, "two")
    assert Meeting.current.calls == ["first"] * BURST


async def test_a_burst_of_a_confirmed_name_does_not_wait(install: Installer) -> None:
    async with fan_out(install) as (fanout, upstreams):
        upstreams.confirm("first")
        await burst(fanout, "two")
    assert Meeting.current.calls == ["first"] * BURST


async def test_a_burst_that_does_not_allow_substitution_does_not_wait(install: Installer) -> None:
    prompt = Prompt(PROMPT.text, 0.7, 16, substitute=False)
    async with fan_out(install) as (fanout, _):
        asking = [fanout.ask(["two"], prompt, 20.0) for _ in range(BURST)]
        replies = await asyncio.gather(*asking)
    assert {reply.rows[0].response for reply in replies} == {"met"}


async def test_a_burst_that_meets_a_retired_name_calls_it_once(install: Installer) -> None:
    async with fan_out(install) as (fanout, _):
        await burst(fanout, "old")
    assert Meeting.current.calls.count("retired") == 1
    assert Meeting.current.calls.count("new") == BURST


async def test_a_burst_calls_a_listed_name_once_that_was_found_retired_before(
    install: Installer,
) -> None:
    clock = Clock()
    async with fan_out(install, clock) as (fanout, upstreams):
        upstreams.listed = ("retired", "new")
        upstreams.mark_retired("retired")
        clock.now += RETIRED_SECONDS
        await burst(fanout, "old")
    assert Meeting.current.calls.count("retired") == 1
    assert Meeting.current.calls.count("new") == BURST
