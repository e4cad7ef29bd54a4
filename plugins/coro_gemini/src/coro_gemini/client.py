"""Calls to Gemini through either SDK. The chosen SDK is loaded when its client opens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from coro_core import GenerateRequest, Generation
from coro_core.kit import Network, load_module
from coro_gemini.settings import Settings

_CLIENT_MODULES = {
    "google-genai": "coro_gemini.rest.client",
    "google-generativeai": "coro_gemini.grpc.client",
}
"""The module of each SDK's client."""


class Client(Protocol):
    """One client of an SDK, for one key. Both methods raise only `ProviderError`."""

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt, within the request's timeout."""
        ...

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with."""
        ...


@asynccontextmanager
async def open_client(settings: Settings, network: Network) -> AsyncIterator[Client]:
    """Load the chosen SDK and open one client of it, for the running event loop."""
    module = await load_module(_CLIENT_MODULES[settings.sdk])
    async with module.open_client(settings, network) as client:
        yield client
