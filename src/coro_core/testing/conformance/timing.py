"""Checks that a plugin never blocks the loop, runs calls concurrently and honours cancellation."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

from coro_core.contract.behaviour import Behaviour, Call
from coro_core.contract.errors import ProviderError
from coro_core.plugins.isolation import cancel_after
from coro_core.plugins.loop_monitor import monitored_loop, place
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.polling import WAIT_SECONDS, eventually
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Concurrency")

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
    "Opening and closing do not block the event loop.",
    depends_on=("answer",),
)
async def _opening_is_async(plugin: PluginUnderTest) -> None:
    async with unblocked("Opening or closing"), plugin.opened():
        pass


@CHECKS.add(
    "calls-are-async",
    "A call does not block the event loop while it waits for its provider.",
    depends_on=("answer",),
)
async def _calls_are_async(plugin: PluginUnderTest) -> None:
    slow = Behaviour(latency=2 * _TICKS * _TICK_SECONDS)
    async with plugin.opened(slow) as provider, unblocked("A call"):
        with suppress(ProviderError):
            await provider.generate()


@CHECKS.add(
    "concurrent",
    f"{_CONCURRENT_CALLS} calls run at the same time: none waits for another.",
    depends_on=("calls-are-async",),
)
async def _concurrent(plugin: PluginUnderTest) -> None:
    barrier = _Barrier(_CONCURRENT_CALLS)
    async with plugin.opened(Behaviour(gate=barrier.wait)) as provider:
        calls = [provider.generate() for _ in range(_CONCURRENT_CALLS)]
        await asyncio.gather(*calls, return_exceptions=True)
    require(barrier.met, f"Only {barrier.most} of {_CONCURRENT_CALLS} calls ran at the same time.")


class _Barrier:
    """A barrier on the simulator's loop; it opens when no call has arrived for `WAIT_SECONDS`."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._open = asyncio.Event()
        self._waiting = 0
        self.most = 0
        self.met = False

    async def wait(self, call: Call) -> None:
        """Wait until every call has arrived."""
        self._waiting += 1
        self.most = max(self.most, self._waiting)
        if self._waiting == self._parties and not self._open.is_set():
            self.met = True
            self._open.set()
        try:
            while not self._open.is_set():
                most = self.most
                try:
                    await asyncio.wait_for(self._open.wait(), WAIT_SECONDS)
                except TimeoutError:
                    if self.most == most:
                        self._open.set()
        finally:
            self._waiting -= 1


@CHECKS.add(
    "cancellation",
    "A cancelled call ends at once as cancelled, and ends at the provider too.",
    depends_on=("calls-are-async",),
)
async def _cancellation(plugin: PluginUnderTest) -> None:
    arrived = threading.Event()

    async def gate(call: Call) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with plugin.opened(Behaviour(gate=gate)) as provider:
        call = provider.started(timeout=60.0)
        require(await eventually(arrived.is_set), "The call does not arrive at the simulator.")
        call.cancel()
        late = await cancel_after(WAIT_SECONDS, call)
        require(not late, "A cancelled call runs on.")
        require(call.cancelled(), "A cancelled call does not end as cancelled.")
        ended = await eventually(lambda: provider.behaviour.cancelled == 1)
        require(ended, "A cancelled call leaves its connection to the provider open.")
        provider.behaviour.gate = None
        await provider.require_answer()


@CHECKS.add(
    "closing-ends-calls",
    "Closing the plugin ends the calls in flight.",
    depends_on=("calls-are-async",),
)
async def _closing_ends_calls(plugin: PluginUnderTest) -> None:
    arrived = threading.Event()

    async def gate(call: Call) -> None:
        arrived.set()
        await asyncio.Event().wait()

    hooks = plugin.hooks()
    async with plugin.simulated(Behaviour(gate=gate), hooks) as simulation:
        environ = {**plugin.environ, **simulation.settings}
        async with lifespan(hooks, environ):
            provider = Provider(hooks, environ, simulation)
            call = provider.started(timeout=60.0)
            await eventually(arrived.is_set)
        late = await cancel_after(WAIT_SECONDS, call)
        require(not late, "A call runs on after the plugin was closed.")
        if not call.cancelled():
            call.exception()
