"""The contract, for DeepSeek: the models, and how they are opened, called and simulated."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from coro_core import GenerateRequest, Generation, Model, hookimpl
from coro_core.kit import load_module, network
from coro_deepseek.settings import PROVIDER, read_settings

if TYPE_CHECKING:
    from coro_core.testing import Behaviour
    from coro_deepseek.client import Client


class DeepSeekPlugin:
    """DeepSeek's one general model, with thinking disabled."""

    coro_contract = 1
    _client: "Client"

    @hookimpl
    def coro_list_models(self) -> Sequence[Model]:
        """Return the model, with the fallback for the retired deepseek-chat.

        Price outside peak hours: https://api-docs.deepseek.com/quick_start/pricing, read
        2026-11-22.
        """
        return (
            Model(
                id="deepseek",
                name="DeepSeek V2.5",
                provider=PROVIDER,
                cost="$0.15 in / $0.60 out per 1M tokens",
                candidates=("deepseek-chat", "deepseek-flash"),
            ),
        )

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Open one HTTP client. Its dependencies are loaded here at the earliest."""
        settings = read_settings(environ)
        client = await load_module("coro_deepseek.client")
        async with client.open_client(settings, await network(environ)) as self._client:
            yield

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Send one prompt to one model and return its answer."""
        return await self._client.generate(request)

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the upstream models that DeepSeek serves to this key."""
        return await self._client.live_models()

    @hookimpl
    def coro_simulator(
        self, behaviour: "Behaviour"
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve DeepSeek's protocol on loopback."""
        from coro_deepseek.simulator import simulate

        return simulate(behaviour)
