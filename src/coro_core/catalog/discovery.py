"""Asking each provider, in the background, what it serves and whether it takes the key.

It never stands in the way: a list that is down, slow, empty or malformed changes nothing for calls.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

import structlog

from coro_core.catalog.catalog import Catalog, can_be_asked
from coro_core.contract.errors import InvalidResponse, ProviderError
from coro_core.plugins.isolation import isolated_with_timeout
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry

LIST_SECONDS = 10.0
"""How long a provider's list may take."""
PAUSE_SECONDS = 60.0
"""The least between two looks at one provider: failures are remembered for this long."""
MAX_LISTED = 20_000
"""How many names of a list are taken; the longest real one has a few hundred."""
JITTER = 0.1

_log = structlog.get_logger("coro.discovery")


class Discovery:
    """Keeps what is known of each provider's list up to date."""

    def __init__(
        self,
        plugins: PluginRegistry,
        catalog: Catalog,
        *,
        interval: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Look every `interval` seconds, give or take a tenth; never when that is 0."""
        self._plugins = plugins
        self._catalog = catalog
        self._interval = interval
        self._uniform = uniform
        self._wanted: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at every provider once it is open, and on schedule or when wanted, until left."""
        tasks: set[asyncio.Task[None]] = set()
        for record in self._plugins.records:
            if self._interval > 0 and record.state in (State.STARTING, State.READY):
                wanted = self._wanted[record.name] = asyncio.Event()
                tasks.add(asyncio.create_task(self._keep_looking(record, wanted)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def want(self, record: PluginRecord) -> None:
        """Look at a provider soon: a call has found one of its names gone."""
        if (event := self._wanted.get(record.name)) is not None:
            event.set()

    async def look(self, record: PluginRecord) -> ProviderError | None:
        """Ask a provider that can be asked, once; return what went wrong. Never raises it."""
        failure: ProviderError | None = None
        try:
            names = await isolated_with_timeout(
                record.name, lambda: self._names(record), LIST_SECONDS
            )
        except ProviderError as error:
            error.provider = error.provider or record.provider
            failure = error
            _log.warning("discovery failed", plugin=record.name, error_code=error.code)
        else:
            self._catalog.upstreams(record).listed = names
            _log.info("discovery", plugin=record.name, listed=len(names))
        record.traffic.discovered(failure)
        record.learn_key(failure)
        return failure

    async def _names(self, record: PluginRecord) -> Collection[str]:
        names = await self._plugins.live_models(record.name)
        sound = isinstance(names, Collection) and not isinstance(names, str)
        if not sound or not all(isinstance(name, str) for name in names):
            raise TypeError("coro_live_models must return names")
        names = [name for name in names if can_be_asked(name)]
        if not names:
            # Not "nothing is served": no provider would be there then.
            raise InvalidResponse("Its list of models is empty.")
        return names[:MAX_LISTED]

    async def _keep_looking(self, record: PluginRecord, wanted: asyncio.Event) -> None:
        await record.start_finished.wait()
        while self._plugins.can_list(record):
            failure = await self.look(record)
            wanted.clear()
            rest = min(PAUSE_SECONDS, self._interval) if failure else self._interval
            rest *= self._uniform(1 - JITTER, 1 + JITTER)
            pause = min(PAUSE_SECONDS, rest)
            await asyncio.sleep(pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(rest - pause):
                    await wanted.wait()
