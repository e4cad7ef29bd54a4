"""Polling for conditions that no event announces."""

import asyncio
from collections.abc import Callable

INTERVAL_SECONDS = 0.005


async def eventually(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `condition` returns true. Raises `AssertionError` after `seconds`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, f"the condition is still false after {seconds:g} s"
        await asyncio.sleep(INTERVAL_SECONDS)
