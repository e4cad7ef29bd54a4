"""Imports that wait until a plugin is opened."""

import asyncio
import importlib
from types import ModuleType


async def load_module(name: str) -> ModuleType:
    """Import a module in a thread, so that the event loop serves others meanwhile.

    An SDK takes up to a second to load. The import's own errors are raised.
    """
    return await asyncio.to_thread(importlib.import_module, name)
