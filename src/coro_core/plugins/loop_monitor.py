"""A thread that notices when the event loop stands still, and where."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

OnStandstill = Callable[[int, FrameType | None], None]
"""Takes the number of ticks for which the loop has not run, and the frame of the loop's thread."""


@asynccontextmanager
async def monitored_loop(tick_seconds: float, on_standstill: OnStandstill) -> AsyncIterator[None]:
    """Watch the running loop until the block is left.

    At each tick in which the loop has not run, the thread calls `on_standstill`. Time is counted in
    ticks of the thread: a slow machine slows the thread and the loop alike, and causes no alarm.
    """
    monitor = _LoopMonitor(tick_seconds, on_standstill)
    beating = asyncio.create_task(monitor.beat())
    monitor.start()
    try:
        yield
    finally:
        beating.cancel()
        monitor.stop()


def place(frame: FrameType | None) -> str:
    """Return the file and line of a frame, such as `client.py:17`."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "unknown"


class _LoopMonitor(threading.Thread):
    """Counts its own ticks between two beats of the loop."""

    def __init__(self, tick_seconds: float, on_standstill: OnStandstill) -> None:
        super().__init__(name="loop-monitor", daemon=True)
        self._tick_seconds = tick_seconds
        self._on_standstill = on_standstill
        self._loop_thread = threading.get_ident()
        self._beats = 0
        self._stopped = threading.Event()

    async def beat(self) -> None:
        """Count the turns of the loop, without end."""
        while True:
            self._beats += 1
            await asyncio.sleep(self._tick_seconds)

    def run(self) -> None:
        """Tick until stopped."""
        seen, ticks = -1, 0
        while not self._stopped.wait(self._tick_seconds):
            beats = self._beats
            ticks = ticks + 1 if beats == seen else 0
            seen = beats
            if ticks:
                self._on_standstill(ticks, sys._current_frames().get(self._loop_thread))

    def stop(self) -> None:
        """End the thread, so that it does not outlive the loop."""
        self._stopped.set()
        self.join()
