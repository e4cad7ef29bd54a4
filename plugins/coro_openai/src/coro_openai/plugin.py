"""The contract, for OpenAI-compatible services: configured, opened, called and simulated."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from coro_core import (
    GenerateRequest,
    Generation,
    Model,
    NotConfigured,
    Service,
    hookimpl,
)
from coro_core.kit import load_module, network
from coro_openai.settings import PREFIX, ServiceConfig, read_services

if TYPE_CHECKING:
    from coro_core.testing import Behaviour
    from coro_openai.client import Client

LIST_SECONDS = 8.0
"""Time for one service's list, within the core's limit for all of them; a later list is ignored."""


class OpenAIPlugin:
    """Any number of services, each with a name, an address, a key and models."""

    coro_contract = 1

    def __init__(self, *, list_timeout: float = LIST_SECONDS) -> None:
        self._list_timeout = list_timeout
        self._configs: Mapping[str, ServiceConfig] = {}
        self._client: Client | None = None

    @hookimpl
    def coro_list_models(self, environ: Mapping[str, str]) -> Sequence[Model]:
        """Return the models that the variables `CORO_OPENAI_<NAME>_MODELS` name."""
        self._configs = read_services(environ)
        return tuple(model for config in self._configs.values() for model in config.models)

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Open a client for every service that can be used. Fail only if no service can be."""
        self._configs = configs = read_services(environ)
        if not configs:
            help = f"name a model of a service, for example {PREFIX}OLLAMA_MODELS=llama3.2"
            raise NotConfigured(f"{PREFIX}<NAME>_MODELS", help=help)
        problems = [config for config in configs.values() if config.problem]
        if len(problems) == len(configs):
            raise problems[0].not_configured()
        client = await load_module("coro_openai.client")
        try:
            connections = await network(environ)
            async with client.open_client(configs, connections, self._list_timeout) as self._client:
                yield
        finally:
            self._client = None

    @hookimpl
    async def coro_generate(self, request: GenerateRequest) -> Generation:
        """Send one prompt to one model of one service and return its answer."""
        assert self._client is not None, "called outside the lifespan"
        return await self._client.generate(request)

    @hookimpl
    async def coro_live_models(self) -> Collection[str]:
        """Return the upstream models that the services serve, each with its service's prefix."""
        assert self._client is not None, "called outside the lifespan"
        return await self._client.live_models()

    @hookimpl
    def coro_services(self) -> Mapping[str, Service]:
        """Return every service, with the reason if it cannot be called."""
        return {name: self._service(config) for name, config in self._configs.items()}

    @hookimpl
    def coro_simulator(
        self, behaviour: "Behaviour"
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve OpenAI's protocol on loopback, in place of OpenAI and every service configured."""
        from coro_openai.simulator import simulate

        return simulate(behaviour, self._configs.values())

    def _service(self, config: ServiceConfig) -> Service:
        if config.problem:
            reason = config.not_configured().message
            return Service(name=config.title, reason=reason, configured=False)
        problems = self._client.problems(config.name) if self._client else (None, None)
        return Service(name=config.title, reason=problems[0], list_problem=problems[1])
