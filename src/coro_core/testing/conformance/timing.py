"""That a plugin shares the event loop: it waits without blocking, together, and lets go."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from coro_core.contract.behaviour import Behaviour, Call
from coro_core.contract.errors import ProviderError
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks
from coro_core.testing.conformance.waiting import PATIENCE, in_time

CHECKS = Checks("How it shares the event loop")

_TICK = 0.05
_TICKS = 10
"""So many ticks of a thread without a beat of the loop between them are a standstill."""
_TOGETHER = 120
"""More than the hundred connections that many clients stop at by themselves."""


class Standstills(threading.Thread):
    """Counts ticks of its own against the beats of a loop, so that a slow machine slows both."""

    def __init__(self) -> None:
        super().__init__(name="standstills", daemon=True)
        self._loop_thread = threading.get_ident()
        self._beats = 0
        self._stopped = threading.Event()
        self.longest = 0.0
        """The longest time without a beat, in seconds by the ticks."""
        self.where = ""
        """Where the loop's thread was then."""

    async def beat(self) -> None:
        """Show that the loop runs, for ever."""
        while True:
            self._beats += 1
            await asyncio.sleep(_TICK / 2)

    def run(self) -> None:
        """Tick until stopped."""
        seen, ticks = -1, 0
        while not self._stopped.wait(_TICK):
            beats = self._beats
            ticks = ticks + 1 if beats == seen else 0
            seen = beats
            if ticks * _TICK > self.longest:
                self.longest = ticks * _TICK
                self.where = self._place()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()

    def _place(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "unknown"


@asynccontextmanager
async def unblocked(what: str) -> AsyncIterator[None]:
    """Raise `Failure` at the end if the loop has stood still meanwhile."""
    watch = Standstills()
    beating = asyncio.create_task(watch.beat())
    watch.start()
    try:
        yield
    finally:
        beating.cancel()
        watch.stop()
    require(
        watch.longest < _TICKS * _TICK,
        f"{what} blocks the event loop for {watch.longest:.1f} s, at {watch.where}.",
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
    slow = Behaviour(latency=2 * _TICKS * _TICK)
    async with subject.opened(slow) as provider, unblocked("A call"):
        with suppress(ProviderError):
            await provider.generate()


@CHECKS.add(
    "concurrent",
    f"{_TOGETHER} calls are at the provider at the same time: none waits for another.",
    needs=("calls-are-async",),
)
async def _concurrent(subject: PluginUnderTest) -> None:
    barrier = _Barrier(_TOGETHER)
    async with subject.opened(Behaviour(gate=barrier.wait)) as provider:
        calls = [provider.generate() for _ in range(_TOGETHER)]
        await asyncio.gather(*calls, return_exceptions=True)
    require(barrier.met, f"Only {barrier.most} of {_TOGETHER} calls were there at once.")


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
