"""Resources: one client, nothing global, and nothing left after closing."""

import asyncio
import threading
from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import NotConfigured
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.loop_thread import run_in_loop_thread
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest, lifespan
from coro_core.testing.conformance.polling import eventually
from coro_core.testing.conformance.provider import Provider
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Resources")

_CALLS = 5
_AGAIN_SECONDS = 30.0
_OPENINGS = 3


@CHECKS.add(
    "one-client",
    "Consecutive calls use one connection: the plugin keeps its client.",
    depends_on=("answer", "address"),
)
async def _one_client(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        await provider.generate()
        before = provider.proxy.accepted
        for _ in range(_CALLS):
            await provider.generate()
        connections = provider.proxy.accepted - before
    require(not connections, f"It opens {connections} more connections for {_CALLS} more calls.")


@CHECKS.add(
    "closes",
    "After it is closed, no connection and no task is left.",
    depends_on=("answer",),
)
async def _closes(plugin: PluginUnderTest) -> None:
    hooks = plugin.hooks()
    async with plugin.simulated(hooks=hooks) as simulation:
        before = asyncio.all_tasks()
        environ = {**plugin.environ, **simulation.settings}
        async with lifespan(hooks, environ):
            await Provider(hooks, environ, simulation).generate()
        closed = await eventually(lambda: not simulation.proxy.open)
        require(closed, f"{simulation.proxy.open} of its connections stay open after it is closed.")
        ended = await eventually(lambda: asyncio.all_tasks() <= before)
        names = ", ".join(task.get_name() for task in asyncio.all_tasks() - before)
        require(ended, f"Tasks of its own run on after it is closed: {names}.")


@CHECKS.add(
    "threads",
    "Opening and closing it repeatedly leaves no thread each time.",
    depends_on=("answer",),
)
async def _threads(plugin: PluginUnderTest) -> None:
    before = set[threading.Thread]()
    for opening in range(1 + _OPENINGS):
        async with plugin.opened() as provider:
            await provider.generate()
        if not opening:
            # Threads that it starts once for the whole process are not counted.
            before = set(threading.enumerate())
    ended = await eventually(lambda: len(set(threading.enumerate()) - before) < _OPENINGS)
    require(ended, f"It leaves at least one thread behind each of {_OPENINGS} times.")


@CHECKS.add(
    "opens-again",
    "A closed instance opens again, on another event loop too.",
    depends_on=("answer",),
)
async def _opens_again(plugin: PluginUnderTest) -> None:
    hooks = plugin.hooks()

    async def once() -> None:
        async with plugin.opened(hooks=hooks) as provider:
            await provider.require_answer()

    await once()
    await asyncio.to_thread(run_in_loop_thread, once, _AGAIN_SECONDS)


@CHECKS.add(
    "opens-after-failure",
    "An instance that failed to open without a key opens once it gets one.",
    depends_on=("answer", "key-missing"),
)
async def _opens_after_failure(plugin: PluginUnderTest) -> None:
    hooks = plugin.hooks()
    with suppress(NotConfigured):
        async with lifespan(hooks, plugin.environ):
            pass
    async with plugin.opened(hooks=hooks) as provider:
        await provider.require_answer()


@CHECKS.add(
    "side-by-side",
    "Two instances in one process share nothing: each uses its own settings.",
    depends_on=("answer", "key"),
)
async def _side_by_side(plugin: PluginUnderTest) -> None:
    first, second = Behaviour(), Behaviour()
    async with (
        plugin.opened(first, key="key-one-of-the-contract") as one,
        plugin.opened(second, key="key-two-of-the-contract") as two,
    ):
        first.key, second.key = "key-one-of-the-contract", "key-two-of-the-contract"
        await asyncio.gather(*(each.require_answer() for each in (one, two, one, two)))
    calls = (len(first.calls), len(second.calls))
    require(calls == (2, 2), "The calls of one instance go to the provider of the other.")
