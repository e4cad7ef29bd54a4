"""The contract, for Groq: the models, and how they are opened, called and simulated."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from coro_core import GenerateRequest, Generation, Model, hookimpl
from coro_core.kit import load_module, network
from coro_groq.settings import PROVIDER, read_settings

if TYPE_CHECKING:
    from coro_core.testing import Behaviour
    from coro_groq.client import Client


class GroqPlugin:
    """Three models of Groq's free plan. Upstream models come and go; the ids stay."""

    coro_contract = 1
    _client: "Client"

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return the three models, each with the fallbacks that Groq recommends.

        From https://console.groq.com/docs/deprecations, read 2026-11-22.
        """
        return (
            Model(
                id="llama-70b",
                name="Llama 3.1 70B",
                provider=PROVIDER,
                cost="free",
                candidates=(
                    "llama-3.1-70b-versatile",
                    "llama-3.3-70b-versatile",
                    "openai/gpt-oss-120b",
                ),
            ),
            Model(
                id="llama-8b",
                name="Llama 3.1 8B",
                provider=PROVIDER,
                cost="free",
                candidates=("llama-3.1-8b-instant", "openai/gpt-oss-20b"),
            ),
            Model(
                id="mixtral",
                name="Mixtral 8x7B",
                provider=PROVIDER,
                cost="free",
                candidates=("mixtral-8x7b-32768", "qwen/qwen3.8-27b", "qwen/qwen3.6-27b"),
            ),
        )

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Open one client of the SDK, which is loaded here at the earliest."""
        settings = read_settings(environ)
        client = await load_module("coro_groq.client")
        async with client.open_client(settings, await network(environ)) as self._client:
            yield

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Send one prompt to one model and return its answer."""
        return await self._client.generate(request)

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the upstream models that Groq serves to this key."""
        return await self._client.live_models()

    @hookimpl
    def coro_simulator(
        self, behaviour: "Behaviour"
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve Groq's protocol on loopback."""
        from coro_groq.simulator import simulate

        return simulate(behaviour)
