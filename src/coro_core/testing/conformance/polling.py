"""Polling for events on another thread's event loop."""

import asyncio
from collections.abc import Callable

WAIT_SECONDS = 5.0
"""The longest wait for an event; the check fails then."""
_POLL_SECONDS = 0.01


async def eventually(happened: Callable[[], object]) -> bool:
    """Poll; return true once `happened` returns true, and false after `WAIT_SECONDS`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WAIT_SECONDS
    while not happened():
        if loop.time() > until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
