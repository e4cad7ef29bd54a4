"""Loading what a plugin needs only once it is opened."""

import asyncio
import importlib
from types import ModuleType


async def load_module(name: str) -> ModuleType:
    """Import a module in a thread, so that the event loop serves others meanwhile.

    An SDK takes a good part of a second to load. Raises what the import raises.
    """
    return await asyncio.to_thread(importlib.import_module, name)
