"""For plugins: read settings, and import an SDK without blocking the event loop.

Public. HTTP clients and readers are in `coro_core.kit.http`. Imports the contract only.
"""

from coro_core.kit.imports import load_module
from coro_core.kit.networking import Network, network
from coro_core.kit.settings import api_key, base_url, is_loopback, is_private

__all__ = ["Network", "api_key", "base_url", "is_loopback", "is_private", "load_module", "network"]
