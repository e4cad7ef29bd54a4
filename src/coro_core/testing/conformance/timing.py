"""Checks that a plugin never blocks the loop, runs calls concurrently and honours cancellation."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

from coro_core.contract.behaviour import Behaviour, Call
from coro_core.contract.errors import ProviderError
from coro_core.plugins.loop_monitor import monitored_loop, place
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks
from coro_core.testing.conformance.waiting import PATIENCE, in_time

CHECKS = Checks("How it shares the event loop")

_TICK_SECONDS = 0.05
_TICKS = 10
"""Ticks of the monitor for which the loop must not stand still."""
_CONCURRENT_CALLS = 120
"""More than 100, the default limit of connections in many clients."""


@asynccontextmanager
async def unblocked(action: str) -> AsyncIterator[None]:
    """Raise `Failure` at the end if the loop stood still for `_TICKS` ticks within the block."""
    longest, where = 0, ""

    def on_standstill(ticks: int, frame: FrameType | None) -> None:
        nonlocal longest, where
        if ticks > longest:
            longest, where = ticks, place(frame)

    async with monitored_loop(_TICK_SECONDS, on_standstill):
        yield
    require(
        longest < _TICKS,
        f"{action} blocks the event loop for {longest * _TICK_SECONDS:.1f} s, at {where}.",
    )


@CHECKS.add(
    "opening-is-async",
    "Opening and closing leave the event loop to others.",
    needs=("answer",),
)
async def _opening_is_async(subject: PluginUnderTest) -> None:
    async with unblocked("Opening or closing"), subject.opened():
        pass


@CHECKS.add(
    "calls-are-async",
    "While a call waits for its provider, the event loop is free.",
    needs=("answer",),
)
async def _calls_are_async(subject: PluginUnderTest) -> None:
    slow = Behaviour(latency=2 * _TICKS * _TICK_SECONDS)
    async with subject.opened(slow) as provider, unblocked("A call"):
        with suppress(ProviderError):
            await provider.generate()


@CHECKS.add(
    "concurrent",
    f"{_CONCURRENT_CALLS} calls are at the provider at the same time: none waits for another.",
    needs=("calls-are-async",),
)
async def _concurrent(subject: PluginUnderTest) -> None:
    barrier = _Barrier(_CONCURRENT_CALLS)
    async with subject.opened(Behaviour(gate=barrier.wait)) as provider:
        calls = [provider.generate() for _ in range(_CONCURRENT_CALLS)]
        await asyncio.gather(*calls, return_exceptions=True)
    require(barrier.met, f"Only {barrier.most} of {_CONCURRENT_CALLS} calls were there at once.")


class _Barrier:
    """A barrier on the simulator's loop that opens for good once nobody has come for a while."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._open = asyncio.Event()
        self._waiting = 0
        self.most = 0
        self.met = False

    async def wait(self, call: Call) -> None:
        """Wait until all are here."""
        self._waiting += 1
        self.most = max(self.most, self._waiting)
        if self._waiting == self._parties and not self._open.is_set():
            self.met = True
            self._open.set()
        try:
            while not self._open.is_set():
                most = self.most
                try:
                    await asyncio.wait_for(self._open.wait(), PATIENCE)
                except TimeoutError:
                    if self.most == most:
                        self._open.set()
        finally:
            self._waiting -= 1


@CHECKS.add(
    "cancellation",
    "A call that is cancelled ends at once as cancelled, and ends at the provider too.",
    needs=("calls-are-async",),
)
async def _cancellation(subject: PluginUnderTest) -> None:
    arrived = threading.Event()

    async def gate(call: Call) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with subject.opened(Behaviour(gate=gate)) as provider:
        call = provider.started(timeout=60.0)
        require(await in_time(arrived.is_set), "The call does not arrive at the simulator.")
        call.cancel()
        await asyncio.wait({call}, timeout=PATIENCE)
        require(call.done(), "It goes on although it was cancelled.")
        require(call.cancelled(), "It swallows its cancellation.")
        ended = await in_time(lambda: provider.behaviour.cancelled == 1)
        require(ended, "The provider is not told: its connection stays open.")
        provider.behaviour.gate = None
        await provider.answers()


@CHECKS.add(
    "closing-ends-calls",
    "Closing the plugin ends the calls that are under way.",
    needs=("calls-are-async",),
)
async def _closing_ends_calls(subject: PluginUnderTest) -> None:
    arrived = threading.Event()

    async def gate(call: Call) -> None:
        arrived.set()
        await asyncio.Event().wait()

    hooks = subject.hooks()
    async with subject.simulated(Behaviour(gate=gate), hooks) as simulation:
        environ = {**subject.environ, **simulation.settings}
        async with lifespan(hooks, environ):
            provider = Provider(hooks, environ, simulation)
            call = provider.started(timeout=60.0)
            await in_time(arrived.is_set)
        await asyncio.wait({call}, timeout=PATIENCE)
        require(call.done(), "A call goes on after the plugin was closed.")
        if not call.cancelled():
            call.exception()
