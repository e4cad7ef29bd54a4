"""Noticing that the event loop stands still, and saying which plugin holds it up.

A plugin that blocks (a synchronous sleep, a long computation) delays every request. It cannot be
stopped from here, but it can be named.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import structlog

BEAT_SECONDS = 0.2
STANDSTILL_SECONDS = 0.6
"""How long the loop may stand still; that it does is said at most a beat later."""

_log = structlog.get_logger("coro.watchdog")


@asynccontextmanager
async def watching(packages: Mapping[str, str]) -> AsyncIterator[None]:
    """Watch the running loop from a thread until left; `packages` maps package names to plugins."""
    watch = _Watch(packages, threading.get_ident())
    beating = asyncio.create_task(watch.beat())
    watch.start()
    try:
        yield
    finally:
        beating.cancel()
        watch.stop()


class _Watch(threading.Thread):
    """The thread that looks whether the loop still beats."""

    def __init__(self, packages: Mapping[str, str], loop_thread: int) -> None:
        super().__init__(name="coro-watchdog", daemon=True)
        self._packages = packages
        self._loop_thread = loop_thread
        self._last_beat = time.monotonic()
        self._stopped = threading.Event()

    async def beat(self) -> None:
        """Show that the loop runs, for ever."""
        while True:
            self._last_beat = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def run(self) -> None:
        """Say once of each standstill who holds up the loop."""
        told = 0.0
        while not self._stopped.wait(BEAT_SECONDS):
            last = self._last_beat
            if last != told and time.monotonic() - last > STANDSTILL_SECONDS:
                told = last
                self._tell()

    def stop(self) -> None:
        """End the thread; it does not outlive the loop."""
        self._stopped.set()
        self.join()

    def _tell(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "unknown"
        _log.error("the event loop stands still", plugin=self._plugin(frame), where=where)

    def _plugin(self, frame: FrameType | None) -> str | None:
        """Return the plugin that is innermost on the stack; `None` when it is none."""
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if package in self._packages:
                return self._packages[package]
            frame = frame.f_back
        return None
