"""What one instance of CORO is made of; two can live in one process and share nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from coro_core.catalog.catalog import Catalog, misspelt_upstreams
from coro_core.catalog.discovery import Discovery
from coro_core.config.settings import Settings, misspelt, read_settings
from coro_core.dispatch.caller import Caller
from coro_core.dispatch.fanout import FanOut
from coro_core.plugins.registry import PluginRegistry
from coro_core.plugins.watchdog import watching

_log = structlog.get_logger("coro")


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts, put together."""

    settings: Settings
    plugins: PluginRegistry
    catalog: Catalog
    discovery: Discovery
    fanout: FanOut

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Open every plugin as `start` does, and wait until that is done."""
        async with self.start():
            await self.plugins.wait_ready()
            yield

    @asynccontextmanager
    async def start(self) -> AsyncIterator[None]:
        """Open every plugin in the background, and close them at the end.

        In the demo, each is pointed at its own simulator.
        """
        demo = None
        if self.settings.demo:
            # Only here: the simulators' kit is of no use to a server with keys.
            from coro_core.engine.demo import demo_behaviours

            demo = demo_behaviours(self.settings, self.plugins.records)
            _log.warning("DEMO: every answer is simulated; no provider is asked")
        async with (
            watching(self.plugins.packages),
            self.plugins.start(timeout=self.settings.plugin_timeout, demo=demo),
        ):
            yield


def build_engine(environ: Mapping[str, str]) -> Engine:
    """Put an instance together from its settings; nothing is opened yet.

    Says in the log what in the settings looks like a slip. Raises `SettingsError`.
    """
    settings = read_settings(environ)
    plugins = PluginRegistry(environ, disabled=settings.disabled_plugins)
    catalog = Catalog(plugins, environ)
    discovery = Discovery(plugins, catalog, interval=settings.discovery_interval)
    caller = Caller(plugins, catalog, on_gone=discovery.want, patience=settings.timeout)
    fanout = FanOut(catalog, caller)
    names = [record.name for record in plugins.records]
    for sentence in misspelt(environ, names) + misspelt_upstreams(environ, plugins):
        _log.warning(sentence)
    return Engine(settings, plugins, catalog, discovery, fanout)
