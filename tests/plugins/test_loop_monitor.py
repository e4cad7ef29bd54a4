"""The monitor of the event loop reports a standstill while it lasts, and nothing else."""

import asyncio
import time
from types import FrameType

from coro_core.plugins.loop_monitor import monitored_loop, place

TICK_SECONDS = 0.02


async def test_a_blocked_loop_is_reported_with_its_place() -> None:
    seen: list[tuple[int, str]] = []

    def on_standstill(ticks: int, frame: FrameType | None) -> None:
        seen.append((ticks, place(frame)))

    async with monitored_loop(TICK_SECONDS, on_standstill):
        await asyncio.sleep(TICK_SECONDS)
        time.sleep(20 * TICK_SECONDS)  # noqa: ASYNC251
    longest, where = max(seen)
    assert longest >= 5
    assert where.startswith("test_loop_monitor.py:")


async def test_a_loop_that_runs_is_not_reported_for_long() -> None:
    longest = 0

    def on_standstill(ticks: int, frame: FrameType | None) -> None:
        nonlocal longest
        longest = max(longest, ticks)

    async with monitored_loop(0.1, on_standstill):
        for _ in range(100):
            await asyncio.sleep(0.01)
    assert longest <= 2


def test_the_place_of_no_frame_is_unknown() -> None:
    assert place(None) == "unknown"
