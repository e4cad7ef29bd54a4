"""One instance of CORO; two instances in one process share nothing."""

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
    """The parts of one instance."""

    settings: Settings
    plugins: PluginRegistry
    catalog: Catalog
    discovery: Discovery
    fanout: FanOut

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Like `start`, but wait until every plugin has started or has failed to."""
        async with self.start():
            await self.plugins.wait_ready()
            yield

    @asynccontextmanager
    async def start(self) -> AsyncIterator[None]:
        """Start every plugin in the background, and close every plugin at the end.

        In the demo, each plugin uses its own simulator.
        """
        demo = None
        if self.settings.demo:
            # Only here: a server with keys needs no simulators.
            from coro_core.engine.demo import demo_behaviours

            demo = demo_behaviours(self.settings, self.plugins.records)
            _log.warning("DEMO: every answer is simulated; no provider is asked")
        async with (
            watching(self.plugins.packages),
            self.plugins.start(timeout=self.settings.plugin_timeout, demo=demo),
        ):
            yield


def build_engine(environ: Mapping[str, str]) -> Engine:
    """Put an instance together from its settings; start no plugin.

    Logs settings that look misspelt. Raises `SettingsError`.
    """
    settings = read_settings(environ)
    plugins = PluginRegistry(environ, disabled=settings.disabled_plugins)
    catalog = Catalog(plugins, environ)
    discovery = Discovery(plugins, catalog, interval=settings.discovery_interval)
    caller = Caller(
        plugins,
        catalog,
        on_retired=discovery.request_refresh,
        attempt_timeout=settings.timeout,
    )
    fanout = FanOut(catalog, caller)
    names = [record.name for record in plugins.records]
    for sentence in misspelt(environ, names) + misspelt_upstreams(environ, plugins):
        _log.warning(sentence)
    return Engine(settings, plugins, catalog, discovery, fanout)
