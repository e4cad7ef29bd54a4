"""Log which plugin blocks the event loop.

A plugin that blocks (a synchronous sleep, a long computation) delays every request. The core cannot
stop it, but it can name it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import FrameType

import structlog

from coro_core.plugins.loop_monitor import monitored_loop, place

TICK_SECONDS = 0.2
STANDSTILL_TICKS = 3
"""A loop that stands still for longer is logged once, at most one tick later."""

_log = structlog.get_logger("coro.watchdog")


@asynccontextmanager
async def watching(packages: Mapping[str, str]) -> AsyncIterator[None]:
    """Watch the running loop until the block is left; `packages` maps package names to plugins."""

    def report(ticks: int, frame: FrameType | None) -> None:
        # Exactly once for each standstill.
        if ticks == STANDSTILL_TICKS:
            plugin = _innermost_plugin(frame, packages)
            _log.error("the event loop stands still", plugin=plugin, where=place(frame))

    async with monitored_loop(TICK_SECONDS, report):
        yield


def _innermost_plugin(frame: FrameType | None, packages: Mapping[str, str]) -> str | None:
    """Return the innermost plugin on the stack; `None` if no plugin is on it."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in packages:
            return packages[package]
        frame = frame.f_back
    return None
