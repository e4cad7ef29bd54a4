"""Waiting for what happens on another thread's event loop."""

import asyncio
from collections.abc import Callable

PATIENCE = 5.0
_LOOK_SECONDS = 0.01


async def in_time(happened: Callable[[], object]) -> bool:
    """Return whether something happens within `PATIENCE` seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while not happened():
        if loop.time() > until:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return True
