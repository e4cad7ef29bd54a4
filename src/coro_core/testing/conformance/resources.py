"""What a plugin holds: one client, nothing global, and nothing once it is closed."""

import asyncio
import threading
from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import NotConfigured
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.loop_thread import run_in_loop_thread
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks
from coro_core.testing.conformance.waiting import in_time

CHECKS = Checks("What it holds, and lets go")

_CALLS = 5
_AGAIN_SECONDS = 30.0
_OPENINGS = 3


@CHECKS.add(
    "one-client",
    "Calls one after the other go over one connection: the client is kept.",
    needs=("answer", "address"),
)
async def _one_client(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        await provider.generate()
        before = provider.proxy.accepted
        for _ in range(_CALLS):
            await provider.generate()
        connections = provider.proxy.accepted - before
    require(not connections, f"It makes {connections} more connections for {_CALLS} more calls.")


@CHECKS.add(
    "closes",
    "Once it is closed, no connection and no task is left.",
    needs=("answer",),
)
async def _closes(subject: PluginUnderTest) -> None:
    hooks = subject.hooks()
    async with subject.simulated(hooks=hooks) as simulation:
        before = asyncio.all_tasks()
        environ = {**subject.environ, **simulation.settings}
        async with lifespan(hooks, environ):
            await Provider(hooks, environ, simulation).generate()
        closed = await in_time(lambda: not simulation.proxy.open)
        require(closed, f"{simulation.proxy.open} of its connections stay open.")
        ended = await in_time(lambda: asyncio.all_tasks() <= before)
        names = ", ".join(task.get_name() for task in asyncio.all_tasks() - before)
        require(ended, f"Tasks of its own go on: {names}.")


@CHECKS.add(
    "threads",
    "Opened and closed again and again, it leaves no more threads each time.",
    needs=("answer",),
)
async def _threads(subject: PluginUnderTest) -> None:
    before = set[threading.Thread]()
    for opening in range(1 + _OPENINGS):
        async with subject.opened() as provider:
            await provider.generate()
        if not opening:
            # What it starts once, and keeps for the process, is not counted.
            before = set(threading.enumerate())
    ended = await in_time(lambda: len(set(threading.enumerate()) - before) < _OPENINGS)
    require(ended, f"It leaves a thread or more behind each of {_OPENINGS} times.")


@CHECKS.add(
    "opens-again",
    "An instance that was closed opens again, on another event loop too.",
    needs=("answer",),
)
async def _opens_again(subject: PluginUnderTest) -> None:
    hooks = subject.hooks()

    async def once() -> None:
        async with subject.opened(hooks=hooks) as provider:
            await provider.answers()

    await once()
    await asyncio.to_thread(run_in_loop_thread, once, _AGAIN_SECONDS)


@CHECKS.add(
    "opens-after-failure",
    "An instance that could not be opened, for lack of a key, opens once there is one.",
    needs=("answer", "key-missing"),
)
async def _opens_after_failure(subject: PluginUnderTest) -> None:
    hooks = subject.hooks()
    with suppress(NotConfigured):
        async with lifespan(hooks, subject.environ):
            pass
    async with subject.opened(hooks=hooks) as provider:
        await provider.answers()


@CHECKS.add(
    "side-by-side",
    "Two instances in one process share nothing: each calls with its own settings.",
    needs=("answer", "key"),
)
async def _side_by_side(subject: PluginUnderTest) -> None:
    first, second = Behaviour(), Behaviour()
    async with (
        subject.opened(first, key="key-one-of-the-contract") as one,
        subject.opened(second, key="key-two-of-the-contract") as two,
    ):
        first.key, second.key = "key-one-of-the-contract", "key-two-of-the-contract"
        await asyncio.gather(*(each.answers() for each in (one, two, one, two)))
    calls = (len(first.calls), len(second.calls))
    require(calls == (2, 2), "The calls of one instance go to the provider of the other.")
