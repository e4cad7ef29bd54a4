"""The plugin under test: put before its own simulator, and opened as the core opens it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from typing import Any

from coro_core.contract.behaviour import Behaviour
from coro_core.plugins.adapter import PluginAdapter
from coro_core.plugins.lifespan import LifespanTask
from coro_core.testing.conformance.failure import Failure
from coro_core.testing.conformance.loop_thread import entered_in_loop_thread
from coro_core.testing.conformance.provider import Provider, Simulation, upstream_names
from coro_core.testing.conformance.recording_proxy import RecordingProxy
from coro_core.testing.conformance.subprocess_probe import Fresh, look_afresh

OPEN_SECONDS = 20.0
CLOSE_SECONDS = 5.0
"""How long opening and closing may take, as in the core by default."""


class _EveryName(frozenset[str]):
    """Names to list; every other is served as well: a plugin may send a part of its names."""

    def __contains__(self, name: object) -> bool:
        return True


class PluginUnderTest:
    """A plugin class, with the settings that it is to be tested with beside its simulator's."""

    def __init__(
        self, plugin: Any, *, name: str | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        """`name` is its entry point's; without it, any entry point that names the class will do."""
        self.plugin = plugin
        self.name = name
        self.environ: Mapping[str, str] = dict(environ or {})
        self.seen: Fresh | None = None
        """What a fresh process saw, once it was asked."""

    def hooks(self) -> PluginAdapter:
        """Return a new instance of the plugin."""
        return PluginAdapter(self.plugin)

    @asynccontextmanager
    async def simulated(
        self, behaviour: Behaviour | None = None, hooks: PluginAdapter | None = None
    ) -> AsyncIterator[Simulation]:
        """Serve the plugin's simulator, in a thread of its own."""
        script = behaviour or Behaviour()
        instance = hooks or self.hooks()

        @asynccontextmanager
        async def serving() -> AsyncIterator[Simulation]:
            async with AsyncExitStack() as stack:
                # First, as in the core: what a plugin offers may bear on what it simulates. What it
                # raises is told by models-are-data.
                with suppress(Exception):
                    instance.call("coro_list_models", environ=self.environ)
                manager = instance.call("coro_simulator", behaviour=script)
                settings = dict(await stack.enter_async_context(manager))
                simulation = Simulation(script, RecordingProxy(), settings)
                for name in simulation.address_names:
                    proxied = simulation.proxy.before(settings[name])
                    settings[name] = await stack.enter_async_context(proxied)
                if script.served is None:
                    script.served = _EveryName(
                        upstream_names(instance, {**self.environ, **settings})
                    )
                yield simulation

        async with entered_in_loop_thread(serving) as simulation:
            yield simulation

    @asynccontextmanager
    async def opened(
        self,
        behaviour: Behaviour | None = None,
        *,
        hooks: PluginAdapter | None = None,
        key: str | None = None,
        address: Callable[[str], str] = lambda address: address,
    ) -> AsyncIterator[Provider]:
        """Open the plugin before its simulator: a new instance, unless there is one.

        With another key than the simulator's, if there is one, and with its addresses changed.
        Every upstream name is served, unless the script says which.
        """
        hooks = hooks or self.hooks()
        async with self.simulated(behaviour, hooks) as simulation:
            environ = {**self.environ, **simulation.settings}
            environ |= {name: address(environ[name]) for name in simulation.address_names}
            if key is not None:
                environ |= dict.fromkeys(simulation.key_names, key)
            async with lifespan(hooks, environ):
                yield Provider(hooks, environ, simulation)

    async def fresh(self) -> Fresh:
        """Return what a fresh process saw of the plugin's import and opening; it is asked once."""
        if self.seen is None:
            async with self.simulated() as simulation:
                self.seen = await asyncio.to_thread(
                    look_afresh, self.plugin, self.environ, simulation.settings
                )
        return self.seen


@asynccontextmanager
async def lifespan(hooks: PluginAdapter, environ: Mapping[str, str]) -> AsyncIterator[None]:
    """Open the plugin as the core does, and close it; nothing happens if it has no lifespan.

    Raises what it raises, and `Failure` when it takes longer than the core waits.
    """

    def manager() -> AbstractAsyncContextManager[None]:
        if not hooks.implements("coro_lifespan"):
            return nullcontext()
        opened: AbstractAsyncContextManager[None] = hooks.call("coro_lifespan", environ=environ)
        return opened

    task = LifespanTask("the plugin", manager)
    try:
        await task.enter(OPEN_SECONDS)
    except TimeoutError:
        raise Failure(f"It is not open after {OPEN_SECONDS:g} s.") from None
    try:
        yield
    finally:
        try:
            await task.leave(CLOSE_SECONDS)
        except TimeoutError:
            raise Failure(f"It is not closed after {CLOSE_SECONDS:g} s.") from None
