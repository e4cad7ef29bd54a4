"""The contract, for Gemini: the models, and how they are opened, called and simulated."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from coro_core import GenerateRequest, Generation, Model, hookimpl
from coro_core.kit import load_module, network
from coro_gemini.client import open_client
from coro_gemini.settings import PROVIDER, read_settings

if TYPE_CHECKING:
    from coro_core.testing import Behaviour
    from coro_gemini.client import Client


class GeminiPlugin:
    """One model of Google's free tier. Upstream models come and go; the id stays."""

    coro_contract = 1
    _client: "Client"

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return the one model, with the fallbacks nearest to it in price and speed.

        From https://ai.google.dev/gemini-api/docs/deprecations, read 2026-11-22.
        """
        return (
            Model(
                id="gemini",
                name="Gemini 1.5 Flash",
                provider=PROVIDER,
                cost="free",
                candidates=("gemini-1.5-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite"),
            ),
        )

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Open one client of the chosen SDK, which is loaded only once a key is set."""
        # In a thread: it reads the metadata of installed distributions.
        settings = await asyncio.to_thread(read_settings, environ)
        async with open_client(settings, await network(environ)) as self._client:
            yield

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Send one prompt to one model and return its answer."""
        # Google's own lists have the prefix; the calls add it.
        model = request.model.removeprefix("models/")
        return await self._client.generate(replace(request, model=model))

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the names that Google lists for this key. A listed name may still fail."""
        return await self._client.live_models()

    @hookimpl
    @asynccontextmanager
    async def coro_simulator(self, behaviour: "Behaviour") -> AsyncIterator[Mapping[str, str]]:
        """Serve both of Gemini's protocols, gRPC and REST, on one port of loopback."""
        simulator = await load_module("coro_gemini.simulator")
        async with simulator.simulate(behaviour) as environ:
            yield environ
