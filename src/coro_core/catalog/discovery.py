"""Refresh each provider's list of models in the background, and learn if it accepts the key.

Calls never depend on a refresh: a list that is down, slow, empty or malformed changes nothing.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

import structlog

from coro_core.catalog.catalog import Catalog, is_valid_model_name
from coro_core.contract.errors import InvalidResponse, ProviderError
from coro_core.plugins.isolation import isolated_with_timeout
from coro_core.plugins.record import PluginRecord, State
from coro_core.plugins.registry import PluginRegistry

LIST_SECONDS = 10.0
"""Time for a provider's list; the refresh fails with `Timeout` beyond it."""
PAUSE_SECONDS = 60.0
"""Least time between two refreshes of one provider, and the longest after a failed one."""
MAX_LISTED = 20_000
"""Names taken of a list; the rest is ignored. The longest real list has a few hundred."""
JITTER = 0.1

_log = structlog.get_logger("coro.discovery")


class Discovery:
    """Keeps each provider's list up to date."""

    def __init__(
        self,
        plugins: PluginRegistry,
        catalog: Catalog,
        *,
        interval: float,
        pause: float = PAUSE_SECONDS,
        list_timeout: float = LIST_SECONDS,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Refresh every `interval` seconds, plus or minus a tenth; never when that is 0.

        `pause` is the least time between two refreshes of one provider, in seconds. A list that
        takes longer than `list_timeout` seconds is a failed refresh.
        """
        self._plugins = plugins
        self._catalog = catalog
        self._interval = interval
        self._pause = pause
        self._list_timeout = list_timeout
        self._uniform = uniform
        self._requested: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Refresh each provider once it is open, then on schedule or on request, until left."""
        tasks: set[asyncio.Task[None]] = set()
        for record in self._plugins.records:
            if self._interval > 0 and record.state in (State.STARTING, State.READY):
                requested = self._requested[record.name] = asyncio.Event()
                tasks.add(asyncio.create_task(self._refresh_on_schedule(record, requested)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def request_refresh(self, record: PluginRecord) -> None:
        """Refresh a provider soon: a call has found one of its names retired."""
        if (event := self._requested.get(record.name)) is not None:
            event.set()

    async def refresh(self, record: PluginRecord) -> ProviderError | None:
        """Ask a provider's list once; return the error, or `None`. Never raises it."""
        failure: ProviderError | None = None
        try:
            names = await isolated_with_timeout(
                record.name, lambda: self._names(record), self._list_timeout
            )
        except ProviderError as error:
            if not error.provider:
                record.attribute(error)
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
        is_collection = isinstance(names, Collection) and not isinstance(names, str)
        if not is_collection or not all(isinstance(name, str) for name in names):
            raise TypeError("coro_live_models must return names")
        names = [name for name in names if is_valid_model_name(name)]
        if not names:
            # An empty list is a fault of the list: no provider serves nothing.
            raise InvalidResponse("Its list of models is empty.")
        return names[:MAX_LISTED]

    async def _refresh_on_schedule(self, record: PluginRecord, requested: asyncio.Event) -> None:
        await record.start_finished.wait()
        while self._plugins.can_list(record):
            failure = await self.refresh(record)
            requested.clear()
            interval = min(self._pause, self._interval) if failure else self._interval
            interval *= self._uniform(1 - JITTER, 1 + JITTER)
            pause = min(self._pause, interval)
            await asyncio.sleep(pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(interval - pause):
                    await requested.wait()
