"""The contract, for Gemini: what it offers, and how it is opened, called and simulated."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coro_core import GenerateRequest, Generation, Model, NotConfigured, hookimpl
from coro_core.kit import api_key, base_url, load_module
from coro_gemini.sdks import chosen_sdk, open_client

if TYPE_CHECKING:
    from coro_core.testing import Behaviour
    from coro_gemini.sdks import Client

KEY_HELP = "get one at https://aistudio.google.com/apikey"
"""Where a key comes from, for a person."""


class GeminiPlugin:
    """One model of Google's free tier; the name behind it comes and goes, the id stays."""

    coro_contract = 1
    _client: "Client"

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return the one model, with the successors nearest to it in price and speed.

        From https://ai.google.dev/gemini-api/docs/deprecations, read 2026-11-22.
        """
        return (
            Model(
                id="gemini",
                name="Gemini 1.5 Flash",
                provider="Google",
                cost="free",
                candidates=("gemini-1.5-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite"),
            ),
        )

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Open one client of the chosen SDK, which is loaded only once there is a key."""
        key = api_key(environ, "GEMINI_API_KEY", help=KEY_HELP)
        address = base_url(environ, "GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")
        if urlsplit(address).path:
            raise NotConfigured(
                "GEMINI_BASE_URL",
                help="give scheme, host and port only",
                problem="holds a path",
            )
        # In a thread: it looks at what is installed.
        sdk = await asyncio.to_thread(chosen_sdk, environ)
        async with open_client(sdk, key, address) as self._client:
            yield

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Send one prompt to one model and return its answer."""
        return await self._client.generate(request)

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the names that Google lists for this key; being listed, a name may yet refuse."""
        return await self._client.live_models()

    @hookimpl
    @asynccontextmanager
    async def coro_simulator(self, behaviour: "Behaviour") -> AsyncIterator[Mapping[str, str]]:
        """Serve both of Gemini's protocols, gRPC and REST, on one port of loopback."""
        simulator = await load_module("coro_gemini.simulator")
        async with simulator.simulate(behaviour) as environ:
            yield environ
