"""The plugin under test: opened as the core opens it, against its own simulator."""

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
from coro_core.testing.conformance.subprocess_probe import ProbeResult, probe_in_subprocess

OPEN_SECONDS = 20.0
CLOSE_SECONDS = 5.0
"""The longest times for opening and closing, as in the core by default."""


class _EveryName(frozenset[str]):
    """Names to list. Any other name is served too: a plugin may send a part of its names."""

    def __contains__(self, name: object) -> bool:
        return True


class PluginUnderTest:
    """A plugin class, and settings for the test beside those of its simulator."""

    def __init__(
        self,
        plugin_class: Any,
        *,
        name: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Take the class, the name of its entry point if only one is valid, and settings."""
        self.plugin_class = plugin_class
        self.name = name
        self.environ: Mapping[str, str] = dict(environ or {})
        self.probed: ProbeResult | None = None
        """The result of `probe`, once it was called."""

    def hooks(self) -> PluginAdapter:
        """Return a new instance of the plugin."""
        return PluginAdapter(self.plugin_class)

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
                # First, as in the core: a simulator may depend on the models on offer. The check
                # models-are-data reports what this raises.
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
        """Open the plugin against its simulator; make a new instance unless `hooks` is given.

        `key` replaces the simulator's key; `address` changes its addresses. Every upstream name
        is served, unless the script says which.
        """
        hooks = hooks or self.hooks()
        async with self.simulated(behaviour, hooks) as simulation:
            environ = {**self.environ, **simulation.settings}
            environ |= {name: address(environ[name]) for name in simulation.address_names}
            if key is not None:
                environ |= dict.fromkeys(simulation.key_names, key)
            async with lifespan(hooks, environ):
                yield Provider(hooks, environ, simulation)

    async def probe(self) -> ProbeResult:
        """Return the costs of importing and opening, measured once in a new process."""
        if self.probed is None:
            async with self.simulated() as simulation:
                self.probed = await asyncio.to_thread(
                    probe_in_subprocess, self.plugin_class, self.environ, simulation.settings
                )
        return self.probed


@asynccontextmanager
async def lifespan(hooks: PluginAdapter, environ: Mapping[str, str]) -> AsyncIterator[None]:
    """Open the plugin as the core does, and close it; do nothing if it has no lifespan.

    Raises what the plugin raises. Raises `Failure` when it takes longer than the core waits.
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
        raise Failure(f"It did not open within {OPEN_SECONDS:g} s.") from None
    try:
        yield
    finally:
        try:
            await task.leave(CLOSE_SECONDS)
        except TimeoutError:
            raise Failure(f"It did not close within {CLOSE_SECONDS:g} s.") from None
